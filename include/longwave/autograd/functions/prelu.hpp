// functions/prelu.hpp - prelu on the tape (ops/prelu.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/prelu.hpp"

namespace longwave {

// x dense, a (1)
template <class T, int N, device D>
Var<T, N, D> prelu(Var<T, N, D> x, std::type_identity_t<Var<T, 1, D>> a) {
  Tape<T, D>& tape = x.tape();
  const Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad() || a.needs_grad());
  ops::Prelu::forward(y.output(), x.value(), a.value());
  tape.record("prelu", y, [=, &tape] {
    const Grad dx(x);
    ops::Prelu::backward(dx.view(), tape.grad_to_add(a), y.grad(), x.value(), a.value());
  });
  return y;
}

}  // namespace longwave
