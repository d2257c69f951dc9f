// mmd_tiles.hpp - MMD^2 (ops/mmd.hpp) in tiles of 64 x 64 pairs of points: what each of a block's 256 threads does on a
// device, all but loops over tiles and barriers (cuda/kernels/mmd.cuh).
//
// A thread owns 4 x 4 pairs of a tile. A tile's points lie in fast memory by coordinate, K coordinates at a time:
// (2, K, 64), rows first. Distances come from differences: their error is (d + 2) epsilon of the distance itself, as on
// the host. A pair that does not count (beyond the end, not above the diagonal) gets the distance infinity, whose
// kernel is at most 2^-1022.
//
// Operations of one pair in double: 2 d for the distance, 16 for e^-x (of degree 11, 2 ulp), 1 for the sum. Where a
// term's rate is 2, 4, .. 64 times that of the one before, e^-x is that one's square, squared again ..: 1 to 6
// operations instead of 16, and at most 2^6 times its error.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "longwave/core/config.hpp"
#include "longwave/core/rbf_mixture.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

enum class MmdForm { unbiased, biased };

namespace detail {

// What the three sums are multiplied by, and what the pairs i = j add.
struct MmdFactors {
  double xx, yy, xy, constant;

  MmdFactors(index_t rows_x, index_t rows_y, double at_zero, MmdForm form) {
    const double n = static_cast<double>(rows_x), m = static_cast<double>(rows_y);
    const bool biased = form == MmdForm::biased;
    xx = biased ? 1 / (n * n) : 1 / (n * (n - 1));
    yy = biased ? 1 / (m * m) : 1 / (m * (m - 1));
    xy = -2 / (n * m);
    constant = biased ? at_zero * (1 / n + 1 / m) : 0;
  }
};

struct MmdBlock {
  static constexpr int side = 64, threads = 256, own = 4;  // own x own pairs of a thread

  LONGWAVE_HD static index_t tiles(index_t points) { return (points + side - 1) / side; }
  // A warp is 4 x 8 threads, the block 4 x 2 warps: 16 x 16 threads.
  LONGWAVE_HD static int row_of(int thread) { return thread / 64 * 4 + thread % 32 / 8; }
  LONGWAVE_HD static int column_of(int thread) { return thread / 32 % 2 * 8 + thread % 8; }
};

// 16 bytes of neighbouring points.
template <class T>
struct alignas(16) MmdVector {
  static constexpr int size = 16 / sizeof(T);
  T at[size];
};

// Where in the tile the i-th point of thread `along` is: 16 threads' vectors side by side.
template <class T>
LONGWAVE_HD int mmd_place(int along, int i) {
  constexpr int V = MmdVector<T>::size;
  return i / V * 16 * V + along * V + i % V;
}

// The tiles that hold pairs to add up, one after the other: of x with x and of y with y those with row <= column, then
// all of x with y. A triangle's row r is followed by row tiles - 1 - r, so that both together are tiles + 1 long.
class MmdWalk {
 public:
  int part = 0;  // 0: x with x, 1: y with y, 2: x with y
  index_t row = 0, column = 0;

  LONGWAVE_HD MmdWalk(index_t tiles_x, index_t tiles_y, index_t at) : tiles_{tiles_x, tiles_y} {
    while (part < 2 && at >= length()) at -= length(), ++part;
    line_ = at / width();
    at_ = at % width();
    place();
  }
  LONGWAVE_HD void next() {
    if (++at_ == width()) at_ = 0, ++line_;
    if (part < 2 && line_ * width() + at_ == length()) at_ = 0, line_ = 0, ++part;
    place();
  }
  LONGWAVE_HD static index_t count(index_t tiles_x, index_t tiles_y) {
    return tiles_x * (tiles_x + 1) / 2 + tiles_y * (tiles_y + 1) / 2 + tiles_x * tiles_y;
  }

 private:
  LONGWAVE_HD index_t side() const { return part == 0 ? tiles_[0] : tiles_[1]; }
  LONGWAVE_HD index_t width() const { return part == 2 ? tiles_[1] : side() + 1; }
  LONGWAVE_HD index_t length() const { return side() * (side() + 1) / 2; }
  LONGWAVE_HD void place() {
    const bool upper = part == 2 || at_ < side() - line_;
    row = upper ? line_ : side() - 1 - line_;
    column = part == 2 ? at_ : upper ? line_ + at_ : at_ - 1;
  }

  index_t tiles_[2], line_ = 0, at_ = 0;
};

// Both samples by coordinate, to (d in whole chunks, 64 (tiles of x + tiles of y)): a tile's points lie side by side,
// x's tiles first, with zeros where there is no point or coordinate. i counts `to`.
template <class T, device D>
struct MmdPack {
  static constexpr const char* name = "mmd_pack";
  TensorView<T, 2, D> to;
  TensorView<const T, 2, D> x, y;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t k = i / to.size(1), at = i % to.size(1), behind = at - MmdBlock::tiles(x.size(0)) * MmdBlock::side;
    T value = 0;
    if (k < x.size(1)) {
      if (behind < 0 && at < x.size(0)) value = x(at, k);
      if (behind >= 0 && behind < y.size(0)) value = y(behind, k);
    }
    to(k, at) = value;
  }
};

// A stage: vectors e of K coordinates from k on, of 64 rows, then of 64 columns, one after the other. Where vector e
// lies among the packed numbers; row, column: tiles.
template <class T, int K>
struct MmdStage {
  static constexpr int V = MmdVector<T>::size, line = MmdBlock::side / V, vectors = 2 * K * line;

  LONGWAVE_HD static index_t source(int e, index_t stride, index_t row, index_t column, index_t k) {
    return (k + e / line % K) * stride + (e >= K * line ? column : row) * MmdBlock::side + e % line * V;
  }
};

template <class T>
LONGWAVE_HD void mmd_load(T (&to)[4], const T* line, int along) {
  constexpr int V = MmdVector<T>::size;
  for (int i = 0; i < 4; i += V) {
    const MmdVector<T> v = *reinterpret_cast<const MmdVector<T>*>(line + mmd_place<T>(along, i));
    for (int j = 0; j < V; ++j) to[i + j] = v.at[j];
  }
}

// Squares of differences in K coordinates, added to the distances of a thread's pairs.
template <int K, class T>
LONGWAVE_HD void mmd_add_distances(T (&distance)[4][4], const T* stage, int thread) {
  for (int k = 0; k < K; ++k) {
    T x[4], y[4];
    mmd_load(x, stage + k * MmdBlock::side, MmdBlock::row_of(thread));
    mmd_load(y, stage + (K + k) * MmdBlock::side, MmdBlock::column_of(thread));
    for (int p = 0; p < 4; ++p)
      for (int q = 0; q < 4; ++q) {
        const T difference = x[p] - y[q];
        distance[p][q] += difference * difference;
      }
  }
}

// row, column: of the tile's first pair. Pairs count for i < rows and j < columns, and above the diagonal for i < j.
template <class T>
LONGWAVE_HD void mmd_leave_out(T (&distance)[4][4], int thread, index_t row, index_t rows, index_t column,
                               index_t columns, bool above_diagonal) {
  constexpr T infinity = static_cast<T>(INFINITY);
  for (int p = 0; p < 4; ++p)
    for (int q = 0; q < 4; ++q) {
      const index_t i = row + mmd_place<T>(MmdBlock::row_of(thread), p);
      const index_t j = column + mmd_place<T>(MmdBlock::column_of(thread), q);
      if (i >= rows || j >= columns || (above_diagonal && i >= j)) distance[p][q] = infinity;
    }
}

// 2^(-rate distance), distance >= 0 or NaN. In double: -rate distance = n + f, |f| <= 1/2; the polynomial interpolates
// 2^f at Chebyshev's nodes, error 2e-17; `limit` = 1022 / rate keeps n in the exponent's range.
LONGWAVE_HD inline double mmd_power(double distance, double rate, double limit) {
  constexpr double to_integer = 0x1.8p52;  // adding it rounds: the low bits are n
  constexpr double c[12] = {1,
                            0x1.62e42fefa39efp-1,
                            0x1.ebfbdff82c5aep-3,
                            0x1.c6b08d704a0c6p-5,
                            0x1.3b2ab6fb9f1a5p-7,
                            0x1.5d87fe78a3f9cp-10,
                            0x1.430913112c61bp-13,
                            0x1.ffcbfc6da6ed1p-17,
                            0x1.62bfc2c86d700p-20,
                            0x1.b524ebd13a55fp-24,
                            0x1.e6228acd1c6e5p-28,
                            0x1.e9ec1fcb69a7fp-32};
  if (distance > limit) distance = limit;  // a NaN stays
  const double shifted = std::fma(-rate, distance, to_integer);
  const double f = std::fma(-rate, distance, to_integer - shifted);
  double value = c[11];
  for (int i = 10; i >= 0; --i) value = std::fma(value, f, c[i]);
  return value * __builtin_bit_cast(double, (__builtin_bit_cast(std::uint64_t, shifted) + 1023) << 52);
}
LONGWAVE_HD inline float mmd_power(float distance, float rate, float) { return std::exp2(-rate * distance); }

// A mixture's terms by growing rate.
template <class T>
struct MmdTerms {
  static constexpr int most = RbfMixture::most, longest = 6;
  int terms;
  T weight[most], rate[most], limit[most];  // of powers of two
  int squarings[most];                      // how often the term before is squared; 0: e^-x anew

  // of_gradient: weights are multiplied by -1 / sigma^2, so that dk/dx = (x - y) times the sum.
  MmdTerms(const RbfMixture& mixture, bool of_gradient) : terms(mixture.terms) {
    constexpr double least_rate = std::numeric_limits<T>::min(), most_rate = std::numeric_limits<T>::max();
    int order[most], chain = 0;
    for (int s = 0; s < terms; ++s) order[s] = s;
    std::stable_sort(order, order + terms, [&](int a, int b) { return mixture.rate[a] < mixture.rate[b]; });
    for (int s = 0; s < terms; ++s) {
      const double r = mixture.rate[order[s]], w = mixture.weight[order[s]];
      const double binary = std::clamp(r * 1.4426950408889634, least_rate, most_rate);
      weight[s] = static_cast<T>(of_gradient ? -2 * r * w : w);
      rate[s] = static_cast<T>(binary);
      limit[s] = static_cast<T>(std::min(1022 / binary, most_rate));
      squarings[s] = 0;
      for (int k = 1; s > 0 && sizeof(T) == 8 && k <= longest - chain; ++k)
        if (r == std::ldexp(mixture.rate[order[s - 1]], k)) squarings[s] = k;
      chain = squarings[s] == 0 ? 0 : chain + squarings[s];
    }
  }

  // e^-x of term s for four pairs; holds that of term s - 1 before.
  LONGWAVE_HD void next(T (&e)[4], const T (&distance)[4], int s) const {
    const int times = squarings[s];
    if (times == 0)
      for (int q = 0; q < 4; ++q) e[q] = mmd_power(distance[q], rate[s], limit[s]);
    for (int i = 0; i < times; ++i)
      for (int q = 0; q < 4; ++q) e[q] *= e[q];
  }
};

// The kernel summed over a thread's pairs.
template <class T>
LONGWAVE_HD T mmd_value(const T (&distance)[4][4], const MmdTerms<T>& kernel) {
  T sum = 0;
  for (int p = 0; p < 4; ++p) {
    T e[4];
    for (int s = 0; s < kernel.terms; ++s) {
      kernel.next(e, distance[p], s);
      sum += kernel.weight[s] * ((e[0] + e[1]) + (e[2] + e[3]));
    }
  }
  return sum;
}

// The weighted sum of all terms in place of each distance.
template <class T>
LONGWAVE_HD void mmd_terms(T (&pairs)[4][4], const MmdTerms<T>& kernel) {
  for (int p = 0; p < 4; ++p) {
    T e[4], slope[4] = {};
    for (int s = 0; s < kernel.terms; ++s) {
      kernel.next(e, pairs[p], s);
      for (int q = 0; q < 4; ++q) slope[q] += kernel.weight[s] * e[q];
    }
    for (int q = 0; q < 4; ++q) pairs[p][q] = slope[q];
  }
}

// gradient[p][k] += factor sum_q slope_pq (x_p - y_q)_k over the K coordinates that the stage holds.
template <int K, class T>
LONGWAVE_HD void mmd_add_gradients(double (&gradient)[4][K], double factor, const T (&slope)[4][4], const T* stage,
                                   int thread) {
  for (int k = 0; k < K; ++k) {
    T x[4], y[4];
    mmd_load(x, stage + k * MmdBlock::side, MmdBlock::row_of(thread));
    mmd_load(y, stage + (K + k) * MmdBlock::side, MmdBlock::column_of(thread));
    for (int p = 0; p < 4; ++p) {
      T sum = 0;
      for (int q = 0; q < 4; ++q) sum += slope[p][q] * (x[p] - y[q]);
      gradient[p][k] += factor * static_cast<double>(sum);
    }
  }
}

// Which chunk of K coordinates a block that makes the gradient of chunk `own` takes in step `step`: its own last.
LONGWAVE_HD inline index_t mmd_chunk(index_t step, index_t chunks, index_t own) {
  return step + 1 == chunks ? own : step < own ? step : step + 1;
}

}  // namespace detail
}  // namespace longwave
