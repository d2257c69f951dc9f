#include "long_sequence/network_choice.hpp"

namespace longwave::examples {

template std::unique_ptr<Network<Cuda>> make_network<Cuda>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
