// activation.hpp - the device's overloads of what ops/activation.hpp calls, which includes this before its front
// (docs/design/device_dispatch.md).
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link
// it fails with `undefined reference to longwave::cuda::<op><type>`.
#pragma once

#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

// Operands y, x; dx, dy, x.
template <class Rule, class T>
void unary_forward(const Elements<T, 2>& elements, Rule rule);
template <class Rule, class T>
void unary_backward(const Elements<T, 3>& elements, Rule rule);

// Operands y, a, b; da, db, dy, a, b.
template <class T>
void glu_forward(const Elements<T, 3>& elements);
template <class T>
void glu_backward(const Elements<T, 5>& elements);

}  // namespace cuda

namespace impl {

template <class Rule, class T, int N>
void unary_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> x, Rule rule) {
  cuda::unary_forward(cuda::Elements<T, 2>(y, x), rule);
}

template <class Rule, class T, int N>
void unary_backward(TensorView<T, N, Cuda> dx, TensorView<const T, N, Cuda> dy, TensorView<const T, N, Cuda> x,
                    Rule rule) {
  cuda::unary_backward(cuda::Elements<T, 3>(dx, dy, x), rule);
}

template <class T, int N>
void glu_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> a, TensorView<const T, N, Cuda> b) {
  cuda::glu_forward(cuda::Elements<T, 3>(y, a, b));
}

template <class T, int N>
void glu_backward(TensorView<T, N, Cuda> da, TensorView<T, N, Cuda> db, TensorView<const T, N, Cuda> dy,
                  TensorView<const T, N, Cuda> a, TensorView<const T, N, Cuda> b) {
  cuda::glu_backward(cuda::Elements<T, 5>(da, db, dy, a, b));
}

}  // namespace impl
}  // namespace longwave
