// mmd.hpp - two files of numbers compared by MMD^2 (ops/mmd.hpp) under fixed protocols, and what to hold a value
// against.
//
//   p1   all columns standardised (mean, deviation of the population) by both files together; sigma: median distance of
//        1000 + 1000 rows of both
//   p2   standardised by the original alone; sigma as in p1 with a seed of its own
//   p3   as p2, but sigma: median distance within 2000 rows of the original
// At most max_rows rows of each file are drawn, without replacement, before anything else; columns of deviation 0 are
// only centred and a median of 0 is taken for 1. Every part is exact and needs O(rows) memory, the median 2000^2 / 2
// numbers.
//
//   floor      the original against itself: split_halves
//   ceilings   columns that know nothing of each other: shuffle_columns; normal numbers of each column's mean and
//              deviation: normal_like
// Rows that are permuted as a whole change nothing: MMD does not see their order.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/ops/mmd.hpp"

namespace longwave {

// Rows begin .. of a random order of x (n, d).
inline Tensor<double, 2> random_rows(TensorView<const double, 2> x, index_t begin, index_t end, Generator gen) {
  const index_t n = x.size(0);
  Tensor<index_t, 1> order(n);
  gen.permutation(order.view());
  auto rows = Tensor<double, 2>::uninitialized({end - begin, x.size(1)});
  for (index_t i = begin; i < end; ++i)
    for (index_t k = 0; k < x.size(1); ++k) rows(i - begin, k) = x(order(i), k);
  return rows;
}

// All rows in their order, or `most` of them in a random one; 0: all.
inline Tensor<double, 2> subsample_rows(TensorView<const double, 2> x, index_t most, const Generator& gen) {
  if (most > 0 && x.size(0) > most) return random_rows(x, 0, most, gen);
  auto rows = Tensor<double, 2>::uninitialized(x.sizes());
  for (index_t i = 0; i < x.size(0); ++i)
    for (index_t k = 0; k < x.size(1); ++k) rows(i, k) = x(i, k);
  return rows;
}

struct RowHalves {
  Tensor<double, 2> first, second;
};
inline RowHalves split_halves(TensorView<const double, 2> x, std::uint64_t seed = 42) {
  const index_t n = x.size(0);
  return {random_rows(x, 0, n / 2, Generator(seed)), random_rows(x, n / 2, n, Generator(seed))};
}

// Every column in an order of its own.
inline Tensor<double, 2> shuffle_columns(TensorView<const double, 2> x, std::uint64_t seed = 42) {
  auto out = Tensor<double, 2>::uninitialized(x.sizes());
  Generator gen(seed);
  Tensor<index_t, 1> order(x.size(0));
  for (index_t k = 0; k < x.size(1); ++k) {
    gen.permutation(order.view());
    for (index_t i = 0; i < x.size(0); ++i) out(i, k) = x(order(i), k);
  }
  return out;
}

namespace detail {

struct ColumnMoments {
  std::vector<double> mean, deviation;  // deviation 1 where a column is constant

  void apply(TensorView<double, 2> x) const {
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t k = 0; k < x.size(1); ++k) {
        const auto c = static_cast<std::size_t>(k);
        x(i, k) = (x(i, k) - mean[c]) / deviation[c];
      }
  }
};

// Of the rows of all samples together.
inline ColumnMoments column_moments(std::initializer_list<TensorView<const double, 2>> samples) {
  const index_t d = samples.begin()->size(1);
  ColumnMoments m;
  for (index_t k = 0; k < d; ++k) {
    double n = 0, sum = 0, squares = 0;
    for (const auto& x : samples) {
      n += static_cast<double>(x.size(0));
      for (index_t i = 0; i < x.size(0); ++i) sum += x(i, k);
    }
    const double mean = sum / n;
    for (const auto& x : samples)
      for (index_t i = 0; i < x.size(0); ++i) squares += (x(i, k) - mean) * (x(i, k) - mean);
    const double deviation = std::sqrt(squares / n);
    if (!std::isfinite(deviation)) throw_value_error("mmd: column " + std::to_string(k) + " holds NaN or infinity");
    m.mean.push_back(mean);
    m.deviation.push_back(deviation > 1e-12 * std::abs(mean) ? deviation : 1);  // rounding leaves a little
  }
  return m;
}

}  // namespace detail

// (rows, d) normal numbers with the means and deviations of x's columns.
inline Tensor<double, 2> normal_like(TensorView<const double, 2> x, index_t rows, std::uint64_t seed = 42) {
  const detail::ColumnMoments moments = detail::column_moments({x});
  auto out = Tensor<double, 2>::uninitialized({rows, x.size(1)});
  Generator(seed).normal(out.view());
  for (index_t i = 0; i < rows; ++i)
    for (index_t k = 0; k < x.size(1); ++k) {
      const auto c = static_cast<std::size_t>(k);
      out(i, k) = moments.mean[c] + moments.deviation[c] * out(i, k);
    }
  return out;
}

// Median of |a_i - a_j| over i < j in the rows of x and y together (y may be empty); of two middle ones the mean.
inline double median_distance(TensorView<const double, 2> x, TensorView<const double, 2> y = {}) {
  const index_t n = x.size(0), total = n + (y.data() == nullptr ? 0 : y.size(0)), d = x.size(1);
  if (total < 2) throw_value_error("median_distance: " + std::to_string(total) + " rows make no pair");
  std::vector<double> squares;
  squares.reserve(static_cast<std::size_t>(total * (total - 1) / 2));
  const auto at = [&](index_t i, index_t k) { return i < n ? x(i, k) : y(i - n, k); };
  for (index_t i = 0; i < total; ++i)
    for (index_t j = i + 1; j < total; ++j) {
      double square = 0;
      for (index_t k = 0; k < d; ++k) square += (at(i, k) - at(j, k)) * (at(i, k) - at(j, k));
      squares.push_back(square);
    }
  const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  const double upper = std::sqrt(*middle);
  if (squares.size() % 2 == 1) return upper;
  return (upper + std::sqrt(*std::max_element(squares.begin(), middle))) / 2;
}

enum class MmdProtocol { p1, p2, p3 };

struct MmdProtocolOptions {
  index_t max_rows = 10000;      // of each file; 0: all
  std::uint64_t seed = 42;       // of the rows
  std::uint64_t sigma_seed = 0;  // of those for sigma; 0: the protocol's own (42, p2: 77)
  bool single_precision = false;
};

struct MmdScore {
  double mmd2 = 0, sigma = 0;
  index_t n = 0, m = 0;  // rows compared
  double root() const { return std::sqrt(std::max(mmd2, 0.0)); }
};

namespace detail {

// In double, or with pairs in float.
inline double mmd_value(TensorView<const double, 2> x, TensorView<const double, 2> y, const RbfMixture& kernel,
                        bool single_precision) {
  Tensor<double, 0> value{Extents<0>()};
  if (!single_precision) {
    ops::Mmd::forward(value.view(), x, y, kernel);
    return value();
  }
  const auto to_float = [](TensorView<const double, 2> from) {
    auto to = Tensor<float, 2>::uninitialized(from.sizes());
    for (index_t i = 0; i < from.size(0); ++i)
      for (index_t k = 0; k < from.size(1); ++k) to(i, k) = static_cast<float>(from(i, k));
    return to;
  };
  const auto xf = to_float(x), yf = to_float(y);
  const impl::MmdSums s =
      impl::mmd_sums(TensorView<const float, 2>(xf.view()), TensorView<const float, 2>(yf.view()), kernel);
  const MmdFactors f(x.size(0), y.size(0), kernel.at_zero(), MmdForm::unbiased);
  return f.xx * s.xx + f.yy * s.yy + f.xy * s.xy;
}

}  // namespace detail

// MMD^2 of original (n, d) and synthetic (m, d), both in the same units.
inline MmdScore mmd_protocol(MmdProtocol protocol, TensorView<const double, 2> original,
                             TensorView<const double, 2> synthetic, const MmdProtocolOptions& options = {}) {
  if (original.size(1) != synthetic.size(1))
    throw_shape_error("mmd_protocol: original is " + to_string(original.sizes(), "nd") + ", synthetic is " +
                      to_string(synthetic.sizes(), "md"));
  if (original.size(0) < 2 || synthetic.size(0) < 2)
    throw_value_error("mmd_protocol: " + std::to_string(original.size(0)) + " original and " +
                      std::to_string(synthetic.size(0)) + " synthetic rows, at least two of each are needed");
  auto x = subsample_rows(original, options.max_rows, Generator(options.seed, 0));
  auto y = subsample_rows(synthetic, options.max_rows, Generator(options.seed, 1));
  const auto moments = protocol == MmdProtocol::p1 ? detail::column_moments({x, y}) : detail::column_moments({x});
  moments.apply(x);
  moments.apply(y);
  const std::uint64_t own_seed = protocol == MmdProtocol::p2 ? 77 : 42;
  const Generator gen(options.sigma_seed != 0 ? options.sigma_seed : own_seed);
  double sigma = protocol == MmdProtocol::p3
                     ? median_distance(subsample_rows(x, 2000, gen.split(2)))
                     : median_distance(subsample_rows(x, 1000, gen.split(2)), subsample_rows(y, 1000, gen.split(3)));
  if (sigma == 0) sigma = 1;
  return {detail::mmd_value(x, y, RbfMixture(sigma), options.single_precision), sigma, x.size(0), y.size(0)};
}

}  // namespace longwave
