#pragma once

#include "long_sequence/network_layers.hpp"
#include "long_sequence/network_of.hpp"
#include "longwave/nn/s4d.hpp"

namespace longwave::examples {

template <class Layer>
MadeNetwork<typename Layer::Dev> s4d_network_of(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  S4DOptions layer;
  set_ssm_options(layer, options);
  layer.lr = options.optimizer.ssm_lr;
  return network_of<Layer>(options, shape, layer, /*two_sided=*/false, gen);
}

template <device D>
MadeNetwork<D> make_s4d_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4d_network_of<S4D<float, D>>(options, shape, gen);
}

}  // namespace longwave::examples
