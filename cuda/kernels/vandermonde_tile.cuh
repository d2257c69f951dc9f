// vandermonde_tile.cuh - tiles of positions and the products from shared memory that both directions of vandermonde.cuh
// share.
#pragma once

#include <algorithm>

#include "kernels/map.cuh"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/vandermonde.hpp"

namespace longwave::cuda {

namespace detail {

using mode = complex<double>;

// Threads form a grid of GridRows x GridCols. Each holds RowGroups x ColGroups vectors of 16 bytes in both directions,
// the groups a whole grid apart, so that neighbours read neighbouring vectors of the tables.
template <class T, int RowGroups_, int ColGroups_, int GridRows_, int GridCols_>
struct Tile {
  static constexpr int V = Vector<T>::size;
  static constexpr int RowGroups = RowGroups_, ColGroups = ColGroups_, GridRows = GridRows_, GridCols = GridCols_;
  static constexpr int threads = GridRows * GridCols;
  static constexpr int rows = RowGroups * GridRows * V, cols = ColGroups * GridCols * V;
  static constexpr int thread_rows = RowGroups * V, thread_cols = ColGroups * V;

  // Warps are 4 x 8 threads: fewer different vectors per warp than in 2 x 16.
  __device__ static int row() { return threadIdx.x / 32 / (GridCols / 8) * 4 + threadIdx.x % 32 / 8; }
  __device__ static int col() { return threadIdx.x / 32 % (GridCols / 8) * 8 + threadIdx.x % 8; }
  __device__ static int row_at(int i) { return (i / V * GridRows + row()) * V + i % V; }
  __device__ static int col_at(int j) { return (j / V * GridCols + col()) * V + j % V; }
};

__device__ inline mode power(mode a, int exponent) {
  mode result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= a;
    a *= a;
  }
  return result;
}

// sum (thread_rows, thread_cols) += a^T b over `depth` rows of a (depth, tile rows) and b (depth, tile columns).
template <class Tile, class T, int PitchA, int PitchB>
__device__ void multiply(T (&sum)[Tile::thread_rows][Tile::thread_cols], const T (*a)[PitchA], const T (*b)[PitchB],
                         int depth) {
  constexpr int V = Tile::V;
#pragma unroll 4
  for (int k = 0; k < depth; ++k) {
    Vector<T> left[Tile::RowGroups], right[Tile::ColGroups];
#pragma unroll
    for (int g = 0; g < Tile::RowGroups; ++g)
      left[g] = *reinterpret_cast<const Vector<T>*>(&a[k][(g * Tile::GridRows + Tile::row()) * V]);
#pragma unroll
    for (int g = 0; g < Tile::ColGroups; ++g)
      right[g] = *reinterpret_cast<const Vector<T>*>(&b[k][(g * Tile::GridCols + Tile::col()) * V]);
#pragma unroll
    for (int i = 0; i < Tile::thread_rows; ++i)
#pragma unroll
      for (int j = 0; j < Tile::thread_cols; ++j) sum[i][j] += left[i / V].at[i % V] * right[j / V].at[j % V];
  }
}

}  // namespace detail
}  // namespace longwave::cuda
