#include "long_sequence/mixed_layer.hpp"
#include "long_sequence/networks/s4.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

MadeNetwork<Cuda> make_mixed_s4_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4_network_of<MixedLayer<S4<float, Cuda>>>(options, shape, gen);
}

}  // namespace longwave::examples
