// functions/dropout.hpp - dropout on the tape: x itself unless the tape is training.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/dropout.hpp"

namespace longwave {

// Drops a share p of the elements; tied: whole rows of the last axis. The numbers come from the tape's generator.
template <class T, int N, device D>
Var<T, N, D> dropout(Var<T, N, D> x, double p, bool tied = false) {
  Tape<T, D>& tape = x.tape();
  ops::Dropout::check_probability(p);
  if (!tape.training() || p == 0) return x;
  const PhiloxKey key = tape.generator().next();
  const Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad());
  ops::Dropout::forward(y.output(), x.value(), key, p, tied);
  tape.record("dropout", y, [=] {
    Grad dx(x);
    ops::Dropout::backward(dx.view(), y.grad(), key, p, tied);
  });
  return y;
}

}  // namespace longwave
