// functions/mask.hpp - mask_lengths on the tape (ops/mask_lengths.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/ops/mask_lengths.hpp"

namespace longwave {

// x (B, H, L) with zeros from lengths[b] on. lengths (B) must stay as it is until backward has run.
template <class T, device D>
Var<T, 3, D> mask_lengths(Var<T, 3, D> x, In<index_t, 1, D> lengths) {
  const Var<T, 3, D> y = x.tape().make(x.sizes(), x.needs_grad());
  ops::MaskLengths::forward(y.output(), x.value(), lengths);
  x.tape().record("mask_lengths", y, [=] {
    const Grad dx(x);
    ops::MaskLengths::backward(dx.view(), y.grad(), lengths);
  });
  return y;
}

// Lengths that are on the host for x on the device: copied first, which a captured step must not do.
template <class T>
Var<T, 3, Cuda> mask_lengths(Var<T, 3, Cuda> x, TensorView<const index_t, 1> lengths) {
  impl::check_lengths("mask_lengths", lengths, x.size(0), 0, x.size(2));
  const TensorView<index_t, 1, Cuda> there = x.tape().template keep<index_t>(lengths.sizes());
  cuda::copy(there, lengths);
  return mask_lengths(x, TensorView<const index_t, 1, Cuda>(there));
}

}  // namespace longwave
