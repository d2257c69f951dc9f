#include "long_sequence/networks/recurrent.hpp"

namespace longwave::examples {

template MadeNetwork<Host> make_lstm_network<Host>(const RunOptions&, const NetworkShape&, Generator&);
template MadeNetwork<Host> make_gru_network<Host>(const RunOptions&, const NetworkShape&, Generator&);
template MadeNetwork<Host> make_conv_network<Host>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
