// The baselines: LSTM, GRU and a convolution in the same backbone.
#pragma once

#include "long_sequence/network_layers.hpp"
#include "long_sequence/network_of.hpp"
#include "longwave/nn/conv_layer.hpp"
#include "longwave/nn/recurrent.hpp"

namespace longwave::examples {

template <device D>
MadeNetwork<D> make_lstm_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  return network_of<LstmLayer<float, D>>(options, shape, RecurrentOptions(), /*two_sided=*/false, gen);
}

template <device D>
MadeNetwork<D> make_gru_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  if constexpr (std::is_same_v<D, Host>)
    return network_of<GruLayer<float>>(options, shape, RecurrentOptions(), /*two_sided=*/false, gen);
  else
    throw_value_error("model.layer = gru runs on the host only; leave out --device, or take lstm");
}

template <device D>
MadeNetwork<D> make_conv_network(const RunOptions& options, const NetworkShape& shape, Generator& gen) {
  const ConvLayerOptions layer{.kernel = options.model.kernel_size, .causal = !options.model.bidirectional};
  return network_of<ConvLayer<float, D>>(options, shape, layer, /*two_sided=*/true, gen);
}

}  // namespace longwave::examples
