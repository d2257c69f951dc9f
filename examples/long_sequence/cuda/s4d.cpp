#include "long_sequence/networks/s4d.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

template MadeNetwork<Cuda> make_s4d_network<Cuda>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
