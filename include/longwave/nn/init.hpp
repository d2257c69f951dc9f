// init.hpp - start values of parameters, drawn from a Generator: the same for any number of threads.
//
//   kaiming   bound = sqrt(6 / ((1 + a^2) fan_in))            (He et al. 2015); deviation = sqrt(2 / ((1 + a^2)
//   fan_in)) xavier    bound = gain sqrt(6 / (fan_in + fan_out))       (Glorot and Bengio 2010); deviation = gain
//   sqrt(2 / ...)
//
// fan_in, fan_out of a weight (O, I, taps ...): I taps and O taps.
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/random.hpp"

namespace longwave::init {

template <int N>
index_t fan_in(const Extents<N>& weight) {
  static_assert(N >= 2, "a weight has at least the axes (O, I)");
  return weight[0] == 0 ? 0 : weight.count() / weight[0];
}
template <int N>
index_t fan_out(const Extents<N>& weight) {
  static_assert(N >= 2, "a weight has at least the axes (O, I)");
  return weight[1] == 0 ? 0 : weight.count() / weight[1];
}

template <class T, int N>
void constant(TensorView<T, N> x, std::type_identity_t<T> value) {
  const TensorView<T, 1> flat = x.flat();
  for (index_t i = 0; i < flat.size(0); ++i) flat(i) = value;
}

template <class T, int N>
void uniform(Generator& gen, TensorView<T, N> x, double low, double high) {
  gen.uniform(x, static_cast<T>(low), static_cast<T>(high));
}

template <class T, int N>
void normal(Generator& gen, TensorView<T, N> x, double mean, double deviation) {
  gen.normal(x, static_cast<T>(mean), static_cast<T>(deviation));
}

// e^u with u uniform in [log low, log high]: step sizes that spread evenly over the orders of magnitude.
template <class T, int N>
void log_uniform(Generator& gen, TensorView<T, N> x, double low, double high) {
  if (!(low > 0 && low <= high && std::isfinite(high)))
    throw_value_error("log_uniform: low is " + std::to_string(low) + " and high " + std::to_string(high) +
                      ", expected 0 < low <= high");
  gen.uniform(x, static_cast<T>(std::log(low)), static_cast<T>(std::log(high)));
  const TensorView<T, 1> flat = x.flat();
  for (index_t i = 0; i < flat.size(0); ++i) flat(i) = std::exp(flat(i));
}

// a: slope of the leaky ReLU that follows, 0 for ReLU.
template <class T, int N>
void kaiming_uniform(Generator& gen, TensorView<T, N> weight, double a = 0) {
  if (weight.empty()) return;
  const double bound = std::sqrt(6 / ((1 + a * a) * static_cast<double>(fan_in(weight.sizes()))));
  uniform(gen, weight, -bound, bound);
}
template <class T, int N>
void kaiming_normal(Generator& gen, TensorView<T, N> weight, double a = 0) {
  if (weight.empty()) return;
  normal(gen, weight, 0, std::sqrt(2 / ((1 + a * a) * static_cast<double>(fan_in(weight.sizes())))));
}

template <class T, int N>
void xavier_uniform(Generator& gen, TensorView<T, N> weight, double gain = 1) {
  if (weight.empty()) return;
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fan_in(weight.sizes()) + fan_out(weight.sizes())));
  uniform(gen, weight, -bound, bound);
}
template <class T, int N>
void xavier_normal(Generator& gen, TensorView<T, N> weight, double gain = 1) {
  if (weight.empty()) return;
  const double fans = static_cast<double>(fan_in(weight.sizes()) + fan_out(weight.sizes()));
  normal(gen, weight, 0, gain * std::sqrt(2 / fans));
}

// PyTorch's default for linear and convolution layers: weight and bias uniform within 1 / sqrt(fan_in).
template <class T, int N>
void linear_default(Generator& gen, TensorView<T, N> weight, TensorView<T, 1> bias) {
  kaiming_uniform(gen, weight, std::sqrt(5.0));
  if (bias.empty() || weight.empty()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in(weight.sizes())));
  uniform(gen, bias, -bound, bound);
}

}  // namespace longwave::init

namespace longwave::detail {

// For the options of layers: "Linear: in is 0, expected at least 1".
inline void check_at_least(const char* layer, const char* option, index_t value, index_t low) {
  if (value < low)
    throw_value_error(std::string(layer) + ": " + option + " is " + std::to_string(value) + ", expected at least " +
                      std::to_string(low));
}

}  // namespace longwave::detail
