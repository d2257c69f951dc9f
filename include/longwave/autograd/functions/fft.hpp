// fft.hpp - rfft, irfft, fft and ifft on a tape. Complex numbers are real pairs: X (B, n/2+1, 2) holds (re, im).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/fft.hpp"

namespace longwave {

namespace detail {

// (B, K, 2) real pairs as (B, K) complex numbers.
template <class T, class C, device D>
TensorView<C, 2, D> complex_rows(const char* op, const TensorView<T, 3, D>& pairs) {
  const auto& stride = pairs.strides();
  if (pairs.size(2) != 2 || stride[2] != 1 || stride[0] % 2 != 0 || stride[1] % 2 != 0)
    throw_shape_error(std::string(op) + ": X is " + to_string(pairs.sizes()) +
                      ", expected (B, bins, 2) with each (re, im) side by side");
  return {reinterpret_cast<C*>(pairs.data()), {pairs.size(0), pairs.size(1)}, {stride[0] / 2, stride[1] / 2}};
}

}  // namespace detail

// x (B, L) -> X (B, n/2+1, 2); x is cut or padded with zeros to n.
template <class T, device D>
Var<T, 3, D> rfft(Var<T, 2, D> x, index_t n) {
  if (n < 1) throw_value_error("rfft: the length n must be at least 1, it is " + std::to_string(n));
  auto X = x.tape().template make<3>({x.size(0), n / 2 + 1, 2}, x.needs_grad());
  ops::Rfft::forward(detail::complex_rows<T, complex<T>>("rfft", X.output()), x.value(), n);
  x.tape().record("rfft", X, [=] {
    Grad dx(x);
    ops::Rfft::backward(dx.view(), detail::complex_rows<const T, const complex<T>>("rfft", X.grad()), n);
  });
  return X;
}

// X (B, n/2+1, 2) -> x (B, n)
template <class T, device D>
Var<T, 2, D> irfft(Var<T, 3, D> X, index_t n) {
  if (n < 1) throw_value_error("irfft: the length n must be at least 1, it is " + std::to_string(n));
  auto x = X.tape().template make<2>({X.size(0), n}, X.needs_grad());
  ops::Irfft::forward(x.output(), detail::complex_rows<const T, const complex<T>>("irfft", X.value()));
  X.tape().record("irfft", x, [=] {
    Grad dX(X);
    if (wanted(dX.view())) ops::Irfft::backward(detail::complex_rows<T, complex<T>>("irfft", dX.view()), x.grad());
  });
  return x;
}

// x (B, L, 2) -> X (B, n, 2); x is padded with zeros to n >= L.
template <class T, device D>
Var<T, 3, D> fft(Var<T, 3, D> x, index_t n) {
  auto X = x.tape().template make<3>({x.size(0), n, 2}, x.needs_grad());
  ops::Fft::forward(detail::complex_rows<T, complex<T>>("fft", X.output()),
                    detail::complex_rows<const T, const complex<T>>("fft", x.value()));
  x.tape().record("fft", X, [=] {
    Grad dx(x);
    if (wanted(dx.view()))
      ops::Fft::backward(detail::complex_rows<T, complex<T>>("fft", dx.view()),
                         detail::complex_rows<const T, const complex<T>>("fft", X.grad()));
  });
  return X;
}

// X (B, n, 2) -> x (B, L, 2), the first L <= n samples
template <class T, device D>
Var<T, 3, D> ifft(Var<T, 3, D> X, index_t L) {
  auto x = X.tape().template make<3>({X.size(0), L, 2}, X.needs_grad());
  ops::Ifft::forward(detail::complex_rows<T, complex<T>>("ifft", x.output()),
                     detail::complex_rows<const T, const complex<T>>("ifft", X.value()));
  X.tape().record("ifft", x, [=] {
    Grad dX(X);
    if (wanted(dX.view()))
      ops::Ifft::backward(detail::complex_rows<T, complex<T>>("ifft", dX.view()),
                          detail::complex_rows<const T, const complex<T>>("ifft", x.grad()));
  });
  return x;
}

}  // namespace longwave
