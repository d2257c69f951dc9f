// functions/activation.hpp - gelu, silu, relu, leaky_relu, tanh, sigmoid, softplus, hardswish, hardtanh, hardsigmoid,
// hardshrink and glu on the tape.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/activation.hpp"

namespace longwave {

// y = rule.value(x) for any rule of ops/activation.hpp or ops/elementwise.hpp, or one of your own.
// x may be bfloat16, then y and the gradients are it too.
template <class Rule, class T, int N, device D>
Var<T, N, D> unary(Var<T, N, D> x, Rule rule) {
  auto& tape = x.tape();
  const Var<T, N, D> y = tape.template make_as<T>(x.sizes(), x.needs_grad());
  ops::Unary<Rule>::forward(y.output(), x.value(), rule);
  tape.record(Rule::name, y, [=] {
    Grad dx(x);
    ops::Unary<Rule>::backward(dx.view(), y.grad(), x.value(), rule);
  });
  return y;
}

template <class T, int N, device D>
Var<T, N, D> gelu(Var<T, N, D> x) {
  return unary(x, GeluRule());
}
template <class T, int N, device D>
Var<T, N, D> silu(Var<T, N, D> x) {
  return unary(x, SiluRule());
}
template <class T, int N, device D>
Var<T, N, D> relu(Var<T, N, D> x) {
  return unary(x, ReluRule());
}
template <class T, int N, device D>
Var<T, N, D> leaky_relu(Var<T, N, D> x, double negative_slope = 0.01) {
  return unary(x, LeakyReluRule{negative_slope});
}
template <class T, int N, device D>
Var<T, N, D> tanh(Var<T, N, D> x) {
  return unary(x, TanhRule());
}
template <class T, int N, device D>
Var<T, N, D> sigmoid(Var<T, N, D> x) {
  return unary(x, SigmoidRule());
}
template <class T, int N, device D>
Var<T, N, D> softplus(Var<T, N, D> x) {
  return unary(x, SoftplusRule());
}
template <class T, int N, device D>
Var<T, N, D> hardswish(Var<T, N, D> x) {
  return unary(x, HardswishRule());
}
template <class T, int N, device D>
Var<T, N, D> hardtanh(Var<T, N, D> x) {
  return unary(x, HardtanhRule());
}
template <class T, int N, device D>
Var<T, N, D> hardsigmoid(Var<T, N, D> x) {
  return unary(x, HardsigmoidRule());
}
template <class T, int N, device D>
Var<T, N, D> hardshrink(Var<T, N, D> x, double threshold = 0.5) {
  return unary(x, HardshrinkRule{threshold});
}

// x (.., 2 K, ..) -> (.., K, ..): first half times sigmoid(second half) along `axis`.
template <class T, int N, device D>
Var<T, N, D> glu(Var<T, N, D> x, int axis) {
  Tape<T, D>& tape = x.tape();
  const Var<T, N, D> y = tape.make(ops::Glu::output_sizes(x.sizes(), axis), x.needs_grad());
  ops::Glu::forward(y.output(), x.value(), axis);
  tape.record("glu", y, [=] {
    Grad dx(x);
    ops::Glu::backward(dx.view(), y.grad(), x.value(), axis);
  });
  return y;
}

}  // namespace longwave
