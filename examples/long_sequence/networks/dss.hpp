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
  if (!shape.variable) kernel.softmax_length = shape.length;  // the same kernel for streams and pieces
  kernel.lr_Lambda = options.optimizer.ssm_lr;
  kernel.lr_log_dt = std::isnan(options.optimizer.dt_lr) ? options.optimizer.ssm_lr : options.optimizer.dt_lr;
  kernel.lr_W = std::isnan(options.optimizer.C_lr) ? options.optimizer.ssm_lr : options.optimizer.C_lr;
  return std::make_unique<NetworkOf<Layer, typename Layer::Dev>>(options, shape, layer, /*two_sided=*/true, gen);
}

template <device D>
MadeNetwork<D> make_dss_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return dss_network_of<DSS<float, D>>(options, shape, gen);
}

}  // namespace longwave::examples
