// random_fourier.hpp - MMD^2 without pairs: k(x, y) is the mean over F random frequencies w ~ N(0, 1 / sigma^2) of
// cos(w.x) cos(w.y) + sin(w.x) sin(w.y)  (Rahimi and Recht 2007), so MMD^2 is the squared distance of mean features.
//
// Time O((n + m) F d), memory O(F) beside the samples. The error against the exact value falls as 1 / sqrt(F) and is of
// the order of the kernel, not of MMD^2: for values well above 1 / sqrt(F) only. The features of one point have length
// k(0) exactly, so the pairs i = j are taken out exactly as well.
#pragma once

#include <cmath>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/ops/mmd.hpp"

namespace longwave {

struct RandomFourierOptions {
  index_t features = 1024;  // frequencies; each term of a mixture gets a share of them, at least one
  std::uint64_t seed = 42;
};

namespace detail {

// sum[2 f], sum[2 f + 1]: sums of cosines and sines over the rows of x.
inline std::vector<double> fourier_sums(TensorView<const double, 2> x, TensorView<const double, 2> frequencies) {
  const index_t n = x.size(0), d = x.size(1), F = frequencies.size(0);
  const index_t pieces = std::min<index_t>(64, n), piece = pieces > 0 ? (n + pieces - 1) / pieces : 0;
  Tensor<double, 2> partial(pieces, 2 * F);
  parallel_for(pieces, [&](index_t p) {
    for (index_t i = p * piece; i < std::min(n, (p + 1) * piece); ++i)
      for (index_t f = 0; f < F; ++f) {
        double angle = 0;
        for (index_t k = 0; k < d; ++k) angle += x(i, k) * frequencies(f, k);
        partial(p, 2 * f) += std::cos(angle);
        partial(p, 2 * f + 1) += std::sin(angle);
      }
  });
  std::vector<double> sum(static_cast<std::size_t>(2 * F));
  for (index_t p = 0; p < pieces; ++p)
    for (index_t f = 0; f < 2 * F; ++f) sum[static_cast<std::size_t>(f)] += partial(p, f);
  return sum;
}

}  // namespace detail

inline double mmd_random_fourier(TensorView<const double, 2> x, TensorView<const double, 2> y, const RbfMixture& kernel,
                                 const RandomFourierOptions& options = {}, MmdForm form = MmdForm::unbiased) {
  const index_t least = form == MmdForm::unbiased ? 2 : 1;
  if (x.size(1) != y.size(1) || x.size(0) < least || y.size(0) < least)
    throw_shape_error("mmd_random_fourier: x is " + to_string(x.sizes(), "nd") + ", y is " +
                      to_string(y.sizes(), "md") + "; both need " + std::to_string(least) + " points of the same d");
  if (options.features < kernel.terms)
    throw_value_error("mmd_random_fourier: " + std::to_string(options.features) + " features for " +
                      std::to_string(kernel.terms) + " terms of the kernel");
  const detail::MmdFactors factor(x.size(0), y.size(0), kernel.at_zero(), form);
  Generator gen(options.seed);
  double total = factor.constant;
  for (int s = 0; s < kernel.terms; ++s) {
    const index_t F = options.features / kernel.terms;
    Tensor<double, 2> frequencies(F, x.size(1));
    gen.normal(frequencies.view(), 0, std::sqrt(2 * kernel.rate[s]));  // 1 / sigma
    const auto a = detail::fourier_sums(x, frequencies), b = detail::fourier_sums(y, frequencies);
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t f = 0; f < a.size(); ++f) {
      xx += a[f] * a[f];
      yy += b[f] * b[f];
      xy += a[f] * b[f];
    }
    const double share = 1 / static_cast<double>(F), n = static_cast<double>(x.size(0)),
                 m = static_cast<double>(y.size(0));
    total += kernel.weight[s] * (factor.xx * (share * xx - n) + factor.yy * (share * yy - m) + factor.xy * share * xy);
  }
  return total;
}

}  // namespace longwave
