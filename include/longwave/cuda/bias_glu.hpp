// bias_glu.hpp - the device's overloads of what ops/bias_glu.hpp calls, which includes this before its front. Defined
// in longwave::cuda.
#pragma once

#include "longwave/core/bfloat16.hpp"
#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

template <class T>
void bias_glu_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> z,
                      TensorView<const Arithmetic<T>, 1, Cuda> bias);
// dz is assigned, dbias added to; either may be left out.
template <class T>
void bias_glu_backward(TensorView<T, 3, Cuda> dz, TensorView<Arithmetic<T>, 1, Cuda> dbias,
                       TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> z,
                       TensorView<const Arithmetic<T>, 1, Cuda> bias);

}  // namespace cuda

namespace impl {

template <class T>
void bias_glu_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> z,
                      TensorView<const Arithmetic<T>, 1, Cuda> bias) {
  cuda::bias_glu_forward(y, z, bias);
}

template <class T>
void bias_glu_backward(TensorView<T, 3, Cuda> dz, TensorView<Arithmetic<T>, 1, Cuda> dbias,
                       TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> z,
                       TensorView<const Arithmetic<T>, 1, Cuda> bias) {
  cuda::bias_glu_backward(dz, dbias, dy, z, bias);
}

}  // namespace impl
}  // namespace longwave
