// ssim.cuh - SSIM of images and its gradient on the device: a block per tile of 32 columns and 16 rows (backward in
// double: 8), all of it in fast memory (core/ssim_tiles.hpp). One kernel each; nothing is kept between them.
//
// Bytes per pixel of a full tile: forward 3 numbers and margins, backward 4 or 5. Operations: forward some 150 per
// pixel, backward some 330, a third more than that for margins. Small images are bound by launches and barriers.
#pragma once

#include "kernels/map.cuh"
#include "longwave/core/ssim_tiles.hpp"
#include "longwave/cuda/ssim.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int ssim_threads = 256, ssim_columns = 32, ssim_rows = 16;
template <class T>
inline constexpr int ssim_backward_rows = sizeof(T) == 4 ? 16 : 8;  // what fits in 48 KiB

using longwave::detail::SsimPlace;
using longwave::detail::SsimTile;

template <class T>
__global__ void __launch_bounds__(ssim_threads)
    ssim_forward_kernel(TensorView<T, 3, Cuda> S, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  using Tile = SsimTile<T, ssim_rows, ssim_columns, 3>;
  __shared__ T room[Tile::room];
  const SsimPlace at(blockIdx.x, a.size(1), a.size(2), ssim_rows, ssim_columns);
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < Tile::loads; i += ssim_threads) Tile::load(room, i, at, a, b);
  __syncthreads();
  for (int i = thread; i < Tile::row_sums; i += ssim_threads) Tile::sum_row(room, i);
  __syncthreads();
  for (int i = thread; i < Tile::pixels; i += ssim_threads) Tile::store(S, room, i, at);
}

template <class T>
__global__ void __launch_bounds__(ssim_threads)
    ssim_backward_kernel(TensorView<T, 3, Cuda> da, TensorView<T, 3, Cuda> db, TensorView<const T, 3, Cuda> dS,
                         TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  using Tile = SsimTile<T, ssim_backward_rows<T>, ssim_columns, 6>;
  constexpr int each = (Tile::means + ssim_threads - 1) / ssim_threads;
  __shared__ T room[Tile::room];
  const SsimPlace at(blockIdx.x, a.size(1), a.size(2), ssim_backward_rows<T>, ssim_columns);
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < Tile::loads; i += ssim_threads) Tile::load(room, i, at, a, b);
  __syncthreads();
  for (int i = thread; i < Tile::row_sums; i += ssim_threads) Tile::sum_row(room, i);
  __syncthreads();
  T slope[each][4];
#pragma unroll
  for (int j = 0; j < each; ++j)
    if (thread + j * ssim_threads < Tile::means) Tile::slopes(slope[j], room, thread + j * ssim_threads, at, dS);
  __syncthreads();
#pragma unroll
  for (int j = 0; j < each; ++j)
    if (thread + j * ssim_threads < Tile::means) Tile::keep(room, thread + j * ssim_threads, slope[j]);
  __syncthreads();
  for (int i = thread; i < Tile::adjoint_rows; i += ssim_threads) Tile::adjoint_row(room, i, at, a.size(2));
  __syncthreads();
  for (int i = thread; i < Tile::pixels; i += ssim_threads) Tile::gradient(da, db, room, i, at, a, b);
}

}  // namespace detail

template <class T>
void ssim_forward(TensorView<T, 3, Cuda> S, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  using namespace detail;
  const unsigned blocks = blocks_for(SsimPlace::count(a.sizes(), ssim_rows, ssim_columns), 1);
  ssim_forward_kernel<<<blocks, ssim_threads, 0, stream_handle()>>>(S, a, b);
  check_launch("ssim_forward");
}

template <class T>
void ssim_backward(TensorView<T, 3, Cuda> da, TensorView<T, 3, Cuda> db, TensorView<const T, 3, Cuda> dS,
                   TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  using namespace detail;
  const unsigned blocks = blocks_for(SsimPlace::count(a.sizes(), ssim_backward_rows<T>, ssim_columns), 1);
  ssim_backward_kernel<<<blocks, ssim_threads, 0, stream_handle()>>>(da, db, dS, a, b);
  check_launch("ssim_backward");
}

}  // namespace longwave::cuda
