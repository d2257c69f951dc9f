#include "long_sequence/network_choice.hpp"

namespace longwave::examples {

template std::unique_ptr<Network<Host>> make_network<Host>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
