#include "long_sequence/networks/s4.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

template MadeNetwork<Cuda> make_s4_diag_network<Cuda, Zoh>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
