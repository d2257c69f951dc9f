#include "long_sequence/mixed_layer.hpp"
#include "long_sequence/networks/dss.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

MadeNetwork<Cuda> make_mixed_dss_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return dss_network_of<MixedLayer<DSS<float, Cuda>>>(options, shape, gen);
}

}  // namespace longwave::examples
