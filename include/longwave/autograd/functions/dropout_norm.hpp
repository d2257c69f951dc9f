// functions/dropout_norm.hpp - layer_norm(x + dropout(r)) on the tape (ops/dropout_norm.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/dropout_norm.hpp"

namespace longwave {

// The dropout is tied over the last axis, and only while the tape is training. weight and bias (H) may be left out.
template <class T, int N, device D>
Var<T, N, D> dropout_add_norm(Var<T, N, D> x, Var<T, N, D> r, std::type_identity_t<Var<T, 1, D>> weight,
                              std::type_identity_t<Var<T, 1, D>> bias, double p, LayerNormOptions options = {}) {
  Tape<T, D>& tape = x.tape();
  ops::Dropout::check_probability(p);
  const double share = tape.training() ? p : 0;
  const PhiloxKey key = share > 0 ? tape.generator().next() : PhiloxKey{};
  const Extents<N - 1> rest = impl::drop_axis(x.sizes(), ops::LayerNorm::checked_axis<N>(options));
  const bool needs = x.needs_grad() || r.needs_grad() || weight.needs_grad() || bias.needs_grad();
  const Var<T, N, D> y = tape.make(x.sizes(), needs);
  const auto sum = tape.template keep<T>(x.sizes());
  const auto mean = y.needs_grad() ? tape.template keep<T>(rest) : TensorView<T, N - 1, D>();
  const auto rstd = y.needs_grad() ? tape.template keep<T>(rest) : TensorView<T, N - 1, D>();
  const auto w = value_or_none(weight), b = value_or_none(bias);
  ops::DropoutAddNorm::forward(y.output(), sum, mean, rstd, x.value(), r.value(), w, b, key, share, options);
  tape.record("dropout_add_norm", y, [=, &tape] {
    const Grad dx(x), dr(r);
    ops::DropoutAddNorm::backward(dx.view(), dr.view(), tape.grad_to_add(weight), tape.grad_to_add(bias), y.grad(),
                                  mean, rstd, TensorView<const T, N, D>(sum), w, key, share, options);
  });
  return y;
}

}  // namespace longwave
