#include "long_sequence/cuda/mixed_s4_diag.hpp"

namespace longwave::examples {

template MadeNetwork<Cuda> make_mixed_s4_diag_network<Bilinear>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
