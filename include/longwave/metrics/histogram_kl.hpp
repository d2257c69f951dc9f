// histogram_kl.hpp - how far the distribution of generated numbers is from that of targets, dimension by dimension.
//
//   for each column: 50 equal bins over [min P, max P] of the prediction P; densities of P and of the target Q in them;
//   + 1e-10, each scaled to sum 1;  sum over bins of q ln(q / p).        The result is the sum over columns.
//
// P (n, K), Q (m, K). Bins are numpy.histogram's: closed on the left, the last one on both sides; a column of one value
// has bins over +-1/2 around it. Values of Q outside are dropped. A bin that P leaves empty costs about 20 nats times
// its share of Q, so the figure is large where a few targets lie between samples. NaN, as with NumPy, where no target
// of a column lies inside, and where a number is not finite.
#pragma once

#include <cmath>

#include "longwave/core/arena.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace detail {

template <class T, device D>
struct ColumnKl {
  static constexpr const char* name = "histogram_kl";
  TensorView<double, 1, D> kl;       // (K)
  TensorView<double, 3, D> density;  // (K, 2, bins): room
  TensorView<const T, 2, D> predicted, target;

  LONGWAVE_HD void operator()(index_t k) const {
    using std::log;
    const index_t bins = density.size(2);
    double low = static_cast<double>(predicted(0, k)), high = low;
    bool finite = true;
    for (index_t i = 0; i < predicted.size(0); ++i) {
      const double v = static_cast<double>(predicted(i, k));
      finite = finite && v - v == 0;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    for (index_t i = 0; i < target.size(0); ++i) finite = finite && target(i, k) - target(i, k) == T(0);
    if (low == high) {
      low -= 0.5;
      high += 0.5;
    }
    kl(k) = NAN;
    if (!finite || !fill(density[k][0], predicted, k, low, high) || !fill(density[k][1], target, k, low, high)) return;
    double sum = 0;
    for (index_t i = 0; i < bins; ++i) sum += density(k, 1, i) * log(density(k, 1, i) / density(k, 0, i));
    kl(k) = sum;
  }

 private:
  // The histogram of column k, floored and scaled to sum 1; false if it is empty.
  LONGWAVE_HD static bool fill(TensorView<double, 1, D> h, TensorView<const T, 2, D> x, index_t k, double low,
                               double high) {
    const index_t bins = h.size(0);
    const double width = (high - low) / static_cast<double>(bins);
    double inside = 0, sum = 0;
    for (index_t i = 0; i < bins; ++i) h(i) = 0;
    for (index_t i = 0; i < x.size(0); ++i) {
      const double v = static_cast<double>(x(i, k));
      if (v < low || v > high) continue;
      index_t at = static_cast<index_t>((v - low) / (high - low) * static_cast<double>(bins));
      at = at < bins ? at : bins - 1;
      if (at > 0 && v < low + static_cast<double>(at) * width) --at;  // the edges decide, not the quotient's rounding
      if (at < bins - 1 && v >= low + static_cast<double>(at + 1) * width) ++at;
      h(at) += 1;
      inside += 1;
    }
    for (index_t i = 0; i < bins; ++i) {
      h(i) = h(i) / (inside * width) + 1e-10;
      sum += h(i);
    }
    for (index_t i = 0; i < bins; ++i) h(i) /= sum;
    return inside > 0;
  }
};

template <device D>
struct ColumnSum {
  static constexpr const char* name = "histogram_kl";
  TensorView<double, 0, D> y;
  TensorView<const double, 1, D> x;
  LONGWAVE_HD void operator()(index_t) const {
    double sum = 0;
    for (index_t k = 0; k < x.size(0); ++k) sum += x(k);
    y() = sum;
  }
};

}  // namespace detail

inline constexpr index_t histogram_bins = 50;

// Into memory of the device: nothing is read back.
template <class T, device D>
void histogram_kl(TensorView<double, 0, D> kl, TensorView<T, 2, D> predicted, In<std::remove_const_t<T>, 2, D> target,
                  index_t bins = histogram_bins) {
  using U = std::remove_const_t<T>;
  if (predicted.size(1) != target.size(1))
    throw_shape_error("histogram_kl: predicted and target disagree on K: predicted is " +
                      to_string(predicted.sizes(), "nK") + ", target is " + to_string(target.sizes(), "mK"));
  if (predicted.size(0) < 1 || target.size(0) < 1)
    throw_value_error("histogram_kl: no rows: predicted is " + to_string(predicted.sizes(), "nK") + ", target is " +
                      to_string(target.sizes(), "mK"));
  if (bins < 1) throw_value_error("histogram_kl: bins is " + std::to_string(bins) + ", expected at least 1");
  const index_t K = predicted.size(1);
  ScratchOn<D> scratch;
  const TensorView<double, 1, D> columns = scratch.template tensor<double>(Extents<1>{K});
  const TensorView<double, 3, D> room = scratch.template tensor<double>(Extents<3>{K, 2, bins});
  for_each_index<D>(K, detail::ColumnKl<U, D>{columns, room, predicted, target}, 10 * predicted.size(0));
  for_each_index<D>(1, detail::ColumnSum<D>{kl, columns});
}

// The number itself, on the host.
template <class T>
double histogram_kl(TensorView<T, 2, Host> predicted, In<std::remove_const_t<T>, 2, Host> target,
                    index_t bins = histogram_bins) {
  double kl = 0;
  histogram_kl(TensorView<double, 0>(&kl, Extents<0>()), predicted, target, bins);
  return kl;
}

}  // namespace longwave
