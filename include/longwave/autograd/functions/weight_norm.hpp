// functions/weight_norm.hpp - weight_norm on the tape (ops/weight_norm.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/weight_norm.hpp"

namespace longwave {

// g v / |v| row by row: v (O, I) or (O, I, k), g (O) -> as v. A row: all that has one place on the first axis.
template <class T, int N, device D>
  requires(N >= 2)
Var<T, N, D> weight_norm(Var<T, N, D> v, std::type_identity_t<Var<T, 1, D>> g) {
  Tape<T, D>& tape = v.tape();
  const index_t O = v.size(0);
  index_t I = 1;
  for (int axis = 1; axis < N; ++axis) I *= v.size(axis);
  const Extents<2> rows{O, I};
  const Var<T, N, D> W = tape.make(v.sizes(), v.needs_grad() || g.needs_grad());
  ops::WeightNorm::forward(W.output().reshape(rows), g.value(), v.value().reshape(rows));
  tape.record_following("weight_norm", W, [=, &tape] {
    const TensorView<T, N, D> dv = tape.grad_to_add(v);
    ops::WeightNorm::backward(tape.grad_to_add(g), wanted(dv) ? dv.reshape(rows) : TensorView<T, 2, D>(),
                              W.grad().reshape(rows), g.value(), v.value().reshape(rows));
  });
  return W;
}

}  // namespace longwave
