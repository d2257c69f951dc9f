#include "long_sequence/networks/s4.hpp"

namespace longwave::examples {

template MadeNetwork<Host> make_s4_diag_network<Host, Zoh>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
