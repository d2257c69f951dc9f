// network_choice.hpp - the network that model.layer names.
#pragma once

#include "long_sequence/network_layers.hpp"

namespace longwave::examples {

template <device D>
std::unique_ptr<Network<D>> make_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  const std::string& layer = options.model.layer;
  if constexpr (std::is_same_v<D, Cuda>)
    if (options.trainer.precision == "bf16") {  // other kinds of layers are refused with the options (config.cpp)
      if (layer == "s4d") return make_mixed_s4d_network(options, shape, gen);
      if (layer == "s4_diag") return make_mixed_s4_diag_network(options, shape, gen);
      if (layer == "s4") return make_mixed_s4_network(options, shape, gen);
      return make_mixed_dss_network(options, shape, gen);
    }
  if (layer == "s4d") return make_s4d_network<D>(options, shape, gen);
  if (layer == "s4_diag") return make_s4_diag_network<D>(options, shape, gen);
  if (layer == "s4") return make_s4_network<D>(options, shape, gen);
  if (layer == "lstm") return make_lstm_network<D>(options, shape, gen);
  if (layer == "gru") return make_gru_network<D>(options, shape, gen);
  if (layer == "conv") return make_conv_network<D>(options, shape, gen);
  return make_dss_network<D>(options, shape, gen);
}

}  // namespace longwave::examples
