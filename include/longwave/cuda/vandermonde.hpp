// vandermonde.hpp - the device's overloads of what ops/vandermonde.hpp calls, which includes this before its front.
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link
// it fails with `undefined reference to longwave::cuda::<op><type>`.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

// Which modes take part: all, those with Re x <= 0, or those with Re x > 0, with -x for x.
enum class Modes { all, decaying, growing };

// G sets of weights v (G, H, N) for the same modes x (H, N): K (G, H, L) = or += 2 Re sum_n v exp(x l).
template <class T>
void vandermonde_forward(TensorView<T, 3, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 3, Cuda> v, Modes which, bool add);
// dx: the sum over the sets. Gradients of modes that do not take part are left as they are.
template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 3, Cuda> dv,
                          TensorView<const T, 3, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 3, Cuda> v, Modes which);

// (A, B) as (1, A, B).
template <class T>
TensorView<T, 3, Cuda> one_set(TensorView<T, 2, Cuda> z) {
  return {z.data(), Extents<3>{1, z.size(0), z.size(1)}, Extents<3>{0, z.stride(0), z.stride(1)}};
}

// The last axis from its end.
template <class T>
TensorView<T, 3, Cuda> reversed(TensorView<T, 3, Cuda> K) {
  const index_t last = K.empty() ? 0 : (K.size(2) - 1) * K.stride(2);
  return {K.data() + last, K.sizes(), Extents<3>{K.stride(0), K.stride(1), -K.stride(2)}};
}

}  // namespace cuda

namespace impl {

template <class T>
void vandermonde_forward(TensorView<T, 2, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 2, Cuda> v) {
  cuda::vandermonde_forward(cuda::one_set(K), x, cuda::one_set(v), cuda::Modes::all, false);
}

template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 2, Cuda> dv,
                          TensorView<const T, 2, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 2, Cuda> v) {
  cuda::vandermonde_backward(dx, cuda::one_set(dv), cuda::one_set(dK), x, cuda::one_set(v), cuda::Modes::all);
}

}  // namespace impl
}  // namespace longwave
