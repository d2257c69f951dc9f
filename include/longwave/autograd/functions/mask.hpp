// functions/mask.hpp - mask_lengths on the tape (ops/mask_lengths.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/mask_lengths.hpp"

namespace longwave {

// x (B, H, L) with zeros from lengths[b] on. lengths (B) must stay as it is until backward has run.
template <class T, device D>
Var<T, 3, D> mask_lengths(Var<T, 3, D> x, TensorView<const index_t, 1> lengths) {
  const Var<T, 3, D> y = x.tape().make(x.sizes(), x.needs_grad());
  ops::MaskLengths::forward(y.output(), x.value(), lengths);
  x.tape().record("mask_lengths", y, [=] {
    const Grad dx(x);
    ops::MaskLengths::backward(dx.view(), y.grad(), lengths);
  });
  return y;
}

}  // namespace longwave
