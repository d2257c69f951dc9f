#include "long_sequence/networks/s4d.hpp"

namespace longwave::examples {

template MadeNetwork<Host> make_s4d_network<Host>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
