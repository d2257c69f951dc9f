// functions/bias_glu.hpp - glu(z + bias) over axis 1 on the tape (ops/bias_glu.hpp), alone and after a linear map.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/cuda/glu_product.hpp"
#include "longwave/ops/bias_glu.hpp"
#include "longwave/ops/conv1d.hpp"
#include "longwave/ops/dropout.hpp"

namespace longwave {

// z (B, 2 K, L), bias (2 K) -> (B, K, L). z may be bfloat16, then y is it too.
template <class T, device D>
Var<T, 3, D> bias_glu(Var<T, 3, D> z, std::type_identity_t<Var<Arithmetic<T>, 1, D>> bias) {
  auto& tape = z.tape();
  const Var<T, 3, D> y =
      tape.template make_as<T>(ops::Glu::output_sizes(z.sizes(), 1), z.needs_grad() || bias.needs_grad());
  ops::BiasGlu::forward(y.output(), z.value(), bias.value());
  tape.record("bias_glu", y, [=, &tape] {
    const Grad dz(z);
    ops::BiasGlu::backward(dz.view(), tape.grad_to_add(bias), y.grad(), z.value(), bias.value());
  });
  return y;
}

namespace detail {

// rule, and dropout of its result while a tape trains.
template <class Rule>
struct RuleAndDropout {
  Rule rule;
  PhiloxKey key;
  double p;
  bool tied;

  template <class T, device D>
  void forward(TensorView<T, 3, D> g, In<T, 3, D> x) const {
    if (p > 0)
      ops::DropoutAfter<Rule>::forward(g, x, key, p, tied, rule);
    else
      ops::Unary<Rule>::forward(g, x, rule);
  }
  template <class T, device D>
  void backward(TensorView<T, 3, D> dx, In<T, 3, D> dg, In<T, 3, D> x) const {
    if (p > 0)
      ops::DropoutAfter<Rule>::backward(dx, dg, x, key, p, tied, rule);
    else
      ops::Unary<Rule>::backward(dx, dg, x, rule);
  }
};

// On the device, after GELU: one kernel each way where that is possible, and nothing of the size of x kept.
template <class Rule, class T, device D>
inline constexpr bool has_glu_product =
    std::is_same_v<D, Cuda>&& std::is_same_v<Rule, GeluRule> && !std::is_same_v<T, double>;

template <class T>
Var<T, 3, Cuda> glu_product(Var<T, 3, Cuda> x, Var<float, 3, Cuda> W, Var<float, 1, Cuda> bias,
                            const RuleAndDropout<GeluRule>& before) {
  auto& tape = x.tape();
  cuda::KeptChannels kept;
  if (before.p > 0) {
    const auto bits = tape.template keep<std::uint32_t>(Extents<2>{x.size(0), x.size(1) / 32});
    cuda::kept_channels(bits, cuda::dropout_draw(x.sizes(), before.key, before.p, true));
    kept = {bits.data(), static_cast<float>(1 / (1 - before.p))};
  }
  const auto y = tape.template make_as<T>(x.sizes(), x.needs_grad() || W.needs_grad() || bias.needs_grad());
  TensorView<T, 3, Cuda> z;
  if (cuda::glu_product_keeps<T>() && y.needs_grad())
    z = tape.template keep<T>(Extents<3>{x.size(0), W.size(0), x.size(2)});
  cuda::glu_product_forward<T>(y.output(), z, x.value(), W.value(), bias.value(), kept);
  tape.record("linear_glu", y, [=, &tape] {
    const Grad dx(x);
    cuda::glu_product_backward<T>(dx, tape.grad_to_add(W), tape.grad_to_add(bias), y.grad(), z, x.value(), W.value(),
                                  bias.value(), kept);
  });
  return y;
}

}  // namespace detail

// What follows the state space in a layer, in as little memory as it needs:
//
//   g = dropout(rule(x)),   z = W g,   y = glu(z + bias)
//
// x (B, I, L), W (2 O, I, 1), bias (2 O) -> y (B, O, L). Backward, dz takes the place of z, and the gradients of g and
// then x that of g, so that nothing of the size of x is made on the way back. With x in bfloat16 so are g, z, y and
// their gradients; W, bias and theirs are float. On a device that has it all as one kernel each way
// (cuda/glu_product.hpp) neither g nor z is stored.
template <class Rule, class T, device D>
Var<T, 3, D> linear_glu_after(Var<T, 3, D> x, Rule rule, std::type_identity_t<Var<Arithmetic<T>, 3, D>> W,
                              std::type_identity_t<Var<Arithmetic<T>, 1, D>> bias, double p = 0, bool tied = false) {
  auto& tape = x.tape();
  ops::Dropout::check_probability(p);
  const bool drops = tape.training() && p > 0;
  const detail::RuleAndDropout<Rule> before{rule, drops ? tape.generator().next() : PhiloxKey(), drops ? p : 0, tied};
  if constexpr (detail::has_glu_product<Rule, T, D>)
    if ((before.p == 0 || tied) && cuda::glu_product_takes(x.value(), W.sizes()))
      return detail::glu_product(x, W, bias, before);
  const auto g = tape.template keep<T>(x.sizes());
  const auto z = tape.template keep<T>(Extents<3>{x.size(0), W.size(0), x.size(2)});
  const Var<T, 3, D> y = tape.template make_as<T>(ops::Glu::output_sizes(z.sizes(), 1),
                                                  x.needs_grad() || W.needs_grad() || bias.needs_grad());
  before.forward(g, x.value());
  ops::Conv1d::forward(z, g, W.value(), {});
  ops::BiasGlu::forward(y.output(), z, bias.value());
  tape.record("linear_glu", y, [=, &tape] {
    const TensorView<const T, 3, D> dz = z;
    ops::BiasGlu::backward(z, tape.grad_to_add(bias), y.grad(), z, bias.value());
    ops::Conv1d::backward({}, tape.grad_to_add(W), {}, dz, g, W.value());
    if (!x.needs_grad()) return;
    ops::Conv1d::backward(g, {}, {}, dz, g, W.value());  // without dW, g is not read
    before.backward(g, g, x.value());
    tape.hand_over(x, g);
  });
  return y;
}

}  // namespace longwave
