// mmd.cuh - MMD^2 of two samples and its gradient on the device, in tiles of 64 x 64 pairs (core/mmd_tiles.hpp).
//
// value      each block adds up a run of tiles, of x with x and y with y above the diagonal only; a second kernel adds
//            the blocks' sums. In double at d = 4: 25 operations a pair, of 64 a clock and multiprocessor.
// gradient   a block per 64 rows of x, K of its coordinates and a piece of the columns, which are x's and then y's
//            points; a second kernel adds the pieces. 2 d + 17 operations a pair and K coordinates, and 2 per
//            coordinate and pair.
//
// A first kernel lays both samples out by coordinate, so that a stage is 16-byte loads from one address. Per point of a
// tile and coordinate it moves two numbers for 64 pairs, next to nothing: they are fetched into registers while the
// tile before is worked on and put into the other of two stages, so that a stage costs one barrier. What it overwrites
// was last read before the previous one. Sums are carried in double, in an order that depends on the sizes alone.
#pragma once

#include "kernels/each.cuh"
#include "kernels/partials.cuh"
#include "longwave/cuda/mmd.hpp"

namespace longwave::cuda {

namespace detail {

using longwave::detail::MmdBlock;
using longwave::detail::MmdFactors;
using longwave::detail::MmdTerms;
using longwave::detail::MmdVector;
using longwave::detail::MmdWalk;

inline constexpr index_t mmd_blocks = 8192;           // of the value, at most
inline constexpr index_t mmd_gradient_blocks = 2048;  // beyond that the columns are not cut into pieces

// The packed samples of n and m points: (d in whole chunks, stride).
template <class T>
struct MmdPoints {
  const T* numbers;
  index_t stride, n, m, chunks;

  __host__ __device__ index_t tiles_x() const { return MmdBlock::tiles(n); }
  __host__ __device__ index_t tiles_y() const { return MmdBlock::tiles(m); }
};

// Two stages, and a thread's share of the next.
template <int K, class T>
class MmdStages {
 public:
  using Stage = longwave::detail::MmdStage<T, K>;
  using Room = MmdVector<T>[2][Stage::vectors];
  static constexpr int share = (Stage::vectors + MmdBlock::threads - 1) / MmdBlock::threads;

  __device__ MmdStages(Room& room, const MmdPoints<T>& points) : room_(room), points_(points) {}

  // Chunk `chunk` of two tiles, those of y counted after those of x.
  __device__ void fetch(index_t row, index_t column, index_t chunk) {
#pragma unroll
    for (int i = 0; i < share; ++i) {
      const int e = vector(i);
      if (e < Stage::vectors)
        next_[i] = *reinterpret_cast<const MmdVector<T>*>(points_.numbers +
                                                          Stage::source(e, points_.stride, row, column, chunk * K));
    }
  }
  // What was fetched last, for all threads.
  __device__ const T* turn() {
    MmdVector<T>* to = room_[at_];
    at_ ^= 1;
#pragma unroll
    for (int i = 0; i < share; ++i)
      if (vector(i) < Stage::vectors) to[vector(i)] = next_[i];
    __syncthreads();
    return to->at;
  }

 private:
  __device__ static int vector(int i) { return static_cast<int>(threadIdx.x) + i * MmdBlock::threads; }

  Room& room_;
  const MmdPoints<T>& points_;
  MmdVector<T> next_[share];
  int at_ = 0;
};

// part[block] = its tiles' share of MMD^2.
template <int K, class T>
__global__ void __launch_bounds__(MmdBlock::threads, 2)
    mmd_value_kernel(double* part, const __grid_constant__ MmdPoints<T> points,
                     const __grid_constant__ MmdTerms<T> kernel, MmdFactors factor, index_t tiles_each) {
  __shared__ typename MmdStages<K, T>::Room room;
  MmdStages<K, T> stages(room, points);
  const index_t tiles_x = points.tiles_x(), tiles_y = points.tiles_y();
  const int thread = static_cast<int>(threadIdx.x);
  index_t left = min(tiles_each, MmdWalk::count(tiles_x, tiles_y) - blockIdx.x * tiles_each);
  MmdWalk walk(tiles_x, tiles_y, blockIdx.x * tiles_each);
  const auto fetch = [&](index_t chunk) {
    stages.fetch(walk.row + (walk.part == 1 ? tiles_x : 0), walk.column + (walk.part > 0 ? tiles_x : 0), chunk);
  };
  double sum = 0;
  fetch(0);
  while (left > 0) {
    T distance[4][4] = {};
    const int part_of = walk.part;
    const index_t row = walk.row * MmdBlock::side, column = walk.column * MmdBlock::side;
    for (index_t chunk = 0; chunk < points.chunks; ++chunk) {
      const T* stage = stages.turn();
      if (chunk + 1 < points.chunks) {
        fetch(chunk + 1);
      } else if (--left > 0) {
        walk.next();
        fetch(0);
      }
      longwave::detail::mmd_add_distances<K>(distance, stage, thread);
    }
    const index_t rows = part_of == 1 ? points.m : points.n, columns = part_of == 0 ? points.n : points.m;
    const bool diagonal = part_of < 2 && row == column;
    if (diagonal || row + MmdBlock::side > rows || column + MmdBlock::side > columns)
      longwave::detail::mmd_leave_out(distance, thread, row, rows, column, columns, diagonal);
    const double value = static_cast<double>(longwave::detail::mmd_value(distance, kernel));
    sum += (part_of == 0 ? 2 * factor.xx : part_of == 1 ? 2 * factor.yy : factor.xy) * value;
  }
  sum = block_sum(sum);
  if (thread == 0) part[blockIdx.x] = sum;
}

// value = constant + the sum of the parts.
template <class T>
__global__ void __launch_bounds__(sum_threads)
    mmd_total_kernel(TensorView<T, 0, Cuda> value, const double* part, index_t parts, double constant) {
  double sum = 0;
#pragma unroll 8
  for (index_t i = threadIdx.x; i < parts; i += sum_threads) sum += part[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) value() = static_cast<T>(constant + sum);
}

// part (pieces, n, d): blocks (row tile, piece, chunk of K coordinates).
template <int K, class T>
__global__ void __launch_bounds__(MmdBlock::threads, K <= 4 ? 2 : 1)
    mmd_gradient_kernel(double* part, const __grid_constant__ MmdPoints<T> points,
                        const __grid_constant__ MmdTerms<T> kernel, index_t d, double within, double across) {
  __shared__ typename MmdStages<K, T>::Room room;
  __shared__ double other_half[K][MmdBlock::side];
  MmdStages<K, T> stages(room, points);
  const int thread = static_cast<int>(threadIdx.x);
  const index_t n = points.n, row = blockIdx.x * index_t(MmdBlock::side), chunks = points.chunks;
  const index_t tiles_x = points.tiles_x(), tiles = tiles_x + points.tiles_y();
  index_t tile = tiles * blockIdx.y / gridDim.y;
  const index_t end = tiles * (blockIdx.y + 1) / gridDim.y;
  const auto fetch = [&](index_t of, index_t step) {
    stages.fetch(blockIdx.x, of, longwave::detail::mmd_chunk(step, chunks, blockIdx.z));
  };
  double gradient[4][K] = {};
  fetch(tile, 0);
  for (; tile < end; ++tile) {
    T pairs[4][4] = {};
    const T* stage = nullptr;
    for (index_t step = 0; step < chunks; ++step) {
      stage = stages.turn();
      if (step + 1 < chunks)
        fetch(tile, step + 1);
      else if (tile + 1 < end)
        fetch(tile + 1, 0);
      longwave::detail::mmd_add_distances<K>(pairs, stage, thread);
    }
    const bool own = tile < tiles_x;
    const index_t column = (own ? tile : tile - tiles_x) * MmdBlock::side, columns = own ? n : points.m;
    if (column + MmdBlock::side > columns)  // rows beyond the last are not stored, pairs i = j add nothing
      longwave::detail::mmd_leave_out(pairs, thread, 0, MmdBlock::side, column, columns, false);
    longwave::detail::mmd_terms(pairs, kernel);
    longwave::detail::mmd_add_gradients(gradient, own ? within : across, pairs, stage, thread);
  }

  // Over the 16 threads of a row: 8 of a warp, then its two warps.
  const int along = MmdBlock::row_of(thread), at = MmdBlock::column_of(thread);
#pragma unroll
  for (int p = 0; p < 4; ++p)
#pragma unroll
    for (int k = 0; k < K; ++k) {
#pragma unroll
      for (int step = 4; step > 0; step /= 2) gradient[p][k] += __shfl_xor_sync(0xffffffffu, gradient[p][k], step);
      if (at == 8) other_half[k][longwave::detail::mmd_place<T>(along, p)] = gradient[p][k];
    }
  __syncthreads();
  if (at != 0) return;
#pragma unroll
  for (int p = 0; p < 4; ++p)
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const int i = longwave::detail::mmd_place<T>(along, p);
      const index_t coordinate = blockIdx.z * index_t(K) + k;
      if (row + i < n && coordinate < d)
        part[(blockIdx.y * n + row + i) * d + coordinate] = gradient[p][k] + other_half[k][i];
    }
}

// dx = dvalue times the sum of the pieces, in order.
template <class T>
__global__ void __launch_bounds__(sum_threads)
    mmd_gradient_total_kernel(TensorView<T, 2, Cuda> dx, TensorView<const T, 0, Cuda> dvalue, const double* part,
                              index_t pieces) {
  const index_t i = blockIdx.x * index_t(sum_threads) + threadIdx.x, count = dx.count();
  if (i >= count) return;
  double sum = 0;
#pragma unroll 8
  for (index_t p = 0; p < pieces; ++p) sum += part[p * count + i];
  dx(i / dx.size(1), i % dx.size(1)) = static_cast<T>(static_cast<double>(dvalue()) * sum);
}

template <int K, class T>
MmdPoints<T> mmd_points(ScratchOn<Cuda>& scratch, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y) {
  const index_t chunks = std::max<index_t>((x.size(1) + K - 1) / K, 1);
  const index_t tiles = MmdBlock::tiles(x.size(0)) + MmdBlock::tiles(y.size(0));
  const auto to = scratch.tensor<T>(Extents<2>{chunks * K, tiles * MmdBlock::side});
  for_each_index(longwave::detail::MmdPack<T, Cuda>::name, to.count(), longwave::detail::MmdPack<T, Cuda>{to, x, y});
  return {to.data(), to.size(1), x.size(0), y.size(0), chunks};
}

// Blocks (tile of columns, tile of rows from first_row on).
template <int K, class T>
__global__ void __launch_bounds__(MmdBlock::threads, 2)
    mmd_rows_kernel(TensorView<T, 2, Cuda> to, const __grid_constant__ MmdPoints<T> points,
                    const __grid_constant__ MmdTerms<T> kernel, index_t first_row) {
  __shared__ typename MmdStages<K, T>::Room room;
  MmdStages<K, T> stages(room, points);
  const int thread = static_cast<int>(threadIdx.x);
  const index_t row = first_row + blockIdx.y, column = blockIdx.x;
  T pairs[4][4] = {};
  stages.fetch(row, column, 0);
  for (index_t chunk = 0; chunk < points.chunks; ++chunk) {
    const T* stage = stages.turn();
    if (chunk + 1 < points.chunks) stages.fetch(row, column, chunk + 1);
    longwave::detail::mmd_add_distances<K>(pairs, stage, thread);
  }
  longwave::detail::mmd_terms(pairs, kernel);
#pragma unroll
  for (int p = 0; p < 4; ++p)
#pragma unroll
    for (int q = 0; q < 4; ++q) {
      const index_t i = row * MmdBlock::side + longwave::detail::mmd_place<T>(MmdBlock::row_of(thread), p);
      const index_t j = column * MmdBlock::side + longwave::detail::mmd_place<T>(MmdBlock::column_of(thread), q);
      const index_t r = i - first_row * MmdBlock::side;
      if (r < to.size(0) && j < to.size(1)) to(r, j) = i == j ? T(0) : pairs[p][q];
    }
}

// f<K>(): as many coordinates at a time as there are, up to eight.
template <class F>
void with_mmd_chunk(index_t d, F f) {
  if (d <= 2)
    f(std::integral_constant<int, 2>());
  else if (d <= 4)
    f(std::integral_constant<int, 4>());
  else
    f(std::integral_constant<int, 8>());
}

}  // namespace detail

template <class T>
void mmd_forward(TensorView<T, 0, Cuda> value, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y,
                 const RbfMixture& mixture, const longwave::detail::MmdFactors& factor) {
  using namespace detail;
  const index_t tiles = MmdWalk::count(MmdBlock::tiles(x.size(0)), MmdBlock::tiles(y.size(0)));
  const index_t tiles_each = (tiles + mmd_blocks - 1) / mmd_blocks;
  const unsigned blocks = blocks_for(tiles, tiles_each);
  ScratchOn<Cuda> scratch;
  double* part = scratch.take<double>(blocks);
  const MmdTerms<T> kernel(mixture, false);
  with_mmd_chunk(x.size(1), [&](auto K) {
    const MmdPoints<T> points = mmd_points<K.value>(scratch, x, y);
    mmd_value_kernel<K.value>
        <<<blocks, MmdBlock::threads, 0, stream_handle()>>>(part, points, kernel, factor, tiles_each);
  });
  check_launch("mmd");
  mmd_total_kernel<<<1, sum_threads, 0, stream_handle()>>>(value, part, blocks, factor.constant);
  check_launch("mmd_total");
}

template <class T>
void mmd_backward(TensorView<T, 2, Cuda> dx, TensorView<const T, 0, Cuda> dvalue, TensorView<const T, 2, Cuda> x,
                  TensorView<const T, 2, Cuda> y, const RbfMixture& mixture, double within, double across) {
  using namespace detail;
  if (dx.empty()) return;
  const index_t rows = MmdBlock::tiles(x.size(0)), tiles = rows + MmdBlock::tiles(y.size(0));
  const index_t pieces = std::clamp<index_t>(mmd_gradient_blocks / rows, 1, tiles);
  ScratchOn<Cuda> scratch;
  double* part = scratch.take<double>(pieces * dx.count());
  const MmdTerms<T> kernel(mixture, true);
  with_mmd_chunk(x.size(1), [&](auto K) {
    const MmdPoints<T> points = mmd_points<K.value>(scratch, x, y);
    if (points.chunks > 65535)
      throw_shape_error("mmd: d = " + std::to_string(x.size(1)) + " is more than one launch takes");
    const dim3 grid(blocks_for(rows, 1), static_cast<unsigned>(pieces), static_cast<unsigned>(points.chunks));
    mmd_gradient_kernel<K.value>
        <<<grid, MmdBlock::threads, 0, stream_handle()>>>(part, points, kernel, x.size(1), within, across);
  });
  check_launch("mmd_gradient");
  mmd_gradient_total_kernel<<<blocks_for(dx.count(), sum_threads), sum_threads, 0, stream_handle()>>>(dx, dvalue, part,
                                                                                                      pieces);
  check_launch("mmd_gradient_total");
}

template <class T>
void mmd_kernel_rows(TensorView<T, 2, Cuda> to, TensorView<const T, 2, Cuda> z, index_t first,
                     const RbfMixture& mixture) {
  using namespace detail;
  if (to.empty()) return;
  ScratchOn<Cuda> scratch;
  const MmdTerms<T> kernel(mixture, false);
  with_mmd_chunk(z.size(1), [&](auto K) {
    const MmdPoints<T> points = mmd_points<K.value>(scratch, z, z.slice(0, 0, 0));
    const dim3 grid(blocks_for(points.tiles_x(), 1), blocks_for(MmdBlock::tiles(to.size(0)), 1));
    if (grid.y > 65535)
      throw_shape_error("mmd_kernel_rows: " + to_string(to.sizes()) + " is more than one launch takes");
    mmd_rows_kernel<K.value>
        <<<grid, MmdBlock::threads, 0, stream_handle()>>>(to, points, kernel, first / MmdBlock::side);
  });
  check_launch("mmd_kernel_rows");
}

}  // namespace longwave::cuda
