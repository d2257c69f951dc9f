// embedding.hpp - embedding on the tape (ops/embedding.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/embedding.hpp"

namespace longwave {

// The index is kept as a view: it must stay as it is until backward has run.
template <class T, device D, class I, int M>
Var<T, M + 1, D> embedding(Var<T, 2, D> table, TensorView<I, M, D> index) {
  Tape<T, D>& tape = table.tape();
  Var<T, M + 1, D> y = tape.make(ops::Embedding::sizes(index.sizes(), table.size(1)), table.needs_grad());
  ops::Embedding::forward(y.output(), table.value(), index);
  tape.record("embedding", y, [=, &tape] { ops::Embedding::backward(tape.grad_to_add(table), y.grad(), index); });
  return y;
}

}  // namespace longwave
