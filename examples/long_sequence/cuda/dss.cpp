#include "long_sequence/networks/dss.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

template MadeNetwork<Cuda> make_dss_network<Cuda>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
