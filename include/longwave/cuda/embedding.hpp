// embedding.hpp - the device's overloads of what ops/embedding.hpp calls, which includes this before its front. Defined
// in longwave::cuda for indices of 32 and 64 bits.
//
// Indices on the device are not looked at before the kernels run. One outside the table gives a row of NaN, which the
// finite check of a tape or the loss shows, and adds to no gradient.
#pragma once

#include <cstdint>
#include <type_traits>

#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

// index (A, P), y (A, P, E). I: std::int32_t or std::int64_t.
template <class T, class I>
void embedding_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 2, Cuda> table,
                       TensorView<const I, 2, Cuda> index);
template <class T, class I>
void embedding_backward(TensorView<T, 2, Cuda> dtable, TensorView<const T, 3, Cuda> dy,
                        TensorView<const I, 2, Cuda> index);

}  // namespace cuda

namespace impl {

template <class I, int M>
void check_indices(TensorView<I, M, Cuda>, index_t) {}

namespace on_device {

template <class I, int M>
auto two_axes(TensorView<I, M, Cuda> x) {
  using Plain = std::remove_const_t<I>;
  static_assert(std::is_integral_v<Plain> && std::is_signed_v<Plain> && (sizeof(I) == 4 || sizeof(I) == 8),
                "on the device, an index is a signed integer of 32 or 64 bits");
  using Index = std::conditional_t<sizeof(I) == 4, std::int32_t, std::int64_t>;
  const auto* data = reinterpret_cast<const Index*>(x.data());
  if constexpr (M == 2)
    return TensorView<const Index, 2, Cuda>(data, x.sizes(), x.strides());
  else
    return TensorView<const Index, 2, Cuda>(data, Extents<2>{1, x.size(0)}, Extents<2>{0, x.stride(0)});
}

template <class T, int N>
TensorView<T, 3, Cuda> three_axes(TensorView<T, N, Cuda> y) {
  if constexpr (N == 3)
    return y;
  else
    return {y.data(), Extents<3>{1, y.size(0), y.size(1)}, Extents<3>{0, y.stride(0), y.stride(1)}};
}

}  // namespace on_device

template <class T, int N, class I, int M>
void embedding_forward(TensorView<T, N, Cuda> y, In<T, 2, Cuda> table, TensorView<I, M, Cuda> index) {
  cuda::embedding_forward(on_device::three_axes(y), table, on_device::two_axes(index));
}

template <class T, int N, class I, int M>
void embedding_backward(TensorView<T, 2, Cuda> dtable, In<T, N, Cuda> dy, TensorView<I, M, Cuda> index) {
  cuda::embedding_backward(dtable, on_device::three_axes(dy), on_device::two_axes(index));
}

}  // namespace impl
}  // namespace longwave
