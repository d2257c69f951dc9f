// functions/gate.hpp - gate on the tape (ops/gate.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/gate.hpp"

namespace longwave {

// x (B, 2 K, L) -> (B, K, L): tanh of the first half of the channels times sigmoid of the second.
template <class T, device D>
Var<T, 3, D> gate(Var<T, 3, D> x) {
  Tape<T, D>& tape = x.tape();
  const Var<T, 3, D> y = tape.make(ops::Gate::output_sizes(x.sizes()), x.needs_grad());
  ops::Gate::forward(y.output(), x.value());
  tape.record("gate", y, [=] {
    const Grad dx(x);
    ops::Gate::backward(dx.view(), y.grad(), x.value());
  });
  return y;
}

}  // namespace longwave
