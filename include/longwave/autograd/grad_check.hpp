// grad_check.hpp - a recorded gradient against central differences, in double.
//
// For y = f(x_1 .. x_k) and fixed random weights w, compares the tape's gradient of sum(w * y) with
//   (L(x + h e) - L(x - h e)) / 2h,   h = step * max(1, |x|),
// for every element of every input. The error of the difference is about step^2 + epsilon / step.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>

#include "longwave/autograd/tape.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cuda/memory.hpp"

namespace longwave {

struct GradCheck {
  double error = 0;  // largest |tape - difference| / (largest |difference| of that input, at least 1e-3)
  int input = -1;    // where it is
  index_t element = -1;
  double tape = 0;
  double difference = 0;

  std::string text() const {
    return "input " + std::to_string(input) + " element " + std::to_string(element) + ": tape " + std::to_string(tape) +
           ", difference " + std::to_string(difference) + ", relative error " + std::to_string(error);
  }
};

namespace detail {

// A tensor of the host on D, and a view of D on the host: itself, or a copy.
template <device D, int N>
auto on_device(const Tensor<double, N>& x) {
  if constexpr (std::is_same_v<D, Host>)
    return x.view();
  else
    return cuda::to_device(x);
}
template <int N, device D>
TensorView<const double, N, D> as_view(const Tensor<double, N, D>& x) {
  return x.view();
}
template <int N, device D>
TensorView<const double, N, D> as_view(TensorView<const double, N, D> x) {
  return x;
}
template <int N, device D>
auto from_device(TensorView<const double, N, D> x) {
  if constexpr (std::is_same_v<D, Host>)
    return x;
  else
    return cuda::to_host(x);
}

// sum(w * f(x...)) with w from a fixed generator, and the gradients of it if `grads` is given.
template <device D, class F, class... X>
double weighted_output(const F& f, std::tuple<X...>* grads, const X&... x) {
  Tape<double, D> tape;
  const auto inputs = std::make_tuple(on_device<D>(x)...);
  auto vars =
      std::apply([&](const auto&... input) { return std::make_tuple(tape.variable(as_view(input))...); }, inputs);
  auto y = std::apply([&](auto... var) { return f(tape, var...); }, vars);
  Tensor<double, decltype(y)::rank> weights(y.sizes());
  Generator(20260101).normal(weights.view());
  double sum = 0;
  if (!y.value().contiguous()) throw_value_error("grad_check: the output is not contiguous");
  const auto value = from_device(y.value());
  for (index_t i = 0; i < weights.count(); ++i) sum += weights.data()[i] * value.data()[i];
  if (grads != nullptr) {
    const auto seed = on_device<D>(weights);
    tape.backward(y, as_view(seed));
    std::apply(
        [&](auto&... grad) {
          std::apply(
              [&](auto... var) {
                auto copy = [](auto& to, auto from) {
                  if (from.data() != nullptr) add_to(to.view(), as_view(from_device(from)));
                };
                (copy(grad, var.grad()), ...);
              },
              vars);
        },
        *grads);
  }
  return sum;
}

}  // namespace detail

// f(tape, Var...) -> Var, one Var per tensor of x. Every input is restored. grad_check<Cuda>(f, x...): f on the device.
template <device D = Host, class F, int... N>
GradCheck grad_check(const F& f, Tensor<double, N>&... x) {
  std::tuple<Tensor<double, N>...> grads{Tensor<double, N>(x.sizes())...};
  detail::weighted_output<D>(f, &grads, x...);
  GradCheck worst;
  int number = 0;
  auto check = [&](auto& input, auto& grad) {
    constexpr double step = 6e-6;  // near the cube root of epsilon
    Tensor<double, 1> difference(input.count());
    double largest = 1e-3;
    for (index_t i = 0; i < input.count(); ++i) {
      const double x0 = input.data()[i];
      const double h = step * std::max(1.0, std::abs(x0));
      input.data()[i] = x0 + h;
      const double up = detail::weighted_output<D>(f, static_cast<decltype(&grads)>(nullptr), x...);
      input.data()[i] = x0 - h;
      const double down = detail::weighted_output<D>(f, static_cast<decltype(&grads)>(nullptr), x...);
      input.data()[i] = x0;
      difference(i) = (up - down) / (2 * h);
      largest = std::max(largest, std::abs(difference(i)));
    }
    for (index_t i = 0; i < input.count(); ++i) {
      const double error = std::abs(grad.data()[i] - difference(i)) / largest;
      const bool worst_is_nan = worst.error != worst.error;  // which nothing surpasses
      if (!worst_is_nan && !(error <= worst.error)) worst = {error, number, i, grad.data()[i], difference(i)};
    }
    ++number;
  };
  std::apply([&](auto&... grad) { (check(x, grad), ...); }, grads);
  return worst;
}

}  // namespace longwave
