// mask_lengths.hpp - the device's overload of what ops/mask_lengths.hpp calls, which includes this before its front.
// Defined in longwave::cuda.
#pragma once

#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

// Operands y, x of (B, per_batch / L, L); lengths of b at b * step.
template <class T>
void mask_lengths(const Elements<T, 2>& elements, index_t per_batch, index_t L, const index_t* lengths, index_t step);

}  // namespace cuda

namespace impl {

template <class T>
void mask_lengths(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x,
                  TensorView<const index_t, 1, Cuda> lengths) {
  cuda::mask_lengths(cuda::Elements<T, 2>(y, x), y.size(1) * y.size(2), y.size(2), lengths.data(), lengths.stride(0));
}

}  // namespace impl
}  // namespace longwave
