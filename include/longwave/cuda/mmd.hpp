// mmd.hpp - the device's overloads of what ops/mmd.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/mmd_tiles.hpp"

namespace longwave {

namespace cuda {

template <class T>
void mmd_forward(TensorView<T, 0, Cuda> value, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y,
                 const RbfMixture& kernel, const longwave::detail::MmdFactors& factor);
// dx_i = dvalue (within sum_j dk(x_i, x_j)/dx_i + across sum_j dk(x_i, y_j)/dx_i), assigned.
template <class T>
void mmd_backward(TensorView<T, 2, Cuda> dx, TensorView<const T, 0, Cuda> dvalue, TensorView<const T, 2, Cuda> x,
                  TensorView<const T, 2, Cuda> y, const RbfMixture& kernel, double within, double across);

// K (R, N), dense: k(z_i, z_j) for R of the points z (N, d) from `first`, a multiple of 64, and all; 0 for i = j.
template <class T>
void mmd_kernel_rows(TensorView<T, 2, Cuda> K, TensorView<const T, 2, Cuda> z, index_t first, const RbfMixture& kernel);

}  // namespace cuda

namespace impl {

template <class T>
void mmd_forward(TensorView<T, 0, Cuda> value, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y,
                 const RbfMixture& kernel, const detail::MmdFactors& factor) {
  cuda::mmd_forward(value, x, y, kernel, factor);
}
template <class T>
void mmd_backward(TensorView<T, 2, Cuda> dx, TensorView<const T, 0, Cuda> dvalue, TensorView<const T, 2, Cuda> x,
                  TensorView<const T, 2, Cuda> y, const RbfMixture& kernel, double within, double across) {
  cuda::mmd_backward(dx, dvalue, x, y, kernel, within, across);
}

}  // namespace impl
}  // namespace longwave
