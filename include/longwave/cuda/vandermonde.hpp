// vandermonde.hpp - the device's overloads of what ops/vandermonde.hpp calls, which includes this before its front.
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link it
// fails with `undefined reference to longwave::cuda::<op><type>`.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

template <class T>
void vandermonde_forward(TensorView<T, 2, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 2, Cuda> v);
template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 2, Cuda> dv,
                          TensorView<const T, 2, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 2, Cuda> v);

}  // namespace cuda

namespace impl {

template <class T>
void vandermonde_forward(TensorView<T, 2, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 2, Cuda> v) {
  cuda::vandermonde_forward(K, x, v);
}

template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 2, Cuda> dv,
                          TensorView<const T, 2, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 2, Cuda> v) {
  cuda::vandermonde_backward(dx, dv, dK, x, v);
}

}  // namespace impl
}  // namespace longwave
