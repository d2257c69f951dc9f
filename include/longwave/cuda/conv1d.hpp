// conv1d.hpp - the device's overloads of what ops/conv1d.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/bfloat16.hpp"
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

// One tap, W (O, I, 1), in bfloat16: products of W rounded to it, sums in float. dx is assigned, dW added to.
void one_tap_forward(TensorView<bfloat16, 3, Cuda> y, TensorView<const bfloat16, 3, Cuda> x,
                     TensorView<const float, 3, Cuda> W);
void one_tap_backward(TensorView<bfloat16, 3, Cuda> dx, TensorView<float, 3, Cuda> dW,
                      TensorView<const bfloat16, 3, Cuda> dy, TensorView<const bfloat16, 3, Cuda> x,
                      TensorView<const float, 3, Cuda> W);

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

// The front has seen to it that there is one tap and no bias.
inline void conv1d_forward(TensorView<bfloat16, 3, Cuda> y, TensorView<const bfloat16, 3, Cuda> x,
                           TensorView<const float, 3, Cuda> W, TensorView<const float, 1, Cuda>, const Conv1dOptions&) {
  cuda::one_tap_forward(y, x, W);
}
inline void conv1d_backward(TensorView<const bfloat16, 3, Cuda> dy, TensorView<bfloat16, 3, Cuda> dx,
                            TensorView<float, 3, Cuda> dW, TensorView<float, 1, Cuda>,
                            TensorView<const bfloat16, 3, Cuda> x, TensorView<const float, 3, Cuda> W,
                            const Conv1dOptions&) {
  cuda::one_tap_backward(dx, dW, dy, x, W);
}

}  // namespace impl
}  // namespace longwave
