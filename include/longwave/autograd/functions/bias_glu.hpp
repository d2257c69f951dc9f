// functions/bias_glu.hpp - glu(z + bias) over axis 1 on the tape (ops/bias_glu.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/bias_glu.hpp"

namespace longwave {

// z (B, 2 K, L), bias (2 K) -> (B, K, L).
template <class T, device D>
Var<T, 3, D> bias_glu(Var<T, 3, D> z, Var<T, 1, D> bias) {
  Tape<T, D>& tape = z.tape();
  const Var<T, 3, D> y = tape.make(ops::Glu::output_sizes(z.sizes(), 1), z.needs_grad() || bias.needs_grad());
  ops::BiasGlu::forward(y.output(), z.value(), bias.value());
  tape.record("bias_glu", y, [=, &tape] {
    const Grad dz(z);
    ops::BiasGlu::backward(dz.view(), tape.grad_to_add(bias), y.grad(), z.value(), bias.value());
  });
  return y;
}

}  // namespace longwave
