#pragma once

#include "long_sequence/mixed_layer.hpp"
#include "long_sequence/networks/s4.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

template <class Disc>
MadeNetwork<Cuda> make_mixed_s4_diag_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4_diag_network_of<MixedLayer<S4Diag<float, Cuda, Disc>>>(options, shape, gen);
}

}  // namespace longwave::examples
