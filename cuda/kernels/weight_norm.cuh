// weight_norm.cuh - rows as length times direction on the device, for ops/weight_norm.hpp: one block per row (O rows of
// I numbers), which is read twice, the second time from the cache. Weights are small: bound by the launch.
#pragma once

#include "kernels/lines.cuh"
#include "longwave/ops/weight_norm.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int weight_norm_threads = 128;

template <class T>
__global__ void __launch_bounds__(weight_norm_threads)
    weight_norm_kernel(TensorView<T, 2, Cuda> W, TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v) {
  __shared__ double room[weight_norm_threads];
  const index_t o = blockIdx.x, n = v.size(1);
  double square[1] = {};
  for (index_t i = threadIdx.x; i < n; i += weight_norm_threads)
    square[0] += static_cast<double>(v(o, i)) * static_cast<double>(v(o, i));
  fold(square, fold_low(weight_norm_threads), room, Add());
  const double factor = static_cast<double>(g(o)) / sqrt(square[0]);
  for (index_t i = threadIdx.x; i < n; i += weight_norm_threads)
    W(o, i) = static_cast<T>(factor * static_cast<double>(v(o, i)));
}

template <class T>
__global__ void __launch_bounds__(weight_norm_threads)
    weight_norm_backward_kernel(TensorView<T, 1, Cuda> dg, TensorView<T, 2, Cuda> dv, TensorView<const T, 2, Cuda> dW,
                                TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v) {
  __shared__ double room[2 * weight_norm_threads];
  const index_t o = blockIdx.x, n = v.size(1);
  double sums[2] = {};
  for (index_t i = threadIdx.x; i < n; i += weight_norm_threads) {
    const double at = static_cast<double>(v(o, i));
    sums[0] += at * at;
    sums[1] += static_cast<double>(dW(o, i)) * at;
  }
  fold(sums, fold_low(weight_norm_threads), room, Add());
  const double norm = sqrt(sums[0]), along = sums[1] / norm, factor = static_cast<double>(g(o)) / norm;
  if (dg.data() != nullptr && threadIdx.x == 0) dg(o) += static_cast<T>(along);
  if (dv.data() == nullptr) return;
  for (index_t i = threadIdx.x; i < n; i += weight_norm_threads)
    dv(o, i) += static_cast<T>(factor * (static_cast<double>(dW(o, i)) - along / norm * static_cast<double>(v(o, i))));
}

}  // namespace detail

template <class T>
void weight_norm_forward(TensorView<T, 2, Cuda> W, TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v) {
  if (v.size(0) == 0) return;
  detail::weight_norm_kernel<<<detail::sum_grid(v.size(0)), detail::weight_norm_threads, 0, stream_handle()>>>(W, g, v);
  check_launch("weight_norm");
}

template <class T>
void weight_norm_backward(TensorView<T, 1, Cuda> dg, TensorView<T, 2, Cuda> dv, TensorView<const T, 2, Cuda> dW,
                          TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v) {
  if (v.size(0) == 0) return;
  detail::weight_norm_backward_kernel<<<detail::sum_grid(v.size(0)), detail::weight_norm_threads, 0, stream_handle()>>>(
      dg, dv, dW, g, v);
  check_launch("weight_norm");
}

}  // namespace longwave::cuda
