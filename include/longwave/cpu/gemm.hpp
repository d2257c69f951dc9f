// gemm.hpp - dense products on the CPU: C (M, N) = A (M, K) B (K, N), or += with `accumulate`.
//
// Element (i, k) of A is A[i * a_row + k * a_col], likewise B, so transposed operands need no copy; C has unit column
// stride. The products of this library have at least one side of 16 to 512: a register tile of C, lanes along N, with
// B packed into a panel of that width only where its rows lie far apart, beats a general library here and allocates
// nothing (figures and the comparison with Eigen: docs/design/gemm.md). Each element of C is summed over k in order,
// whatever the blocking in M and N: cutting a product by rows or columns changes no bit.
#pragma once

#include <algorithm>

#include "longwave/core/arena.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/cpu/simd.hpp"

namespace longwave::impl {

// Rows and registers per row of the tile of C that is kept in registers: 24 of 32 registers, or 8 to 12 of 16.
inline constexpr int gemm_rows = simd::registers == 32 ? 12 : 4;
inline constexpr int gemm_lanes = 2;
inline constexpr index_t gemm_depth = 256;  // k per pass: a packed panel of B fits the first-level cache

// One tile: C (ROWS, LANES * width) [+]= A (ROWS, K) B (K, LANES * width).
template <int ROWS, int LANES, class T>
void gemm_tile(index_t K, const T* A, index_t a_row, index_t a_col, const T* B, index_t b_row, T* C, index_t c_row,
               bool accumulate) {
  constexpr int W = simd::width<T>;
  simd::Lanes<T> c[ROWS][LANES] = {};  // stays in registers: every loop over it is unrolled
  if (accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < LANES; ++j) c[i][j] = simd::load(C + i * c_row + j * W);
  }
  for (index_t k = 0; k < K; ++k) {
    simd::Lanes<T> b[LANES];
#pragma GCC unroll 4
    for (int j = 0; j < LANES; ++j) b[j] = simd::load(B + k * b_row + j * W);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; ++i) {
      const simd::Lanes<T> a = simd::broadcast(A[i * a_row + k * a_col]);
#pragma GCC unroll 4
      for (int j = 0; j < LANES; ++j) c[i][j] += a * b[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < LANES; ++j) simd::store(C + i * c_row + j * W, c[i][j]);
}

// All rows of one panel of columns, tiles of gemm_rows rows first, then of 8, 4, 2 and 1. Sixteen rows, as a sequence
// of 1024 has chunks, are two tiles of 8: a tile of 4 is half idle.
template <int LANES, class T>
void gemm_panel(index_t M, index_t K, const T* A, index_t a_row, index_t a_col, const T* B, index_t b_row, T* C,
                index_t c_row, bool accumulate) {
  index_t i = 0;
  auto rows = [&]<int ROWS>() {
    for (; i + ROWS <= M && !(ROWS == 12 && M - i == 16); i += ROWS)
      gemm_tile<ROWS, LANES>(K, A + i * a_row, a_row, a_col, B, b_row, C + i * c_row, c_row, accumulate);
  };
  rows.template operator()<gemm_rows>();
  if constexpr (gemm_rows > 8) rows.template operator()<8>();
  if constexpr (gemm_rows > 4) rows.template operator()<4>();
  rows.template operator()<2>();
  rows.template operator()<1>();
}

// The last columns, fewer than a register holds: computed in a padded copy.
template <class T>
void gemm_edge(index_t M, index_t n, index_t K, const T* A, index_t a_row, index_t a_col, const T* panel, T* C,
               index_t c_row, bool accumulate) {
  constexpr int W = simd::width<T>;
  Scratch scratch;
  T* tile = scratch.take<T>(M * W);
  if (accumulate)
    for (index_t i = 0; i < M; ++i)
      for (index_t j = 0; j < W; ++j) tile[i * W + j] = j < n ? C[i * c_row + j] : T(0);
  gemm_panel<1>(M, K, A, a_row, a_col, panel, W, tile, W, accumulate);
  for (index_t i = 0; i < M; ++i)
    for (index_t j = 0; j < n; ++j) C[i * c_row + j] = tile[i * W + j];
}

// panel (K, width) = columns of B, zero beyond the n that exist.
template <class T>
void gemm_pack(index_t K, index_t n, index_t width, const T* B, index_t b_row, index_t b_col, T* panel) {
  if (b_col == 1) {
    for (index_t k = 0; k < K; ++k) {
      for (index_t j = 0; j < n; ++j) panel[k * width + j] = B[k * b_row + j];
      for (index_t j = n; j < width; ++j) panel[k * width + j] = T(0);
    }
  } else {
    for (index_t j = 0; j < n; ++j)
      for (index_t k = 0; k < K; ++k) panel[k * width + j] = B[k * b_row + j * b_col];
    for (index_t j = n; j < width; ++j)
      for (index_t k = 0; k < K; ++k) panel[k * width + j] = T(0);
  }
}

// Serial; the callers cut their work into independent products first.
template <class T>
void gemm(index_t M, index_t N, index_t K, const T* A, index_t a_row, index_t a_col, const T* B, index_t b_row,
          index_t b_col, T* C, index_t c_row, bool accumulate) {
  constexpr index_t W = simd::width<T>, NR = gemm_lanes * W;
  if (M == 0 || N == 0) return;
  if (K == 0 && !accumulate)
    for (index_t i = 0; i < M; ++i) std::fill(C + i * c_row, C + i * c_row + N, T(0));
  // Rows of B within a few pages of each other are read in place.
  const bool direct = b_col == 1 && (M <= gemm_rows || b_row * static_cast<index_t>(sizeof(T)) <= 2048);
  Scratch scratch;
  T* panel = scratch.take<T>(std::min(K, gemm_depth) * NR);
  for (index_t j = 0; j < N;) {
    const index_t n = N - j >= NR ? NR : std::min(N - j, W);  // columns of this panel
    const index_t pitch = n == NR ? NR : W;
    for (index_t k = 0; k < K; k += gemm_depth) {
      const index_t depth = std::min(gemm_depth, K - k);
      const T* b = B + k * b_row + j * b_col;
      index_t b_pitch = b_row;
      if (!direct || n < pitch) {
        gemm_pack(depth, n, pitch, b, b_row, b_col, panel);
        b = panel;
        b_pitch = pitch;
      }
      const T* a = A + k * a_col;
      const bool add = accumulate || k > 0;
      if (n == NR)
        gemm_panel<gemm_lanes>(M, depth, a, a_row, a_col, b, b_pitch, C + j, c_row, add);
      else if (n == W)
        gemm_panel<1>(M, depth, a, a_row, a_col, b, b_pitch, C + j, c_row, add);
      else
        gemm_edge(M, n, depth, a, a_row, a_col, b, C + j, c_row, add);
    }
    j += n;
  }
}

// The same in parallel: C is cut into blocks of rows and columns by its size alone.
template <class T>
void parallel_gemm(index_t M, index_t N, index_t K, const T* A, index_t a_row, index_t a_col, const T* B, index_t b_row,
                   index_t b_col, T* C, index_t c_row, bool accumulate) {
  constexpr index_t rows = 8 * gemm_rows, columns = 512;
  const index_t row_blocks = (M + rows - 1) / rows, column_blocks = (N + columns - 1) / columns;
  auto one = [&](index_t block) {
    const index_t i = block % row_blocks * rows, j = block / row_blocks * columns;
    gemm(std::min(rows, M - i), std::min(columns, N - j), K, A + i * a_row, a_row, a_col, B + j * b_col, b_row, b_col,
         C + i * c_row + j, c_row, accumulate);
  };
  parallel_for(row_blocks * column_blocks, one, M * N * K);
}

}  // namespace longwave::impl
