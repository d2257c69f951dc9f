// readout.cuh - positions of a sequence, running sums and means on the device, for ops/readout.hpp. One warp has one
// sequence (b, h): lanes along time, running sums by exchange within the warp, carried in double.
// Bytes: x once and y once; backward dx once and dy once.
#pragma once

#include "kernels/map.cuh"
#include "longwave/ops/readout.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int readout_warps = 4;  // per block

// Sum over the lanes up to this one.
__device__ inline double running_sum(double v, int lane) {
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const double before = __shfl_up_sync(0xffffffffu, v, distance);
    if (lane >= distance) v += before;
  }
  return v;
}

__device__ inline double warp_sum(double v) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) v += __shfl_xor_sync(0xffffffffu, v, distance);
  return v;
}

// The sequence of this warp, or none: whole warps leave.
struct Sequence {
  index_t b, h, n;
  int lane;
  bool mine;
  __device__ Sequence(const Extents<3>& x, TensorView<const index_t, 1, Cuda> lengths, index_t M) {
    const index_t i = blockIdx.x * index_t(readout_warps) + threadIdx.x / 32;
    lane = static_cast<int>(threadIdx.x % 32);
    mine = i < x[0] * x[1];
    b = i / x[1];
    h = i - b * x[1];
    n = x[2];
    if (mine && lengths.data() != nullptr) n = min(max(lengths(b), M), x[2]);
  }
};

template <class T>
__global__ void __launch_bounds__(32 * readout_warps)
    readout_kernel(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const index_t, 1, Cuda> lengths,
                   Readout mode) {
  const index_t M = y.size(2);
  const Sequence at(x.sizes(), lengths, M);
  if (!at.mine) return;
  const T* in = x.data() + at.b * x.stride(0) + at.h * x.stride(1);
  T* out = y.data() + at.b * y.stride(0) + at.h * y.stride(1);
  const index_t begin = mode == Readout::first ? 0 : at.n - M, step = x.stride(2);
  if (mode == Readout::last || mode == Readout::first) {
    for (index_t j = at.lane; j < M; j += 32) out[j * y.stride(2)] = in[(begin + j) * step];
    return;
  }
  double before = 0;  // of what all outputs share, then of all outputs so far
#pragma unroll 4
  for (index_t l = at.lane; l < begin; l += 32) before += static_cast<double>(in[l * step]);
  before = warp_sum(before);
  for (index_t from = 0; from < M; from += 32) {
    const index_t j = from + at.lane, l = begin + j;
    const double sum = before + running_sum(j < M ? static_cast<double>(in[l * step]) : 0.0, at.lane);
    if (j < M) out[j * y.stride(2)] = static_cast<T>(mode == Readout::mean ? sum / static_cast<double>(l + 1) : sum);
    before = __shfl_sync(0xffffffffu, sum, 31);
  }
}

template <class T>
__global__ void __launch_bounds__(32 * readout_warps)
    readout_backward_kernel(TensorView<T, 3, Cuda> dx, TensorView<const T, 3, Cuda> dy,
                            TensorView<const index_t, 1, Cuda> lengths, Readout mode) {
  const index_t M = dy.size(2), L = dx.size(2);
  const Sequence at(dx.sizes(), lengths, M);
  if (!at.mine) return;
  T* out = dx.data() + at.b * dx.stride(0) + at.h * dx.stride(1);
  const T* in = dy.data() + at.b * dy.stride(0) + at.h * dy.stride(1);
  const bool places = mode == Readout::last || mode == Readout::first;
  const index_t begin = mode == Readout::first ? 0 : at.n - M, step = dx.stride(2);
  for (index_t l = begin + M + at.lane; l < L; l += 32) out[l * step] = T(0);
  if (places) {
    for (index_t l = at.lane; l < begin; l += 32) out[l * step] = T(0);
    for (index_t j = at.lane; j < M; j += 32) out[(begin + j) * step] = in[j * dy.stride(2)];
    return;
  }
  double after = 0;  // of the outputs behind
  for (index_t done = 0; done < M; done += 32) {
    const index_t j = M - 1 - done - at.lane;
    double v = j >= 0 ? static_cast<double>(in[j * dy.stride(2)]) : 0.0;
    if (mode == Readout::mean) v /= static_cast<double>(begin + j + 1);
    if (j < 0) v = 0;
    const double sum = after + running_sum(v, at.lane);
    if (j >= 0) out[(begin + j) * step] = static_cast<T>(sum);
    after = __shfl_sync(0xffffffffu, sum, 31);
  }
  const T share = static_cast<T>(after);
  for (index_t l = at.lane; l < begin; l += 32) out[l * step] = share;
}

}  // namespace detail

template <class T>
void readout_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x,
                     TensorView<const index_t, 1, Cuda> lengths, Readout mode) {
  if (y.count() == 0) return;
  const unsigned blocks = detail::blocks_for(x.size(0) * x.size(1), detail::readout_warps);
  detail::readout_kernel<<<blocks, 32 * detail::readout_warps, 0, stream_handle()>>>(y, x, lengths, mode);
  check_launch("readout");
}

template <class T>
void readout_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 3, Cuda> dy,
                      TensorView<const index_t, 1, Cuda> lengths, Readout mode) {
  if (dx.count() == 0) return;
  const unsigned blocks = detail::blocks_for(dx.size(0) * dx.size(1), detail::readout_warps);
  detail::readout_backward_kernel<<<blocks, 32 * detail::readout_warps, 0, stream_handle()>>>(dx, dy, lengths, mode);
  check_launch("readout");
}

}  // namespace longwave::cuda
