#include "long_sequence/networks/dss.hpp"

namespace longwave::examples {

template MadeNetwork<Host> make_dss_network<Host>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
