// narrow_linear.cuh - y_b = W x_b + bias between few channels on the device, x (B, I, L), y (B, O, L), I and O at
// most 8, forward from few to any number. A product of matrices this narrow leaves a tensor core idle, and asks for the
// bias in y first; here a thread has all channels of a position, or 8 of y's. Bound by reading x and writing y;
// backward is one pass over dy and x that writes dx and has each block's share of dW and dbias, and a kernel that adds
// these up.
#pragma once

#include "kernels/launch.cuh"
#include "longwave/core/arena.hpp"
#include "longwave/core/view.hpp"

namespace longwave::cuda::detail {

inline constexpr index_t narrow_most = 8;
inline constexpr int narrow_threads = 256;
inline constexpr index_t narrow_blocks = 264;  // at most, that share the sum of dW

// y(o) = bias(o) + sum_i W(o, i) x(i) for C outputs, number blockIdx.z of these.
template <class T, int C>
__global__ void __launch_bounds__(narrow_threads)
    narrow_linear_kernel(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W,
                         TensorView<const T, 1, Cuda> bias) {
  __shared__ T weight[C][C];
  const index_t first = blockIdx.z * index_t(C);
  const int O = static_cast<int>(min(y.size(1) - first, index_t(C))), I = static_cast<int>(x.size(1));
  for (int at = threadIdx.x; at < C * C; at += narrow_threads)
    weight[at / C][at % C] = at / C < O && at % C < I ? W(first + at / C, at % C) : T(0);
  __syncthreads();
  const index_t l = blockIdx.x * index_t(narrow_threads) + threadIdx.x, b = blockIdx.y;
  if (l >= y.size(2)) return;
  T in[C];
#pragma unroll
  for (int i = 0; i < C; ++i) in[i] = i < I ? x(b, i, l) : T(0);
#pragma unroll
  for (int o = 0; o < C; ++o) {
    if (o >= O) break;
    T sum = bias.data() != nullptr ? bias(first + o) : T(0);
#pragma unroll
    for (int i = 0; i < C; ++i) sum += weight[o][i] * in[i];
    y(b, first + o, l) = sum;
  }
}

// dx = W^T dy, and part (blocks, C, C + 1): this block's share of sum dy(o) x(i) over positions and, last of a row, of
// sum dy(o). dx and part may be left out.
template <class T, int C>
__global__ void __launch_bounds__(narrow_threads)
    narrow_backward_kernel(TensorView<T, 3, Cuda> dx, double* part, TensorView<const T, 3, Cuda> dy,
                           TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W) {
  __shared__ T weight[C][C];
  __shared__ double of_warp[narrow_threads / 32][C * (C + 1)];
  const int O = static_cast<int>(W.size(0)), I = static_cast<int>(W.size(1)), lane = threadIdx.x % 32;
  for (int at = threadIdx.x; at < C * C; at += narrow_threads)
    weight[at / C][at % C] = at / C < O && at % C < I ? W(at / C, at % C) : T(0);
  __syncthreads();
  const index_t L = dy.size(2), positions = dy.size(0) * L;
  T sum[C][C + 1] = {};
  for (index_t at = blockIdx.x * index_t(narrow_threads) + threadIdx.x; at < positions;
       at += gridDim.x * index_t(narrow_threads)) {
    const index_t b = at / L, l = at - b * L;
    T in[C], out[C];
#pragma unroll
    for (int o = 0; o < C; ++o) out[o] = o < O ? dy(b, o, l) : T(0);
#pragma unroll
    for (int i = 0; i < C; ++i) in[i] = i < I && part != nullptr ? x(b, i, l) : T(0);
    if (wanted(dx)) {
#pragma unroll
      for (int i = 0; i < C; ++i) {
        if (i >= I) break;
        T value = 0;
#pragma unroll
        for (int o = 0; o < C; ++o) value += weight[o][i] * out[o];
        dx(b, i, l) = value;
      }
    }
#pragma unroll
    for (int o = 0; o < C; ++o) {
#pragma unroll
      for (int i = 0; i < C; ++i) sum[o][i] += out[o] * in[i];
      sum[o][C] += out[o];
    }
  }
  if (part == nullptr) return;
#pragma unroll
  for (int o = 0; o < C; ++o)
#pragma unroll
    for (int i = 0; i <= C; ++i) {
      if (o >= O || (i >= I && i < C)) continue;
      double total = static_cast<double>(sum[o][i]);
      for (int step = 16; step > 0; step /= 2) total += __shfl_xor_sync(~0u, total, step);
      if (lane == 0) of_warp[threadIdx.x / 32][o * (C + 1) + i] = total;
    }
  __syncthreads();
  for (int at = threadIdx.x; at < C * (C + 1); at += narrow_threads) {
    const int o = at / (C + 1), i = at % (C + 1);
    if (o >= O || (i >= I && i < C)) continue;
    double total = 0;
    for (int warp = 0; warp < narrow_threads / 32; ++warp) total += of_warp[warp][at];
    part[blockIdx.x * (C * (C + 1)) + at] = total;
  }
}

// dW and dbias += the parts: a warp per number, its lanes' sums in a fixed order. Either may be left out.
template <class T, int C>
__global__ void __launch_bounds__(narrow_threads)
    add_narrow_parts_kernel(TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> dbias, const double* part, int blocks,
                            int O, int I) {
  const int lane = threadIdx.x % 32, warps = narrow_threads / 32;
  for (int at = blockIdx.x * warps + threadIdx.x / 32; at < C * (C + 1); at += gridDim.x * warps) {
    const int o = at / (C + 1), i = at % (C + 1);
    if (o >= O || (i < C ? i >= I || !wanted(dW) : !wanted(dbias))) continue;
    double sum = 0;
    for (int block = lane; block < blocks; block += 32) sum += part[block * (C * (C + 1)) + at];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (lane > 0) continue;
    if (i < C)
      dW(o, i) += static_cast<T>(sum);
    else
      dbias(o) += static_cast<T>(sum);
  }
}

template <class T>
bool narrow(const TensorView<T, 2, Cuda>& W) {
  return W.size(0) <= narrow_most && W.size(1) <= narrow_most;
}

// Whether forward takes W: from few channels.
template <class T>
bool from_few(const TensorView<T, 2, Cuda>& W) {
  return W.size(0) <= narrow_most * 65535 && W.size(1) <= narrow_most;
}

template <int C, class T>
void start_narrow_linear(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W,
                         TensorView<const T, 1, Cuda> bias) {
  const dim3 blocks(static_cast<unsigned>((y.size(2) + narrow_threads - 1) / narrow_threads),
                    static_cast<unsigned>(y.size(0)), static_cast<unsigned>((y.size(1) + C - 1) / C));
  narrow_linear_kernel<T, C><<<blocks, narrow_threads, 0, stream_handle()>>>(y, x, W, bias);
  check_launch("linear of few channels");
}

template <int C, class T>
void start_narrow_backward(TensorView<T, 3, Cuda> dx, TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> dbias,
                           TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x,
                           TensorView<const T, 2, Cuda> W) {
  const index_t positions = dy.size(0) * dy.size(2);
  const bool sums = wanted(dW) || wanted(dbias);
  // Blocks that sum have two positions a thread at least, and so many that adding them up is little work.
  const index_t each = sums ? 2 * narrow_threads : narrow_threads;
  const index_t blocks_wanted = (positions + each - 1) / each, most = sums ? narrow_blocks : index_t(1) << 16;
  const auto blocks = static_cast<unsigned>(blocks_wanted < most ? blocks_wanted : most);
  if (blocks == 0) return;
  ScratchOn<Cuda> scratch;
  double* part = sums ? scratch.take<double>(index_t(blocks) * C * (C + 1)) : nullptr;
  narrow_backward_kernel<T, C><<<blocks, narrow_threads, 0, stream_handle()>>>(dx, part, dy, x, W);
  check_launch("linear of few channels: backward");
  if (!sums) return;
  constexpr int warps = narrow_threads / 32;
  add_narrow_parts_kernel<T, C><<<(C * (C + 1) + warps - 1) / warps, narrow_threads, 0, stream_handle()>>>(
      dW, dbias, part, static_cast<int>(blocks), static_cast<int>(W.size(0)), static_cast<int>(W.size(1)));
  check_launch("linear of few channels: dW");
}

// y = W x + bias; bias may be left out. W may be a transpose, and have any number of rows.
template <class T>
void narrow_linear(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W,
                   TensorView<const T, 1, Cuda> bias) {
  if (y.empty()) return;
  if (W.size(0) <= 4 && W.size(1) <= 4) return start_narrow_linear<4>(y, x, W, bias);  // one group
  start_narrow_linear<8>(y, x, W, bias);
}

// dx = W^T dy, dW += sum_b dy_b x_b^T, dbias += sum of dy; each may be left out.
template <class T>
void narrow_backward(TensorView<T, 3, Cuda> dx, TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> dbias,
                     TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W) {
  if (W.size(0) <= 4 && W.size(1) <= 4) return start_narrow_backward<4>(dx, dW, dbias, dy, x, W);
  start_narrow_backward<8>(dx, dW, dbias, dy, x, W);
}

}  // namespace longwave::cuda::detail
