// small_linear.cuh - a linear layer of few rows and features, forward in one launch and backward in one or two: there a
// launch costs more than the product, and cuBLAS wants the bias in y first, a product each for dx and dW, and the sums
// of db beside them.
//
// A block has 32 x 32 numbers of a result, 4 of a column per thread, and takes 32 of a sum at a time through shared
// memory: some 700 cycles of latency each.
#pragma once

#include "kernels/launch.cuh"
#include "longwave/core/arena.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cuda/matmul.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int small_tile = 32, small_threads = 256, small_rows = small_threads / small_tile;
inline constexpr int small_own = small_tile / small_rows;  // numbers of a thread
inline constexpr int small_piece = 128;                    // rows that a block adds up for dW

template <class T>
struct alignas(16) SmallOwn {
  T at[small_own];
};

// sum[i] = sum over k in [begin, end) of A(m, k) B(k, n) for m = corner_m + 4 (threadIdx / 32) + i, n = corner_n +
// lane. Where `sums`, the first warp's lanes add A(corner_m + lane, k) to `all`. gate, of A's shape or without data:
// A counts as 0 where it is not above 0.
template <class T>
__device__ void tile_product(T (&sum)[small_own], bool sums, double& all, const TensorView<const T, 2, Cuda>& A,
                             const TensorView<const T, 2, Cuda>& gate, const TensorView<const T, 2, Cuda>& B,
                             index_t corner_m, index_t corner_n, index_t begin, index_t end) {
  __shared__ __align__(16) T a[small_tile][small_tile + small_own];  // [k][m]
  __shared__ T b[small_tile][small_tile + 1];                        // [k][n]
  const int lane = static_cast<int>(threadIdx.x) % small_tile, row = static_cast<int>(threadIdx.x) / small_tile;
  const bool a_along_k = A.stride(1) == 1, b_along_k = B.stride(1) != 1;  // lanes follow one another in memory
  for (index_t k = begin; k < end; k += small_tile) {
#pragma unroll
    for (int i = 0; i < small_own; ++i) {
      const int other = row + i * small_rows;
      const int ak = a_along_k ? lane : other, am = a_along_k ? other : lane;
      const int bk = b_along_k ? lane : other, bn = b_along_k ? other : lane;
      const bool there =
          k + ak < end && corner_m + am < A.size(0) && (gate.data() == nullptr || gate(corner_m + am, k + ak) > T(0));
      a[ak][am] = there ? A(corner_m + am, k + ak) : T(0);
      b[bk][bn] = k + bk < end && corner_n + bn < B.size(1) ? B(k + bk, corner_n + bn) : T(0);
    }
    __syncthreads();
#pragma unroll 8
    for (int at = 0; at < small_tile; ++at) {
      const auto left = *reinterpret_cast<const SmallOwn<T>*>(&a[at][row * small_own]);
#pragma unroll
      for (int i = 0; i < small_own; ++i) sum[i] += left.at[i] * b[at][lane];
    }
    if (sums && row == 0)
      for (int at = 0; at < small_tile; ++at) all += static_cast<double>(a[at][lane]);
    __syncthreads();
  }
}

template <class T>
__global__ void __launch_bounds__(small_threads)
    small_linear_kernel(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W_t,
                        TensorView<const T, 1, Cuda> b, bool relu) {
  const index_t m = index_t(blockIdx.x) * small_tile, n = index_t(blockIdx.y) * small_tile;
  T sum[small_own] = {};
  double all = 0;
  tile_product<T>(sum, false, all, x, {}, W_t, m, n, 0, x.size(1));
  const index_t column = n + threadIdx.x % small_tile;
  if (column >= y.size(1)) return;
  const T bias = b.data() != nullptr ? b(column) : T(0);
#pragma unroll
  for (int i = 0; i < small_own; ++i) {
    const index_t row = m + threadIdx.x / small_tile * small_own + i;
    const T value = sum[i] + bias;
    if (row < y.size(0)) y(row, column) = relu && value <= T(0) ? T(0) : value;  // a NaN stays
  }
}

template <class T>
struct SmallGradients {
  TensorView<T, 2, Cuda> dx, dW;
  TensorView<T, 1, Cuda> db;
  TensorView<const T, 2, Cuda> dy, dy_t, gate, gate_t, x, W;
  T* partials;  // (pieces, O, I + 1), db last of a row; nullptr: dW and db are added to at once
  unsigned dx_blocks, pieces;

  // dW(o, i), or db(o) for i = I.
  __device__ void add(index_t piece, index_t o, index_t i, T value) const {
    const index_t I = W.size(1);
    if (partials != nullptr)
      partials[(piece * W.size(0) + o) * (I + 1) + i] = value;
    else if (i < I && wanted(dW))
      dW(o, i) += value;
    else if (i == I && wanted(db))
      db(o) += value;
  }
};

// Blocks of dx, then those of dW and db.
template <class T>
__global__ void __launch_bounds__(small_threads) small_gradients_kernel(const __grid_constant__ SmallGradients<T> p) {
  const index_t O = p.W.size(0), I = p.W.size(1), R = p.dy.size(0);
  const unsigned across = static_cast<unsigned>((I + small_tile - 1) / small_tile);
  const index_t column = threadIdx.x % small_tile, row = threadIdx.x / small_tile * small_own;
  T sum[small_own] = {};
  double all = 0;
  if (blockIdx.x < p.dx_blocks) {
    const index_t m = index_t(blockIdx.x / across) * small_tile, n = index_t(blockIdx.x % across) * small_tile;
    tile_product<T>(sum, false, all, p.dy, p.gate, p.W, m, n, 0, O);
#pragma unroll
    for (int i = 0; i < small_own; ++i)
      if (m + row + i < R && n + column < I) p.dx(m + row + i, n + column) = sum[i];
    return;
  }
  const unsigned at = blockIdx.x - p.dx_blocks, tile = at / p.pieces;
  const index_t piece = at % p.pieces, m = index_t(tile / across) * small_tile, n = index_t(tile % across) * small_tile;
  tile_product<T>(sum, n == 0, all, p.dy_t, p.gate_t, p.x, m, n, R * piece / p.pieces, R * (piece + 1) / p.pieces);
#pragma unroll
  for (int i = 0; i < small_own; ++i)
    if (m + row + i < O && n + column < I) p.add(piece, m + row + i, n + column, sum[i]);
  if (n == 0 && row == 0 && m + column < O) p.add(piece, m + column, I, static_cast<T>(all));
}

// dW and db += the partials of all pieces, in order.
template <class T>
__global__ void __launch_bounds__(small_threads) add_small_gradients_kernel(SmallGradients<T> p) {
  const index_t I = p.W.size(1), count = p.W.size(0) * (I + 1);
  const index_t at = blockIdx.x * index_t(small_threads) + threadIdx.x;
  if (at >= count) return;
  double sum = 0;
  for (unsigned piece = 0; piece < p.pieces; ++piece) sum += static_cast<double>(p.partials[piece * count + at]);
  p.partials = nullptr;
  p.add(0, at / (I + 1), at % (I + 1), static_cast<T>(sum));
}

inline unsigned small_blocks(index_t n, int each = small_tile) { return static_cast<unsigned>((n + each - 1) / each); }

}  // namespace detail

template <class T>
void small_linear(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                  TensorView<const T, 1, Cuda> b, bool relu) {
  if (y.empty()) return;
  const dim3 blocks(detail::small_blocks(y.size(0)), detail::small_blocks(y.size(1)));
  detail::small_linear_kernel<<<blocks, detail::small_threads, 0, stream_handle()>>>(y, x, W.transpose(0, 1), b, relu);
  check_launch("linear of few rows");
}

template <class T>
void small_linear_backward(TensorView<T, 2, Cuda> dx, TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> db,
                           TensorView<const T, 2, Cuda> dy, TensorView<const T, 2, Cuda> x,
                           TensorView<const T, 2, Cuda> W, TensorView<const T, 2, Cuda> relu_of) {
  const index_t R = dy.size(0), O = W.size(0), I = W.size(1);
  if (R * O * I == 0) return;
  const bool sums = wanted(dW) || wanted(db);
  const unsigned pieces = detail::small_blocks(R, detail::small_piece);
  const unsigned dx_blocks = wanted(dx) ? detail::small_blocks(R) * detail::small_blocks(I) : 0,
                 sum_blocks = sums ? detail::small_blocks(O) * detail::small_blocks(I) * pieces : 0;
  if (dx_blocks + sum_blocks == 0) return;
  ScratchOn<Cuda> scratch;
  T* const partials = sums && pieces > 1 ? scratch.take<T>(pieces * O * (I + 1)) : nullptr;
  const detail::SmallGradients<T> p{
      dx, dW, db, dy, dy.transpose(0, 1), relu_of, relu_of.transpose(0, 1), x, W, partials, dx_blocks, pieces};
  detail::small_gradients_kernel<<<dx_blocks + sum_blocks, detail::small_threads, 0, stream_handle()>>>(p);
  check_launch("linear of few rows: backward");
  if (partials == nullptr) return;
  const unsigned blocks = detail::small_blocks(O * (I + 1), detail::small_threads);
  detail::add_small_gradients_kernel<<<blocks, detail::small_threads, 0, stream_handle()>>>(p);
  check_launch("linear of few rows: dW");
}

}  // namespace longwave::cuda
