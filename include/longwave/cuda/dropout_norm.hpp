// dropout_norm.hpp - the device's overloads of what ops/dropout_norm.hpp calls, which includes this before its front.
//
// One pass each way over what ChannelTiles takes (cuda/norm.hpp), with the dropout tied; else dropout and layer norm
// one after the other.
#pragma once

#include "longwave/cuda/dropout.hpp"
#include "longwave/cuda/norm.hpp"

namespace longwave {

namespace cuda {

// Operands y, x, mean, rstd, sum, r; draw.p = 0: nothing is dropped.
template <class T>
void dropout_add_norm_forward(const ChannelTiles<T, 6>& tiles, const NormParameters<T>& parameters,
                              const DropoutDraw& draw);
// Operands dx, dy, sum, mean, rstd, none, dr; dx and dr are assigned, either may be left out.
template <class T>
void dropout_add_norm_backward(const ChannelTiles<T, 7>& tiles, const NormParameters<T>& parameters,
                               const DropoutDraw& draw, TensorView<T, 1, Cuda> dweight, TensorView<T, 1, Cuda> dbias);

}  // namespace cuda

namespace impl {

// Whether a tile's batch entry b and channel h are row b H + h of the draw.
template <int N, class T>
bool rows_in_order(TensorView<T, N, Cuda> sum, int axis) {
  if constexpr (N == 3)
    return axis == 1 && sum.size(2) > 1 && sum.stride(2) == 1;
  else
    return false;
}

template <class T, int N>
void dropout_add_norm_forward(TensorView<T, N, Cuda> y, Out<T, N, Cuda> sum, Out<T, N - 1, Cuda> mean,
                              Out<T, N - 1, Cuda> rstd, In<T, N, Cuda> x, In<T, N, Cuda> r, In<T, 1, Cuda> weight,
                              In<T, 1, Cuda> bias, PhiloxKey key, double p, int axis, T eps) {
  const cuda::Lines<T, 6> lines(axis, x.size(axis), y, x, along_axis<T, N>(mean, axis), along_axis<T, N>(rstd, axis),
                                sum, r);
  const cuda::DropoutDraw draw = cuda::dropout_draw(x.sizes(), key, p, true);
  if (const cuda::ChannelTiles<T, 6> tiles(lines); tiles.fits && rows_in_order<N>(sum, axis))
    return cuda::dropout_add_norm_forward<T>(
        tiles, cuda::NormParameters<T>{weight, bias, nullptr, static_cast<double>(eps), 0}, draw);
  if (x.empty()) return;
  cuda::dropout_sum_forward(cuda::Elements<T, 3>(sum, x, r), draw, 1, 1);
  layer_norm_forward<T, N>(y, mean, rstd, sum, weight, bias, axis, eps);
}

template <class T, int N>
void dropout_add_norm_backward(Out<T, N, Cuda> dx, Out<T, N, Cuda> dr, Out<T, 1, Cuda> dweight, Out<T, 1, Cuda> dbias,
                               TensorView<const T, N, Cuda> dy, In<T, N - 1, Cuda> mean, In<T, N - 1, Cuda> rstd,
                               In<T, N, Cuda> sum, In<T, 1, Cuda> weight, PhiloxKey key, double p, int axis) {
  const TensorView<const T, N, Cuda> none;
  const cuda::DropoutDraw draw = cuda::dropout_draw(sum.sizes(), key, p, true);
  const cuda::Lines<T, 7> lines(axis, sum.size(axis), sum.sizes(), dx, dy, sum, along_axis<const T, N>(mean, axis),
                                along_axis<const T, N>(rstd, axis), none, dr);
  if (const cuda::ChannelTiles<T, 7> tiles(lines); tiles.fits && rows_in_order<N>(sum, axis))
    return cuda::dropout_add_norm_backward<T>(tiles, cuda::NormParameters<T>{weight, {}, nullptr, 0, 0}, draw, dweight,
                                              dbias);
  if (sum.empty()) return;
  const TensorView<T, N, Cuda> to = wanted(dx) ? dx : dr;
  layer_norm_backward<T, N>(dy, to, dweight, dbias, mean, rstd, sum, weight, axis);
  if (wanted(dr)) cuda::dropout(cuda::Elements<T, 2>(dr, TensorView<const T, N, Cuda>(to)), draw, 1);
}

}  // namespace impl
}  // namespace longwave
