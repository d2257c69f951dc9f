// fft_conv.hpp - long convolutions on a tape.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/fft_conv.hpp"

namespace longwave {

namespace detail {

template <class T, int NY, int NK, int ND, device Dev>
Var<T, NY, Dev> record_fft_conv(const Extents<NY>& sizes, Var<T, 3, Dev> u, Var<T, NK, Dev> K, Var<T, ND, Dev> D) {
  Tape<T, Dev>& tape = u.tape();
  auto y = tape.make(sizes, u.needs_grad() || K.needs_grad() || D.needs_grad());
  const TensorView<const T, ND, Dev> skip = value_or_none(D);
  ops::FftConv::forward(y.output(), u.value(), K.value(), skip);
  tape.record("fft_conv", y, [=, tape = &tape] {
    Grad du(u);
    Grad dK(K);
    ops::FftConv::backward(du.view(), dK.view(), tape->grad_to_add(D), y.grad(), u.value(), K.value(), skip);
  });
  return y;
}

}  // namespace detail

// u (B, H, L), K (H, M), D (H) or left out -> y (B, H, L)
template <class T, device Dev>
Var<T, 3, Dev> fft_conv(Var<T, 3, Dev> u, Var<T, 2, Dev> K, std::type_identity_t<Var<T, 1, Dev>> D = {}) {
  return detail::record_fft_conv<T, 3, 2, 1, Dev>(u.sizes(), u, K, D);
}

// u (B, H, L), K (C, H, M), D (C, H) or left out -> y (B, C, H, L)
template <class T, device Dev>
Var<T, 4, Dev> fft_conv(Var<T, 3, Dev> u, Var<T, 3, Dev> K, std::type_identity_t<Var<T, 2, Dev>> D = {}) {
  return detail::record_fft_conv<T, 4, 3, 2, Dev>({u.size(0), K.size(0), u.size(1), u.size(2)}, u, K, D);
}

// K (2C, H, M): first the causal halves, then the anti-causal ones -> y (B, C, H, L)
template <class T, device Dev>
Var<T, 4, Dev> fft_conv_bidirectional(Var<T, 3, Dev> u, Var<T, 3, Dev> K, std::type_identity_t<Var<T, 2, Dev>> D = {}) {
  if (K.size(0) % 2 != 0)
    throw_shape_error("fft_conv: two-sided kernels come in pairs, K is " + to_string(K.sizes(), "CHM"));
  return detail::record_fft_conv<T, 4, 3, 2, Dev>({u.size(0), K.size(0) / 2, u.size(1), u.size(2)}, u, K, D);
}

}  // namespace longwave
