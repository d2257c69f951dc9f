// ssim.hpp - the device's overloads of what ops/ssim.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

template <class T>
void ssim_forward(TensorView<T, 3, Cuda> S, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b);
// da and db are assigned; either may be left out.
template <class T>
void ssim_backward(TensorView<T, 3, Cuda> da, TensorView<T, 3, Cuda> db, TensorView<const T, 3, Cuda> dS,
                   TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b);

}  // namespace cuda

namespace impl {

template <class T>
void ssim_forward(TensorView<T, 3, Cuda> S, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  cuda::ssim_forward(S, a, b);
}
template <class T>
void ssim_backward(TensorView<T, 3, Cuda> da, TensorView<T, 3, Cuda> db, TensorView<const T, 3, Cuda> dS,
                   TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  cuda::ssim_backward(da, db, dS, a, b);
}

}  // namespace impl
}  // namespace longwave
