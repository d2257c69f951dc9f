// weight_norm.hpp - the device's overloads of what ops/weight_norm.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

template <class T>
void weight_norm_forward(TensorView<T, 2, Cuda> W, TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v);
template <class T>
void weight_norm_backward(TensorView<T, 1, Cuda> dg, TensorView<T, 2, Cuda> dv, TensorView<const T, 2, Cuda> dW,
                          TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v);

}  // namespace cuda

namespace impl {

template <class T>
void weight_norm_forward(TensorView<T, 2, Cuda> W, TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v) {
  cuda::weight_norm_forward(W, g, v);
}

template <class T>
void weight_norm_backward(TensorView<T, 1, Cuda> dg, TensorView<T, 2, Cuda> dv, TensorView<const T, 2, Cuda> dW,
                          TensorView<const T, 1, Cuda> g, TensorView<const T, 2, Cuda> v) {
  cuda::weight_norm_backward(dg, dv, dW, g, v);
}

}  // namespace impl
}  // namespace longwave
