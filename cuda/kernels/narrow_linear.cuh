// narrow_linear.cuh - y_b = W x_b + bias between few channels on the device, x (B, I, L), y (B, O, L), I and O at
// most 8. A product of matrices this narrow leaves a tensor core idle; here a thread has all channels of a position.
// Bound by reading x and writing y, and on the way back by reading dy and x once for all of dW.
#pragma once

#include "kernels/launch.cuh"
#include "longwave/core/arena.hpp"
#include "longwave/core/view.hpp"

namespace longwave::cuda::detail {

inline constexpr index_t narrow_most = 8;
inline constexpr int narrow_threads = 256;
inline constexpr index_t narrow_blocks = 264;  // at most, that share the sum of dW

// y(o) = sum_i weight(o, i) x(i), weight strides given so that the transpose is the same kernel.
template <class T, int C>
__global__ void __launch_bounds__(narrow_threads)
    narrow_linear_kernel(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W,
                         TensorView<const T, 1, Cuda> bias) {
  __shared__ T weight[C][C];
  const int O = static_cast<int>(y.size(1)), I = static_cast<int>(x.size(1));
  for (int at = threadIdx.x; at < C * C; at += narrow_threads)
    weight[at / C][at % C] = at / C < O && at % C < I ? W(at / C, at % C) : T(0);
  __syncthreads();
  const index_t l = blockIdx.x * index_t(narrow_threads) + threadIdx.x, b = blockIdx.y;
  if (l >= y.size(2)) return;
  T in[C];
#pragma unroll
  for (int i = 0; i < C; ++i) in[i] = i < I ? x(b, i, l) : T(0);
#pragma unroll
  for (int o = 0; o < C; ++o) {
    if (o >= O) break;
    T sum = bias.data() != nullptr ? bias(o) : T(0);
#pragma unroll
    for (int i = 0; i < C; ++i) sum += weight[o][i] * in[i];
    y(b, o, l) = sum;
  }
}

// part (blocks, C C): this block's share of sum dy(o) x(i) over positions.
template <class T, int C>
__global__ void __launch_bounds__(narrow_threads)
    narrow_weight_kernel(double* part, TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x) {
  const int O = static_cast<int>(dy.size(1)), I = static_cast<int>(x.size(1)), lane = threadIdx.x % 32;
  const index_t L = dy.size(2), positions = dy.size(0) * L;
  T sum[C][C] = {};
  for (index_t at = blockIdx.x * index_t(narrow_threads) + threadIdx.x; at < positions;
       at += gridDim.x * index_t(narrow_threads)) {
    const index_t b = at / L, l = at % L;
    T in[C], out[C];
#pragma unroll
    for (int i = 0; i < C; ++i) in[i] = i < I ? x(b, i, l) : T(0);
#pragma unroll
    for (int o = 0; o < C; ++o) out[o] = o < O ? dy(b, o, l) : T(0);
#pragma unroll
    for (int o = 0; o < C; ++o)
#pragma unroll
      for (int i = 0; i < C; ++i) sum[o][i] += out[o] * in[i];
  }
  __shared__ double of_warp[narrow_threads / 32][C * C];
#pragma unroll
  for (int o = 0; o < C; ++o)
#pragma unroll
    for (int i = 0; i < C; ++i) {
      double total = static_cast<double>(sum[o][i]);
      for (int step = 16; step > 0; step /= 2) total += __shfl_xor_sync(~0u, total, step);
      if (lane == 0) of_warp[threadIdx.x / 32][o * C + i] = total;
    }
  __syncthreads();
  for (int at = threadIdx.x; at < C * C; at += narrow_threads) {
    double total = 0;
    for (int warp = 0; warp < narrow_threads / 32; ++warp) total += of_warp[warp][at];
    part[blockIdx.x * (C * C) + at] = total;
  }
}

// dW += the parts: a warp per number, its lanes' sums in a fixed order.
template <class T, int C>
__global__ void __launch_bounds__(narrow_threads)
    add_narrow_parts_kernel(TensorView<T, 2, Cuda> dW, const double* part, int blocks) {
  const int lane = threadIdx.x % 32, warps = narrow_threads / 32;
  for (int at = blockIdx.x * warps + threadIdx.x / 32; at < C * C; at += gridDim.x * warps) {
    const int o = at / C, i = at % C;
    if (o >= dW.size(0) || i >= dW.size(1)) continue;
    double sum = 0;
    for (int block = lane; block < blocks; block += 32) sum += part[block * (C * C) + at];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (lane == 0) dW(o, i) += static_cast<T>(sum);
  }
}

template <class T>
bool narrow(const TensorView<T, 2, Cuda>& W) {
  return W.size(0) <= narrow_most && W.size(1) <= narrow_most;
}

template <int C, class T>
void start_narrow_linear(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W,
                         TensorView<const T, 1, Cuda> bias) {
  const dim3 blocks(static_cast<unsigned>((y.size(2) + narrow_threads - 1) / narrow_threads),
                    static_cast<unsigned>(y.size(0)));
  narrow_linear_kernel<T, C><<<blocks, narrow_threads, 0, stream_handle()>>>(y, x, W, bias);
  check_launch("linear of few channels");
}

template <int C, class T>
void start_narrow_weight(TensorView<T, 2, Cuda> dW, TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x) {
  const index_t positions = dy.size(0) * dy.size(2);
  const index_t wanted = (positions + 2 * narrow_threads - 1) / (2 * narrow_threads);
  const auto blocks = static_cast<unsigned>(wanted < narrow_blocks ? wanted : narrow_blocks);
  if (blocks == 0) return;
  ScratchOn<Cuda> scratch;
  double* part = scratch.take<double>(index_t(blocks) * C * C);
  narrow_weight_kernel<T, C><<<blocks, narrow_threads, 0, stream_handle()>>>(part, dy, x);
  add_narrow_parts_kernel<T, C><<<C * C / 8, narrow_threads, 0, stream_handle()>>>(dW, part, static_cast<int>(blocks));
  check_launch("linear of few channels: dW");
}

// y = W x + bias; bias may be left out. W may be a transpose.
template <class T>
void narrow_linear(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W,
                   TensorView<const T, 1, Cuda> bias) {
  if (y.empty()) return;
  if (W.size(0) <= 4 && W.size(1) <= 4) return start_narrow_linear<4>(y, x, W, bias);
  start_narrow_linear<8>(y, x, W, bias);
}

// dW += sum_b dy_b x_b^T
template <class T>
void narrow_weight(TensorView<T, 2, Cuda> dW, TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x) {
  if (dW.empty()) return;
  if (dW.size(0) <= 4 && dW.size(1) <= 4) return start_narrow_weight<4>(dW, dy, x);
  start_narrow_weight<8>(dW, dy, x);
}

}  // namespace longwave::cuda::detail
