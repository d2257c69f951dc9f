// mmd.hpp - sums of a kernel over all pairs of two samples on the host, tiled: memory O(n + m).
//
// Per pair and term: d differences and d multiply-adds for the distance, 18 operations for the exponential: 30 flops at
// d = 4, so the arithmetic is the limit, not memory. Distances come from differences: their error is (d + 2) epsilon of
// the distance itself, while |x|^2 + |y|^2 - 2 x.y errs by epsilon (|x|^2 + |y|^2), which for near points far from the
// origin is all there is and may be negative. Lanes run over y; four rows of x share what is loaded of y.
//
// Rows are cut into blocks of 64 whatever the number of threads; every block has its own sum, added up in order.
#pragma once

#include <algorithm>

#include "longwave/core/arena.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/core/rbf_mixture.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cpu/exp_lanes.hpp"

namespace longwave::impl {

inline constexpr index_t mmd_block = 64;      // rows of one task
inline constexpr index_t mmd_columns = 1024;  // of y at a time: 32 KiB at d = 4 in double
inline constexpr int mmd_rows = 4;            // side by side

// A sample (n, d) twice in dense memory: by point, and by coordinate with rows of `stride` numbers, zeros at their end.
template <class T>
struct MmdPoints {
  const T* points;
  const T* columns;
  index_t n, d, stride;

  MmdPoints(Scratch& scratch, TensorView<const T, 2> x) : n(x.size(0)), d(x.size(1)) {
    stride = (n + simd::width<T> - 1) / simd::width<T> * simd::width<T>;
    T* by_point = scratch.take<T>(n * d);
    T* by_column = scratch.take<T>(stride * d);
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < d; ++k) by_point[i * d + k] = by_column[k * stride + i] = x(i, k);
    for (index_t k = 0; k < d; ++k) std::fill(by_column + k * stride + n, by_column + (k + 1) * stride, T(0));
    points = by_point;
    columns = by_column;
  }
};

// The kernel's weights and rates in T.
template <class T>
struct MmdKernel {
  int terms;
  T weight[RbfMixture::most], rate[RbfMixture::most];

  // of_gradient: terms are multiplied by -1 / sigma^2, so that dk/dx = (x - y) times the sum.
  MmdKernel(const RbfMixture& k, bool of_gradient) : terms(k.terms) {
    for (int s = 0; s < terms; ++s) {
      weight[s] = static_cast<T>(of_gradient ? -2 * k.rate[s] * k.weight[s] : k.weight[s]);
      rate[s] = static_cast<T>(k.rate[s]);
    }
  }

  // k(x_r, y_j) for R points from `x` on and one register of points y from column j on.
  template <int R>
  void lanes(simd::Lanes<T> (&value)[R], const T* x, const MmdPoints<T>& y, index_t j) const {
    simd::Lanes<T> distance[R] = {};
    for (index_t k = 0; k < y.d; ++k) {
      const simd::Lanes<T> at = simd::load(y.columns + k * y.stride + j);
      for (int r = 0; r < R; ++r) {
        const simd::Lanes<T> difference = x[r * y.d + k] - at;
        distance[r] += difference * difference;
      }
    }
    for (int r = 0; r < R; ++r) value[r] = weight[0] * simd::exp_nonpositive<T>(distance[r] * -rate[0]);
    for (int s = 1; s < terms; ++s)
      for (int r = 0; r < R; ++r) value[r] += weight[s] * simd::exp_nonpositive<T>(distance[r] * -rate[s]);
  }
};

// Keeps the lanes of columns j .. that lie in [first, end).
template <class T>
simd::Lanes<T> mmd_masked(simd::Lanes<T> value, index_t j, index_t first, index_t end) {
  T lanes[simd::width<T>];
  simd::store(lanes, value);
  for (index_t l = 0; l < simd::width<T>; ++l)
    if (j + l < first || j + l >= end) lanes[l] = T(0);
  return simd::load(lanes);
}

template <class T>
double lanes_sum(simd::Lanes<T> value) {
  double sum = 0;
  for (int l = 0; l < simd::width<T>; ++l) sum += static_cast<double>(value[l]);
  return sum;
}

// The sum over y_j, j in [begin, end) of R rows of x from i on; upper: over j > i only.
template <int R, class T>
double mmd_strip(const MmdKernel<T>& kernel, const MmdPoints<T>& x, index_t i, const MmdPoints<T>& y, index_t begin,
                 index_t end, bool upper) {
  constexpr index_t W = simd::width<T>;
  if (upper) begin = std::max(begin, (i + 1) / W * W);
  simd::Lanes<T> sum[R] = {};
  for (index_t j = begin; j < end; j += W) {
    simd::Lanes<T> value[R];
    kernel.lanes(value, x.points + i * x.d, y, j);
    const bool edge = j + W > end || (upper && j <= i + R - 1);
    for (int r = 0; r < R; ++r) sum[r] += edge ? mmd_masked<T>(value[r], j, upper ? i + r + 1 : 0, end) : value[r];
  }
  double total = 0;
  for (int r = 0; r < R; ++r) total += lanes_sum<T>(sum[r]);
  return total;
}

// One block of rows against all of y.
template <class T>
double mmd_block_sum(const MmdKernel<T>& kernel, const MmdPoints<T>& x, index_t block, const MmdPoints<T>& y,
                     bool upper) {
  const index_t rows_begin = block * mmd_block, rows_end = std::min(x.n, rows_begin + mmd_block);
  double sum = 0;
  for (index_t at = upper ? rows_begin / mmd_columns * mmd_columns : 0; at < y.n; at += mmd_columns) {
    const index_t end = std::min(y.n, at + mmd_columns);
    index_t i = rows_begin;
    for (; i + mmd_rows <= rows_end; i += mmd_rows) sum += mmd_strip<mmd_rows>(kernel, x, i, y, at, end, upper);
    for (; i < rows_end; ++i) sum += mmd_strip<1>(kernel, x, i, y, at, end, upper);
  }
  return sum;
}

// sum of k over all pairs (x_i, y_j); upper (y is x): over i < j.
template <class T>
double mmd_pair_sum(const MmdKernel<T>& kernel, const MmdPoints<T>& x, const MmdPoints<T>& y, bool upper) {
  const index_t blocks = (x.n + mmd_block - 1) / mmd_block;
  Scratch scratch;
  double* partial = scratch.take<double>(blocks);
  const index_t work = 30 * x.n * y.n;
  if (upper)  // a block from the start and one from the end make tasks of equal length
    parallel_for((blocks + 1) / 2,
                 [&](index_t b) {
                   partial[b] = mmd_block_sum(kernel, x, b, y, true);
                   const index_t other = blocks - 1 - b;
                   if (other != b) partial[other] = mmd_block_sum(kernel, x, other, y, true);
                 },
                 work / 2);
  else
    parallel_for(
        blocks, [&](index_t b) { partial[b] = mmd_block_sum(kernel, x, b, y, false); }, work);
  double total = 0;
  for (index_t b = 0; b < blocks; ++b) total += partial[b];
  return total;
}

// Sums over pairs: i != j within a sample, all across.
struct MmdSums {
  double xx = 0, yy = 0, xy = 0;
};

template <class T>
MmdSums mmd_sums(TensorView<const T, 2, Host> x, TensorView<const T, 2, Host> y, const RbfMixture& mixture) {
  Scratch scratch;
  const MmdKernel<T> kernel(mixture, false);
  const MmdPoints<T> px(scratch, x), py(scratch, y);
  return {2 * mmd_pair_sum(kernel, px, px, true), 2 * mmd_pair_sum(kernel, py, py, true),
          mmd_pair_sum(kernel, px, py, false)};
}

// gradient[k] += factor * sum_j dk(x_i, y_j)/dx_i; `values` holds mmd_columns numbers.
template <class T>
void mmd_gradient_row(double* gradient, double factor, const MmdKernel<T>& kernel, const T* x, const MmdPoints<T>& y,
                      T* values) {
  constexpr index_t W = simd::width<T>;
  for (index_t at = 0; at < y.n; at += mmd_columns) {
    const index_t end = std::min(y.n, at + mmd_columns);
    for (index_t j = at; j < end; j += W) {
      simd::Lanes<T> value[1];
      kernel.lanes(value, x, y, j);
      simd::store(values + j - at, j + W > end ? mmd_masked<T>(value[0], j, 0, end) : value[0]);
    }
    for (index_t k = 0; k < y.d; ++k) {
      simd::Lanes<T> sum = {};
      const T* column = y.columns + k * y.stride;
      for (index_t j = at; j < end; j += W) sum += simd::load(values + j - at) * (x[k] - simd::load(column + j));
      gradient[k] += factor * lanes_sum<T>(sum);
    }
  }
}

// dx_i = within sum_j dk(x_i, x_j)/dx_i + across sum_j dk(x_i, y_j)/dx_i, assigned. The pair (i, i) adds nothing.
template <class T>
void mmd_gradient(TensorView<T, 2, Host> dx, TensorView<const T, 2, Host> x, TensorView<const T, 2, Host> y,
                  double within, double across, const RbfMixture& mixture) {
  Scratch scratch;
  const MmdKernel<T> kernel(mixture, true);
  const MmdPoints<T> px(scratch, x), py(scratch, y);
  parallel_blocks(
      px.n, 16,
      [&](index_t begin, index_t end) {
        Scratch own;
        T* values = own.take<T>(mmd_columns);
        double* gradient = own.take<double>(px.d);
        for (index_t i = begin; i < end; ++i) {
          std::fill(gradient, gradient + px.d, 0.0);
          mmd_gradient_row(gradient, within, kernel, px.points + i * px.d, px, values);
          mmd_gradient_row(gradient, across, kernel, px.points + i * px.d, py, values);
          for (index_t k = 0; k < px.d; ++k) dx(i, k) = static_cast<T>(gradient[k]);
        }
      },
      30 * px.n * (px.n + py.n));
}

}  // namespace longwave::impl
