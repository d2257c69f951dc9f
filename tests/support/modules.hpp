// modules.hpp - what tests of layers share: names with shapes, gradients of parameters against differences, and a layer
// run sample by sample.
#pragma once

#include <string>
#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/module.hpp"

namespace longwave::test {

// "weight 6 4" for every parameter and buffer.
template <class T, class Module>
std::vector<std::string> state_shapes(Module& module) {
  std::vector<std::string> texts;
  for (const auto& p : state<T>(module)) {
    texts.push_back(p.name);
    for (const index_t size : p.shape) texts.back() += " " + std::to_string(size);
  }
  return texts;
}

// Every parameter's gradient of sum(w * f(tape)), w fixed: the largest error against central differences, relative to
// the parameter's largest gradient (at least 1e-3). f gives any Var; it is called often.
template <class Module, class F>
double parameter_error(Module& module, F f) {
  auto loss = [&](bool backward) {
    Tape<double> tape;
    const auto y = contiguous(f(tape));
    Tensor<double, decltype(y)::rank> weights(y.sizes());
    Generator(20260102).normal(weights.view());
    double sum = 0;
    for (index_t i = 0; i < weights.count(); ++i) sum += weights.data()[i] * y.value().data()[i];
    if (backward) tape.backward(y, weights.view());
    return sum;
  };
  for (const auto& p : parameters<double>(module)) std::fill_n(p.grad, p.count, 0.0);
  loss(true);
  double worst = 0;
  for (const auto& p : parameters<double>(module)) {
    double error = 0, largest = 1e-3;
    for (index_t i = 0; i < p.count; ++i) {
      const double x = p.value[i], h = 6e-6 * std::max(1.0, std::abs(x));
      p.value[i] = x + h;
      const double up = loss(false);
      p.value[i] = x - h;
      const double difference = (up - loss(false)) / (2 * h);
      p.value[i] = x;
      if (!(std::abs(difference - p.grad[i]) < INFINITY)) return INFINITY;
      error = std::max(error, std::abs(difference - p.grad[i]));
      largest = std::max(largest, std::abs(difference));
    }
    worst = std::max(worst, error / largest);
  }
  return worst;
}

// step(u_l (B, H), y_l (B, O)) for every sample of u (B, H, L), from position `from` on: (B, O, L - from).
template <class T, class Step>
Tensor<T, 3> run_steps(In<T, 3> u, index_t width, index_t from, Step step) {
  Tensor<T, 3> all(u.size(0), width, u.size(2) - from);
  Tensor<T, 2> in(u.size(0), u.size(1)), out(u.size(0), width);
  for (index_t l = from; l < u.size(2); ++l) {
    for (index_t b = 0; b < u.size(0); ++b)
      for (index_t h = 0; h < u.size(1); ++h) in(b, h) = u(b, h, l);
    step(TensorView<const T, 2>(in.view()), out.view());
    for (index_t b = 0; b < u.size(0); ++b)
      for (index_t h = 0; h < width; ++h) all(b, h, l - from) = out(b, h);
  }
  return all;
}

}  // namespace longwave::test
