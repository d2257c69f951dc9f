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
  kernel.dt_transform = transform_of(options.model.dt_transform, "model.dt_transform");
  kernel.real_transform = transform_of(options.model.real_transform, "model.real_transform");
  kernel.imag_transform = transform_of(options.model.imag_transform, "model.imag_transform");
  kernel.lr_A = kernel.lr_B = options.optimizer.ssm_lr;
  kernel.lr_dt = std::isnan(options.optimizer.dt_lr) ? options.optimizer.ssm_lr : options.optimizer.dt_lr;
  kernel.lr_C = options.optimizer.C_lr;
  return layer;
}

template <class Layer>
MadeNetwork<typename Layer::Dev> s4_network_of(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  auto layer = s4_options<Layer>(options);
  layer.l_max = shape.length;  // C~ starts right, and as long as the longest item
  return std::make_unique<NetworkOf<Layer, typename Layer::Dev>>(options, shape, layer, true, gen);
}

template <class Layer>
MadeNetwork<typename Layer::Dev> s4_diag_network_of(const RunOptions& options, const NetworkShape& shape,
                                                    Generator& gen) {
  using Made = NetworkOf<Layer, typename Layer::Dev>;
  return std::make_unique<Made>(options, shape, s4_options<Layer>(options), true, gen);
}

template <device D>
MadeNetwork<D> make_s4_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4_network_of<S4<float, D>>(options, shape, gen);
}

template <device D>
MadeNetwork<D> make_s4_diag_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4_diag_network_of<S4Diag<float, D>>(options, shape, gen);
}

}  // namespace longwave::examples
