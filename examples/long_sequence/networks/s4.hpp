// S4 and the diagonal S4Diag: the same options and learning rates.
#pragma once

#include "long_sequence/network_layers.hpp"
#include "long_sequence/network_of.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"

namespace longwave::examples {

template <class Layer>
typename Layer::Options s4_options(const RunOptions& options) {
  typename Layer::Options layer;
  set_ssm_options(layer, options);
  layer.bidirectional = options.model.bidirectional;
  S4Options& kernel = layer.kernel;
  kernel.init = options.model.init;
  kernel.n_ssm = options.model.n_ssm;
  kernel.rank = options.model.rank;
  kernel.deterministic = options.model.deterministic;
  kernel.lr_A = kernel.lr_B = options.optimizer.ssm_lr;
  kernel.lr_dt = std::isnan(options.optimizer.dt_lr) ? options.optimizer.ssm_lr : options.optimizer.dt_lr;
  kernel.lr_C = options.optimizer.C_lr;
  return layer;
}

template <device D>
MadeNetwork<D> make_s4_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  using Layer = S4<float, D>;
  auto layer = s4_options<Layer>(options);
  layer.l_max = shape.length;  // C~ starts right, and as long as the longest item
  return std::make_unique<NetworkOf<Layer, D>>(options, shape, layer, true, gen);
}

template <device D>
MadeNetwork<D> make_s4_diag_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  using Layer = S4Diag<float, D>;
  return std::make_unique<NetworkOf<Layer, D>>(options, shape, s4_options<Layer>(options), true, gen);
}

}  // namespace longwave::examples
