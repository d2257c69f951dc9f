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
  kernel.B_clip = std::isnan(options.model.B_clip) ? std::nullopt : std::optional(options.model.B_clip);
  kernel.B_init = options.model.B_init;
  kernel.B_scale = options.model.B_scale;
  kernel.P_scale = options.model.P_scale;
  kernel.real_random = options.model.real_random;
  kernel.imag_random = options.model.imag_random;
  kernel.real_scale = options.model.real_scale;
  kernel.imag_scale = options.model.imag_scale;
  kernel.normalize = options.model.normalize;
  kernel.dt_tie = options.model.dt_tie;
  kernel.dt_fast = options.model.dt_fast;
  kernel.is_real = options.model.is_real;
  kernel.bandlimit = options.model.bandlimit;
  kernel.n_ssm = options.model.n_ssm;
  kernel.rank = options.model.rank;
  kernel.deterministic = options.model.deterministic;
  kernel.dt_transform = transform_of(options.model.dt_transform, "model.dt_transform");
  kernel.real_transform = transform_of(options.model.real_transform, "model.real_transform");
  kernel.imag_transform = transform_of(options.model.imag_transform, "model.imag_transform");
  kernel.lr_A = options.optimizer.ssm_lr;
  kernel.lr_B = std::isnan(options.optimizer.B_lr) ? options.optimizer.ssm_lr : options.optimizer.B_lr;
  kernel.lr_dt = std::isnan(options.optimizer.dt_lr) ? options.optimizer.ssm_lr : options.optimizer.dt_lr;
  kernel.lr_C = options.optimizer.C_lr;
  return layer;
}

template <class Layer>
MadeNetwork<typename Layer::Dev> s4_network_of(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  auto layer = s4_options<Layer>(options);
  if (layer.l_max == 0) layer.l_max = shape.length;  // C~ starts right, and as long as the longest item
  return network_of<Layer>(options, shape, layer, /*two_sided=*/true, gen);
}

template <class Layer>
MadeNetwork<typename Layer::Dev> s4_diag_network_of(const RunOptions& options, const NetworkShape& shape,
                                                    Generator& gen) {
  return network_of<Layer>(options, shape, s4_options<Layer>(options), /*two_sided=*/true, gen);
}

template <device D>
MadeNetwork<D> make_s4_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4_network_of<S4<float, D>>(options, shape, gen);
}

template <device D, class Disc>
MadeNetwork<D> make_s4_diag_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return s4_diag_network_of<S4Diag<float, D, Disc>>(options, shape, gen);
}

}  // namespace longwave::examples
