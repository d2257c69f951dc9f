// rbf_mixture.hpp - a kernel of distances: k(x, y) = sum_s weight_s exp(-|x - y|^2 / (2 sigma_s^2)), up to eight terms.
// Plain data: it goes by value into closures and kernels.
#pragma once

#include <cmath>
#include <initializer_list>
#include <span>
#include <string>

#include "longwave/core/error.hpp"
#include "longwave/core/extents.hpp"

namespace longwave {

struct RbfMixture {
  static constexpr int most = 8;
  int terms = 0;
  double weight[most] = {};
  double rate[most] = {};  // 1 / (2 sigma^2)

  explicit RbfMixture(double sigma) : RbfMixture({sigma}) {}
  // Without weights, each of the S terms has 1 / S, so that k(x, x) = 1.
  RbfMixture(std::initializer_list<double> sigmas, std::initializer_list<double> weights = {})
      : RbfMixture(std::span(sigmas.begin(), sigmas.size()), std::span(weights.begin(), weights.size())) {}
  explicit RbfMixture(std::span<const double> sigmas, std::span<const double> weights = {}) {
    if (sigmas.empty() || sigmas.size() > most)
      throw_value_error("RbfMixture: " + std::to_string(sigmas.size()) + " terms, expected 1 to 8");
    if (!weights.empty() && weights.size() != sigmas.size())
      throw_value_error("RbfMixture: " + std::to_string(sigmas.size()) + " sigmas and " +
                        std::to_string(weights.size()) + " weights");
    terms = static_cast<int>(sigmas.size());
    for (std::size_t s = 0; s < sigmas.size(); ++s) {
      rate[s] = 1 / (2 * sigmas[s] * sigmas[s]);
      weight[s] = weights.empty() ? 1 / static_cast<double>(terms) : weights[s];
      if (!(sigmas[s] > 0) || !std::isfinite(rate[s]) || !(rate[s] > 0))
        throw_value_error("RbfMixture: sigma is " + std::to_string(sigmas[s]) + ", expected a finite number above 0");
      if (!std::isfinite(weight[s])) throw_value_error("RbfMixture: weight " + std::to_string(s) + " is not finite");
    }
  }

  // k(x, x)
  LONGWAVE_HD double at_zero() const {
    double sum = 0;
    for (int s = 0; s < terms; ++s) sum += weight[s];
    return sum;
  }
};

}  // namespace longwave
