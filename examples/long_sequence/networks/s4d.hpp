#pragma once

#include "long_sequence/network_layers.hpp"
#include "long_sequence/network_of.hpp"
#include "longwave/nn/s4d.hpp"

namespace longwave::examples {

template <device D>
MadeNetwork<D> make_s4d_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  S4DOptions layer;
  set_ssm_options(layer, options);
  layer.lr = options.optimizer.ssm_lr;
  return std::make_unique<NetworkOf<S4D<float, D>, D>>(options, shape, layer, /*two_sided=*/false, gen);
}

}  // namespace longwave::examples
