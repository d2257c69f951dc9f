// conv1d.hpp - the device's overloads of what ops/conv1d.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/conv1d_options.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

template <class T>
void conv1d_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> W,
                    TensorView<const T, 1, Cuda> bias, const Conv1dOptions& options);

// dx is assigned, dW and dbias are added to; any of them may be without data.
template <class T>
void conv1d_backward(TensorView<T, 3, Cuda> dx, TensorView<T, 3, Cuda> dW, TensorView<T, 1, Cuda> dbias,
                     TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> W,
                     const Conv1dOptions& options);

}  // namespace cuda

namespace impl {

template <class T>
void conv1d_forward(TensorView<T, 3, Cuda> y, In<T, 3, Cuda> x, In<T, 3, Cuda> W, In<T, 1, Cuda> bias,
                    const Conv1dOptions& options) {
  cuda::conv1d_forward(y, x, W, bias, options);
}

template <class T>
void conv1d_backward(TensorView<const T, 3, Cuda> dy, Out<T, 3, Cuda> dx, Out<T, 3, Cuda> dW, Out<T, 1, Cuda> dbias,
                     In<T, 3, Cuda> x, In<T, 3, Cuda> W, const Conv1dOptions& options) {
  cuda::conv1d_backward(dx, dW, dbias, dy, x, W, options);
}

}  // namespace impl
}  // namespace longwave
