// cauchy.hpp - sums of poles on a tape. Complex numbers are real pairs: the last axis holds (re, im).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/cauchy.hpp"

namespace longwave {

namespace detail {

// (..., 2) real pairs as complex numbers.
template <class C, class T, int N, device D>
TensorView<C, N - 1, D> complex_pairs(const char* op, const char* name, const TensorView<T, N, D>& pairs) {
  Extents<N - 1> sizes, strides;
  bool fits = pairs.size(N - 1) == 2 && (pairs.stride(N - 1) == 1 || pairs.empty());
  for (int i = 0; i < N - 1; ++i) {
    sizes[i] = pairs.size(i);
    strides[i] = pairs.stride(i) / 2;
    fits = fits && (pairs.stride(i) % 2 == 0 || pairs.size(i) <= 1);
  }
  if (!fits)
    throw_shape_error(std::string(op) + ": " + name + " is " + to_string(pairs.sizes()) +
                      ", expected a last axis of 2 with each (re, im) side by side");
  return {reinterpret_cast<C*>(pairs.data()), sizes, strides};
}

template <class T, int N, device D>
TensorView<const complex<T>, N - 1, D> cauchy_in(const char* name, const TensorView<const T, N, D>& pairs) {
  return complex_pairs<const complex<T>>("cauchy", name, pairs);
}

// Of a gradient that may be unwanted.
template <class T, int N, device D>
TensorView<complex<T>, N - 1, D> cauchy_out(const TensorView<T, N, D>& pairs) {
  return wanted(pairs) ? complex_pairs<complex<T>>("cauchy", "gradient", pairs) : TensorView<complex<T>, N - 1, D>();
}

}  // namespace detail

// v, w (H, N, 2), z (L, 2) -> r (H, L, 2)
template <class T, device D>
Var<T, 3, D> cauchy(Var<T, 3, D> v, Var<T, 3, D> w, Var<T, 2, D> z, CauchyTerms terms = CauchyTerms::conjugate_pairs) {
  Tape<T, D>& tape = v.tape();
  const auto poles = detail::cauchy_in("w", w.value()), weights = detail::cauchy_in("v", v.value());
  const auto nodes = detail::cauchy_in("z", z.value());
  const auto r = tape.make(Extents<3>{w.size(0), z.size(0), 2}, v.needs_grad() || w.needs_grad() || z.needs_grad());
  ops::Cauchy::forward(detail::cauchy_out(r.output()), weights, poles, nodes, terms);
  tape.record("cauchy", r, [=] {
    Grad dv(v);
    Grad dw(w);
    Grad dz(z);
    ops::Cauchy::backward(detail::cauchy_out(dv.view()), detail::cauchy_out(dw.view()), detail::cauchy_out(dz.view()),
                          detail::cauchy_in("dr", r.grad()), weights, poles, nodes, terms);
  });
  return r;
}

}  // namespace longwave
