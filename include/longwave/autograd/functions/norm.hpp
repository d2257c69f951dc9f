// norm.hpp - layer_norm, add_layer_norm, batch_norm and scalar_layer_norm on the tape (ops/norm.hpp).
#pragma once

#include <utility>

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/norm.hpp"

namespace longwave {

// weight and bias (H) may be left out (a Var without a value).
template <class T, int N, device D>
Var<T, N, D> layer_norm(Var<T, N, D> x, std::type_identity_t<Var<T, 1, D>> weight,
                        std::type_identity_t<Var<T, 1, D>> bias, LayerNormOptions options = {}) {
  Tape<T, D>& tape = x.tape();
  const Extents<N - 1> rest = impl::drop_axis(x.sizes(), ops::LayerNorm::checked_axis<N>(options));
  Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad() || weight.needs_grad() || bias.needs_grad());
  auto mean = y.needs_grad() ? tape.template keep<T>(rest) : TensorView<T, N - 1, D>();
  auto rstd = y.needs_grad() ? tape.template keep<T>(rest) : TensorView<T, N - 1, D>();
  const auto w = value_or_none(weight), b = value_or_none(bias);
  ops::LayerNorm::forward(y.output(), mean, rstd, x.value(), w, b, options);
  tape.record("layer_norm", y, [=, &tape] {
    Grad dx(x);
    ops::LayerNorm::backward(dx.view(), tape.grad_to_add(weight), tape.grad_to_add(bias), y.grad(), mean, rstd,
                             x.value(), w, options);
  });
  return y;
}

// The sum x + r and its layer_norm, as (sum, y): what a residual block passes on and what it works on.
template <class T, int N, device D>
std::pair<Var<T, N, D>, Var<T, N, D>> add_layer_norm(Var<T, N, D> x, Var<T, N, D> r,
                                                     std::type_identity_t<Var<T, 1, D>> weight,
                                                     std::type_identity_t<Var<T, 1, D>> bias,
                                                     LayerNormOptions options = {}) {
  Tape<T, D>& tape = x.tape();
  const Extents<N - 1> rest = impl::drop_axis(x.sizes(), ops::LayerNorm::checked_axis<N>(options));
  const bool inputs = x.needs_grad() || r.needs_grad();
  const Var<T, N, D> sum = tape.make(x.sizes(), inputs);
  const Var<T, N, D> y = tape.make(x.sizes(), inputs || weight.needs_grad() || bias.needs_grad());
  const auto mean = tape.template keep<T>(rest), rstd = tape.template keep<T>(rest);
  const auto w = value_or_none(weight), b = value_or_none(bias);
  ops::AddLayerNorm::forward(y.output(), sum.output(), mean, rstd, x.value(), r.value(), w, b, options);
  tape.record("add_layer_norm", sum, y, [=, &tape] {
    const Grad dx(x), dr(r);
    const TensorView<T, N, D> to = wanted(dx.view()) ? dx.view() : dr.view();
    if (wanted(y.grad()))
      ops::AddLayerNorm::backward(to, tape.grad_to_add(weight), tape.grad_to_add(bias), y.grad(), sum.grad(), mean,
                                  rstd, sum.value(), w, options);
    else
      copy(to, sum.grad());
    if (wanted(dx.view()) && wanted(dr.view())) copy(dr.view(), TensorView<const T, N, D>(to));
  });
  return {sum, y};
}

// options.training says which statistics are used; running_mean and running_var (H) as in ops::BatchNorm.
template <class T, int N, device D>
Var<T, N, D> batch_norm(Var<T, N, D> x, std::type_identity_t<Var<T, 1, D>> weight,
                        std::type_identity_t<Var<T, 1, D>> bias, Out<T, 1, D> running_mean, Out<T, 1, D> running_var,
                        BatchNormOptions options) {
  Tape<T, D>& tape = x.tape();
  Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad() || weight.needs_grad() || bias.needs_grad());
  const Extents<1> H{x.size(1)};
  auto mean = tape.template keep<T>(H), rstd = tape.template keep<T>(H);
  const auto w = value_or_none(weight), b = value_or_none(bias);
  ops::BatchNorm::forward(y.output(), mean, rstd, running_mean, running_var, x.value(), w, b, options);
  tape.record("batch_norm", y, [=, &tape] {
    Grad dx(x);
    ops::BatchNorm::backward(dx.view(), tape.grad_to_add(weight), tape.grad_to_add(bias), y.grad(), mean, rstd,
                             x.value(), w, options);
  });
  return y;
}

// s (x - mean + m) / deviation over the features of x (B, H, L); s and m (1).
template <class T, device D>
Var<T, 3, D> scalar_layer_norm(Var<T, 3, D> x, std::type_identity_t<Var<T, 1, D>> s,
                               std::type_identity_t<Var<T, 1, D>> m, double eps = 1e-12) {
  Tape<T, D>& tape = x.tape();
  const Var<T, 3, D> y = tape.make(x.sizes(), x.needs_grad() || s.needs_grad() || m.needs_grad());
  const Extents<2> positions{x.size(0), x.size(2)};
  const auto mean = tape.template keep<T>(positions), rstd = tape.template keep<T>(positions);
  ops::ScalarLayerNorm::forward(y.output(), mean, rstd, x.value(), s.value(), m.value(), eps);
  tape.record("scalar_layer_norm", y, [=, &tape] {
    const Grad dx(x);
    ops::ScalarLayerNorm::backward(dx.view(), tape.grad_to_add(s), tape.grad_to_add(m), y.grad(), mean, rstd, x.value(),
                                   s.value(), m.value());
  });
  return y;
}

}  // namespace longwave
