#pragma once

#include "long_sequence/network_layers.hpp"
#include "long_sequence/network_of.hpp"
#include "longwave/nn/dss.hpp"

namespace longwave::examples {

template <class Layer>
MadeNetwork<typename Layer::Dev> dss_network_of(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  typename Layer::Options layer;
  set_ssm_options(layer, options);
  layer.bidirectional = options.model.bidirectional;
  DssKernelOptions& kernel = layer.kernel;
  kernel.version = parse_dss_version(options.model.version);
  kernel.Lambda_init = options.model.Lambda_init;
  kernel.sep_dt_re_im = options.model.separate_dt;
  // The same kernel for streams and pieces.
  if (!shape.variable) kernel.softmax_length = layer.l_max > 0 ? std::min(layer.l_max, shape.length) : shape.length;
  kernel.lr_Lambda = options.optimizer.ssm_lr;
  kernel.lr_log_dt = std::isnan(options.optimizer.dt_lr) ? options.optimizer.ssm_lr : options.optimizer.dt_lr;
  kernel.lr_W = std::isnan(options.optimizer.C_lr) ? options.optimizer.ssm_lr : options.optimizer.C_lr;
  return network_of<Layer>(options, shape, layer, /*two_sided=*/true, gen);
}

template <device D>
MadeNetwork<D> make_dss_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return dss_network_of<DSS<float, D>>(options, shape, gen);
}

}  // namespace longwave::examples
