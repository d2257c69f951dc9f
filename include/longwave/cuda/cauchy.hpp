// cauchy.hpp - the device's overloads of what ops/cauchy.hpp calls, which includes this before its front.
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link
// it fails with `undefined reference to longwave::cuda::<op><type>`.
#pragma once

#include "longwave/core/cauchy_terms.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

template <CauchyTerms terms, class T>
void cauchy_forward(TensorView<complex<T>, 2, Cuda> r, TensorView<const complex<T>, 2, Cuda> v,
                    TensorView<const complex<T>, 2, Cuda> w, TensorView<const complex<T>, 1, Cuda> z);
template <CauchyTerms terms, class T>
void cauchy_backward(TensorView<complex<T>, 2, Cuda> dv, TensorView<complex<T>, 2, Cuda> dw,
                     TensorView<complex<T>, 1, Cuda> dz, TensorView<const complex<T>, 2, Cuda> dr,
                     TensorView<const complex<T>, 2, Cuda> v, TensorView<const complex<T>, 2, Cuda> w,
                     TensorView<const complex<T>, 1, Cuda> z);

}  // namespace cuda

namespace impl {

template <CauchyTerms terms, class T>
void cauchy_forward(TensorView<complex<T>, 2, Cuda> r, TensorView<const complex<T>, 2, Cuda> v,
                    TensorView<const complex<T>, 2, Cuda> w, TensorView<const complex<T>, 1, Cuda> z) {
  cuda::cauchy_forward<terms>(r, v, w, z);
}

template <CauchyTerms terms, class T>
void cauchy_backward(TensorView<complex<T>, 2, Cuda> dv, TensorView<complex<T>, 2, Cuda> dw,
                     TensorView<complex<T>, 1, Cuda> dz, TensorView<const complex<T>, 2, Cuda> dr,
                     TensorView<const complex<T>, 2, Cuda> v, TensorView<const complex<T>, 2, Cuda> w,
                     TensorView<const complex<T>, 1, Cuda> z) {
  cuda::cauchy_backward<terms>(dv, dw, dz, dr, v, w, z);
}

}  // namespace impl
}  // namespace longwave
