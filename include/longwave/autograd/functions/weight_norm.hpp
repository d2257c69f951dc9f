// functions/weight_norm.hpp - weight_norm on the tape (ops/weight_norm.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/weight_norm.hpp"

namespace longwave {

// g v / |v| row by row: v (O, I), g (O) -> (O, I).
template <class T, device D>
Var<T, 2, D> weight_norm(Var<T, 2, D> v, std::type_identity_t<Var<T, 1, D>> g) {
  Tape<T, D>& tape = v.tape();
  const Var<T, 2, D> W = tape.make(v.sizes(), v.needs_grad() || g.needs_grad());
  ops::WeightNorm::forward(W.output(), g.value(), v.value());
  tape.record("weight_norm", W, [=, &tape] {
    ops::WeightNorm::backward(tape.grad_to_add(g), tape.grad_to_add(v), W.grad(), g.value(), v.value());
  });
  return W;
}

}  // namespace longwave
