// network_choice.hpp - the network that model.layer names.
#pragma once

#include "long_sequence/network_layers.hpp"

namespace longwave::examples {

// make.operator()<Disc>() with the discretisation that model.disc names.
template <class Make>
auto with_discretisation(const RunOptions& options, Make&& make) {
  if (options.model.disc == "bilinear") return make.template operator()<Bilinear>();
  if (options.model.disc == "dss") return make.template operator()<Dss>();
  return make.template operator()<Zoh>();
}

template <device D>
std::unique_ptr<Network<D>> make_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  const std::string& layer = options.model.layer;
  if constexpr (std::is_same_v<D, Cuda>)
    if (options.trainer.precision == "bf16") {  // other kinds of layers are refused with the options (config.cpp)
      if (layer == "s4d") return make_mixed_s4d_network(options, shape, gen);
      if (layer == "s4_diag")
        return with_discretisation(options,
                                   [&]<class Disc>() { return make_mixed_s4_diag_network<Disc>(options, shape, gen); });
      if (layer == "s4") return make_mixed_s4_network(options, shape, gen);
      return make_mixed_dss_network(options, shape, gen);
    }
  if (layer == "s4d") return make_s4d_network<D>(options, shape, gen);
  if (layer == "s4_diag")
    return with_discretisation(options,
                               [&]<class Disc>() { return make_s4_diag_network<D, Disc>(options, shape, gen); });
  if (layer == "s4") return make_s4_network<D>(options, shape, gen);
  if (layer == "lstm") return make_lstm_network<D>(options, shape, gen);
  if (layer == "gru") return make_gru_network<D>(options, shape, gen);
  if (layer == "conv") return make_conv_network<D>(options, shape, gen);
  return make_dss_network<D>(options, shape, gen);
}

}  // namespace longwave::examples
