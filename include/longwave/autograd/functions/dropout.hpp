// functions/dropout.hpp - dropout on the tape, alone, after a rule, and of what is added to a sum: nothing is dropped
// unless the tape is training. The fused forms give the values of the ops one after the other.
#pragma once

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/tape.hpp"
#include "longwave/ops/dropout.hpp"

namespace longwave {

// Drops a share p of the elements; tied: whole rows of the last axis. The numbers come from the tape's generator.
template <class T, int N, device D>
Var<T, N, D> dropout(Var<T, N, D> x, double p, bool tied = false) {
  auto& tape = x.tape();
  ops::Dropout::check_probability(p);
  if (!tape.training() || p == 0) return x;
  const PhiloxKey key = tape.generator().next();
  const Var<T, N, D> y = tape.template make_as<T>(x.sizes(), x.needs_grad());
  ops::Dropout::forward(y.output(), x.value(), key, p, tied);
  tape.record("dropout", y, [=] {
    Grad dx(x);
    ops::Dropout::backward(dx.view(), y.grad(), key, p, tied);
  });
  return y;
}

// dropout(unary(x, rule)), with one pass over memory on the device.
template <class Rule, class T, int N, device D>
Var<T, N, D> dropout_after(Var<T, N, D> x, Rule rule, double p, bool tied = false) {
  Tape<T, D>& tape = x.tape();
  ops::Dropout::check_probability(p);
  if (!tape.training() || p == 0) return unary(x, rule);
  const PhiloxKey key = tape.generator().next();
  const Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad());
  ops::DropoutAfter<Rule>::forward(y.output(), x.value(), key, p, tied, rule);
  tape.record("dropout_after", y, [=] {
    Grad dx(x);
    ops::DropoutAfter<Rule>::backward(dx.view(), y.grad(), x.value(), key, p, tied, rule);
  });
  return y;
}

// weights.a x + weights.b dropout(y), of equal sizes, with one pass over memory on the device.
template <class T, int N, device D>
Var<T, N, D> dropout_sum(Var<T, N, D> x, Var<T, N, D> y, WeightedSumRule weights, double p, bool tied = false) {
  Tape<T, D>& tape = x.tape();
  ops::Dropout::check_probability(p);
  if (!tape.training() || p == 0) return binary(x, y, weights);
  const PhiloxKey key = tape.generator().next();
  const Var<T, N, D> z = tape.make(x.sizes(), x.needs_grad() || y.needs_grad());
  ops::DropoutSum::forward(z.output(), x.value(), y.value(), weights, key, p, tied);
  tape.record("dropout_sum", z, [=] {
    Grad dx(x), dy(y);
    ops::DropoutSum::backward(dx.view(), dy.view(), z.grad(), weights, key, p, tied);
  });
  return z;
}

}  // namespace longwave
