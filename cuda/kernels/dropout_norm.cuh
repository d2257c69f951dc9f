// dropout_norm.cuh - layer norm of x + dropout(r) on the device, for ops/dropout_norm.hpp: kernels/channel_norm.cuh
// with both at once.
#pragma once

#include "kernels/channel_norm.cuh"
#include "longwave/ops/dropout_norm.hpp"

namespace longwave::cuda {

template <class T>
void dropout_add_norm_forward(const ChannelTiles<T, 6>& tiles, const NormParameters<T>& parameters,
                              const DropoutDraw& draw) {
  detail::start_channel_norm<true>(tiles, parameters, {draw.p > 0, detail::factors_of<T>(draw)});
}

template <class T>
void dropout_add_norm_backward(const ChannelTiles<T, 7>& tiles, const NormParameters<T>& parameters,
                               const DropoutDraw& draw, TensorView<T, 1, Cuda> dweight, TensorView<T, 1, Cuda> dbias) {
  detail::start_channel_norm_backward(tiles, parameters, {draw.p > 0, detail::factors_of<T>(draw)}, dweight, dbias);
}

}  // namespace longwave::cuda
