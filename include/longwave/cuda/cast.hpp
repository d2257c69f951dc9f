// cast.hpp - the device's overload of what ops/cast.hpp calls, which includes this before its front. Defined in
// longwave::cuda for float and bfloat16.
#pragma once

#include <type_traits>

#include "longwave/core/bfloat16.hpp"
#include "longwave/cuda/fill.hpp"

namespace longwave {

namespace cuda {

// Operands of one shape in two types, with the axes of `places`, whose pointers are not used.
template <class U, class T>
struct CastElements {
  U* y;
  const T* x;
  Elements<char, 2> places;
};

template <class U, class T>
void cast(const CastElements<U, T>& elements);

}  // namespace cuda

namespace impl {

template <class U, class T, int N>
void cast(TensorView<U, N, Cuda> y, TensorView<const T, N, Cuda> x) {
  if constexpr (std::is_same_v<U, T>) {
    copy(y, x);
  } else {
    const auto places = [](const auto& v) { return TensorView<char, N, Cuda>(nullptr, v.sizes(), v.strides()); };
    cuda::cast(cuda::CastElements<U, T>{y.data(), x.data(), cuda::Elements<char, 2>(places(y), places(x))});
  }
}

}  // namespace impl
}  // namespace longwave
