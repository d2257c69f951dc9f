// regression.hpp - scores of imputed and forecast series: MAE, RMSE, quantiles of samples, CRPS.
//
//   const PointScores point = point_scores(prediction.view(), target.view(), mask.view());
//   const SampleScores all = sample_scores(samples.view(), target.view(), mask.view());
//   const auto band = quantiles(samples.view(), {0.05, 0.5, 0.95});                      // (3, B, C, L)
//
//   samples (S, B, C, L), prediction and target (B, C, L), mask (B, C, L): 1 = observed, 0 = to impute. Scored are the
//   entries with mask 0 whose target is not NaN: a value that was never known cannot be missed.
//
//   quantiles      linear between the sorted samples, at place q (S - 1), as NumPy's default
//   crps_quantile  as CSDI reports it (Tashiro et al. 2021): the mean over q = .05, .10, ..., .95 of
//                  sum 2 |(target - x_q) (1[target <= x_q] - q)| / sum |target|; it has no unit
//   crps_samples   the integral of the squared difference between the samples' distribution and the step at the
//                  target: mean |x_i - target| - sum_ij |x_i - x_j| / (2 S^2), averaged; in the target's unit
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "longwave/core/parallel.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave {

struct PointScores {
  double mae = 0, rmse = 0;
  index_t entries = 0;  // scored
};

struct SampleScores {
  double mae = 0, rmse = 0;  // of the median
  double crps_quantile = 0, crps_samples = 0;
  double coverage = 0;  // share of targets in the band from the .05 to the .95 quantile
  index_t entries = 0;
};

namespace detail {

// Of sorted[0 .. n), n > 0: from the nearer neighbour, so that both ends are met exactly.
template <class T>
double sorted_quantile(const T* sorted, index_t n, double q) {
  const double place = q * static_cast<double>(n - 1);
  const index_t below = std::min(static_cast<index_t>(place), n - 1), above = std::min(below + 1, n - 1);
  const double part = place - static_cast<double>(below);
  const auto low = static_cast<double>(sorted[below]), high = static_cast<double>(sorted[above]);
  return part < 0.5 ? low + part * (high - low) : high - (high - low) * (1 - part);
}

// mean |x_i - y| - sum_ij |x_i - x_j| / (2 S^2); of sorted samples the second sum is 2 sum_i (2 i - S + 1) x_i.
template <class T>
double sorted_crps(const T* sorted, index_t n, double y) {
  double distance = 0, spread = 0;
  for (index_t i = 0; i < n; ++i) {
    distance += std::abs(static_cast<double>(sorted[i]) - y);
    spread += static_cast<double>(2 * i - n + 1) * (static_cast<double>(sorted[i]) - y);
  }
  const auto S = static_cast<double>(n);
  return distance / S - spread / (S * S);
}

// f(b, c, l, sorted samples) for every entry of (S, B, C, L) that `wanted` says yes to.
template <class T, class Wanted, class F>
void for_each_sorted(const char* op, TensorView<T, 4> samples, Wanted&& wanted, F&& f) {
  const index_t S = samples.size(0), C = samples.size(2), L = samples.size(3);
  if (S == 0) throw_value_error(std::string(op) + ": there are no samples");
  parallel_for(
      samples.size(1) * C,
      [&](index_t row) {
        const index_t b = row / C, c = row % C;
        std::vector<std::remove_const_t<T>> sorted(static_cast<std::size_t>(S));
        for (index_t l = 0; l < L; ++l) {
          if (!wanted(b, c, l)) continue;
          for (index_t s = 0; s < S; ++s) {
            if (std::isnan(samples(s, b, c, l)))
              throw_value_error(std::string(op) + ": the sample at " + to_string(Extents<4>{s, b, c, l}) + " is nan");
            sorted[static_cast<std::size_t>(s)] = samples(s, b, c, l);
          }
          std::sort(sorted.begin(), sorted.end());
          f(b, c, l, sorted.data());
        }
      },
      samples.count());
}

// Sums over the scored entries of one row, added up in the order of rows.
struct ErrorSums {
  double absolute = 0, squared = 0, target = 0, pinball = 0, crps = 0;
  index_t inside = 0, entries = 0;

  void add_error(double error) {
    absolute += std::abs(error);
    squared += error * error;
    ++entries;
  }
  void add(const ErrorSums& other) {
    absolute += other.absolute, squared += other.squared, target += other.target, pinball += other.pinball;
    crps += other.crps, inside += other.inside, entries += other.entries;
  }
};

inline void check_entries(const char* op, index_t entries) {
  if (entries == 0)
    throw_value_error(std::string(op) + ": nothing to score: no entry with mask 0 has a target that is not nan");
}

}  // namespace detail

// levels in [0, 1] -> (levels, B, C, L).
template <class T>
Tensor<std::remove_const_t<T>, 4> quantiles(TensorView<T, 4> samples, const std::vector<double>& levels) {
  using U = std::remove_const_t<T>;
  for (const double q : levels)
    if (!(q >= 0 && q <= 1)) throw_value_error("quantiles: the level " + std::to_string(q) + " is outside [0, 1]");
  auto out = Tensor<U, 4>::uninitialized(
      {static_cast<index_t>(levels.size()), samples.size(1), samples.size(2), samples.size(3)});
  const auto all = [](index_t, index_t, index_t) { return true; };
  detail::for_each_sorted("quantiles", samples, all, [&](index_t b, index_t c, index_t l, const U* sorted) {
    for (std::size_t q = 0; q < levels.size(); ++q)
      out(q, b, c, l) = static_cast<U>(detail::sorted_quantile(sorted, samples.size(0), levels[q]));
  });
  return out;
}

// (S, B, C, L) -> (B, C, L)
template <class T>
Tensor<std::remove_const_t<T>, 3> median(TensorView<T, 4> samples) {
  using U = std::remove_const_t<T>;
  auto out = Tensor<U, 3>::uninitialized({samples.size(1), samples.size(2), samples.size(3)});
  const auto all = [](index_t, index_t, index_t) { return true; };
  detail::for_each_sorted("median", samples, all, [&](index_t b, index_t c, index_t l, const U* sorted) {
    out(b, c, l) = static_cast<U>(detail::sorted_quantile(sorted, samples.size(0), 0.5));
  });
  return out;
}

template <class T, class U, class M>
PointScores point_scores(TensorView<T, 3> prediction, TensorView<U, 3> target, TensorView<M, 3> mask) {
  check_same_shape("point_scores", "prediction", prediction, "target", target);
  check_same_shape("point_scores", "mask", mask, "target", target);
  detail::ErrorSums sums;
  for (index_t b = 0; b < target.size(0); ++b)
    for (index_t c = 0; c < target.size(1); ++c)
      for (index_t l = 0; l < target.size(2); ++l) {
        if (mask(b, c, l) != M(0) || std::isnan(target(b, c, l))) continue;
        if (std::isnan(prediction(b, c, l)))
          throw_value_error("point_scores: the prediction at " + to_string(Extents<3>{b, c, l}) + " is nan");
        sums.add_error(static_cast<double>(prediction(b, c, l)) - static_cast<double>(target(b, c, l)));
      }
  detail::check_entries("point_scores", sums.entries);
  const auto n = static_cast<double>(sums.entries);
  return {sums.absolute / n, std::sqrt(sums.squared / n), sums.entries};
}

template <class T, class U, class M>
SampleScores sample_scores(TensorView<T, 4> samples, TensorView<U, 3> target, TensorView<M, 3> mask) {
  const index_t S = samples.size(0), C = samples.size(2);
  check_shape("sample_scores", "samples", samples, Extents<4>{S, target.size(0), target.size(1), target.size(2)},
              "SBCL");
  check_same_shape("sample_scores", "mask", mask, "target", target);
  std::vector<detail::ErrorSums> rows(static_cast<std::size_t>(target.size(0) * C));
  const auto scored = [&](index_t b, index_t c, index_t l) {
    return mask(b, c, l) == M(0) && !std::isnan(target(b, c, l));
  };
  detail::for_each_sorted("sample_scores", samples, scored, [&](index_t b, index_t c, index_t l, const auto* sorted) {
    detail::ErrorSums& sums = rows[static_cast<std::size_t>(b * C + c)];
    const auto y = static_cast<double>(target(b, c, l));
    const auto at = [&](int twentieths) { return detail::sorted_quantile(sorted, S, twentieths / 20.0); };
    sums.add_error(at(10) - y);
    sums.target += std::abs(y);
    for (int i = 1; i < 20; ++i) sums.pinball += std::abs((y - at(i)) * ((y <= at(i) ? 1.0 : 0.0) - i / 20.0));
    sums.crps += detail::sorted_crps(sorted, S, y);
    sums.inside += y >= at(1) && y <= at(19) ? 1 : 0;
  });
  detail::ErrorSums sums;
  for (const detail::ErrorSums& row : rows) sums.add(row);
  detail::check_entries("sample_scores", sums.entries);
  if (sums.target == 0)
    throw_value_error("sample_scores: every target is 0, so the CRPS over sum |target| is not defined");
  const auto n = static_cast<double>(sums.entries);
  return {sums.absolute / n, std::sqrt(sums.squared / n),          2 * sums.pinball / 19 / sums.target,
          sums.crps / n,     static_cast<double>(sums.inside) / n, sums.entries};
}

}  // namespace longwave
