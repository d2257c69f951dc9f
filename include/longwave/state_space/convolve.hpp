// convolve.hpp - a state-space layer whose kernel is there as samples, on a tape.
//
//   y = K * u + D u      u (B, H, L)   K (C, H, M), M <= L, two-sided: (2 C, H, M)   D (C, H)   y (B, C H, L)
//
// The op is ops/fft_conv.hpp; y is written with its channels flattened, index c H + h, without a copy.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/fft_conv.hpp"

namespace longwave {

namespace detail {

template <class T, device D>
Var<T, 3, D> convolve_channels(Var<T, 3, D> u, Var<T, 3, D> K, Var<T, 2, D> skip, index_t C) {
  Tape<T, D>& tape = u.tape();
  const index_t B = u.size(0), H = u.size(1), L = u.size(2);
  const Extents<4> channels{B, C, H, L};
  const auto y = tape.make(Extents<3>{B, C * H, L}, u.needs_grad() || K.needs_grad() || skip.needs_grad());
  const TensorView<const T, 2, D> weights = value_or_none(skip);
  ops::FftConv::forward(y.output().reshape(channels), u.value(), K.value(), weights);
  tape.record("ssm", y, [=, &tape] {
    const Grad du(u);
    const Grad dK(K);
    ops::FftConv::backward(du.view(), dK.view(), tape.grad_to_add(skip), y.grad().reshape(channels), u.value(),
                           K.value(), weights);
  });
  return y;
}

}  // namespace detail
}  // namespace longwave
