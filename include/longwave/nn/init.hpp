// init.hpp - start values of parameters, drawn from a Generator: the same for any number of threads and on any device,
// where they arrive by one copy from the host.
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
#include "longwave/cuda/memory.hpp"

namespace longwave::init {

// f(x) of a view on the host; what it writes becomes x's content.
template <class T, int N, device D, class F>
void on_host(TensorView<T, N, D> x, F&& f) {
  if constexpr (std::is_same_v<D, Host>) {
    f(x);
  } else {
    Tensor<T, N> host(x.sizes());
    f(host.view());
    cuda::copy(x, host.view());
  }
}

// x to be read on the host: itself, or a copy.
template <class T, int N>
TensorView<const T, N> host_values(TensorView<T, N, Host> x) {
  return x;
}
template <class T, int N>
Tensor<std::remove_const_t<T>, N> host_values(TensorView<T, N, Cuda> x) {
  return cuda::to_host(x);
}

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

template <class T, int N, device D>
void constant(TensorView<T, N, D> x, std::type_identity_t<T> value) {
  on_host(x.flat(), [=](TensorView<T, 1> flat) {
    for (index_t i = 0; i < flat.size(0); ++i) flat(i) = value;
  });
}

template <class T, int N, device D>
void uniform(Generator& gen, TensorView<T, N, D> x, double low, double high) {
  on_host(x, [&](TensorView<T, N> to) { gen.uniform(to, static_cast<T>(low), static_cast<T>(high)); });
}

template <class T, int N, device D>
void normal(Generator& gen, TensorView<T, N, D> x, double mean, double deviation) {
  on_host(x, [&](TensorView<T, N> to) { gen.normal(to, static_cast<T>(mean), static_cast<T>(deviation)); });
}

// e^u with u uniform in [log low, log high]: step sizes that spread evenly over the orders of magnitude.
template <class T, int N, device D>
void log_uniform(Generator& gen, TensorView<T, N, D> x, double low, double high) {
  if (!(low > 0 && low <= high && std::isfinite(high)))
    throw_value_error("log_uniform: low is " + std::to_string(low) + " and high " + std::to_string(high) +
                      ", expected 0 < low <= high");
  on_host(x.flat(), [&](TensorView<T, 1> flat) {
    gen.uniform(flat, static_cast<T>(std::log(low)), static_cast<T>(std::log(high)));
    for (index_t i = 0; i < flat.size(0); ++i) flat(i) = std::exp(flat(i));
  });
}

// a: slope of the leaky ReLU that follows, 0 for ReLU.
template <class T, int N, device D>
void kaiming_uniform(Generator& gen, TensorView<T, N, D> weight, double a = 0) {
  if (weight.empty()) return;
  const double bound = std::sqrt(6 / ((1 + a * a) * static_cast<double>(fan_in(weight.sizes()))));
  uniform(gen, weight, -bound, bound);
}
template <class T, int N, device D>
void kaiming_normal(Generator& gen, TensorView<T, N, D> weight, double a = 0) {
  if (weight.empty()) return;
  normal(gen, weight, 0, std::sqrt(2 / ((1 + a * a) * static_cast<double>(fan_in(weight.sizes())))));
}

template <class T, int N, device D>
void xavier_uniform(Generator& gen, TensorView<T, N, D> weight, double gain = 1) {
  if (weight.empty()) return;
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fan_in(weight.sizes()) + fan_out(weight.sizes())));
  uniform(gen, weight, -bound, bound);
}
template <class T, int N, device D>
void xavier_normal(Generator& gen, TensorView<T, N, D> weight, double gain = 1) {
  if (weight.empty()) return;
  const double fans = static_cast<double>(fan_in(weight.sizes()) + fan_out(weight.sizes()));
  normal(gen, weight, 0, gain * std::sqrt(2 / fans));
}

// PyTorch's default for linear and convolution layers: weight and bias uniform within 1 / sqrt(fan_in).
template <class T, int N, device D>
void linear_default(Generator& gen, TensorView<T, N, D> weight, Out<T, 1, D> bias) {
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
