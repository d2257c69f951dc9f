#include "long_sequence/networks/recurrent.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

template MadeNetwork<Cuda> make_lstm_network<Cuda>(const RunOptions&, const NetworkShape&, Generator&);
template MadeNetwork<Cuda> make_gru_network<Cuda>(const RunOptions&, const NetworkShape&, Generator&);
template MadeNetwork<Cuda> make_conv_network<Cuda>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
