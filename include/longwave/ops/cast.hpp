// cast.hpp - y = x in another type of storage: float and bfloat16, either way or the same (a copy).
//
// x, y: same shape, any rank, any strides. To bfloat16 each number is rounded to nearest, ties to even; to float it is
// exact. Backward is the cast of the other direction. Memory-bound: 6 bytes per element on the device.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/bfloat16.hpp"
#include "longwave/core/rows.hpp"
#include "longwave/cuda/cast.hpp"

namespace longwave {

namespace impl {

template <class U, class T, int N>
void cast(TensorView<U, N, Host> y, TensorView<const T, N, Host> x) {
  const Extents<N> strides[2] = {y.strides(), x.strides()};
  parallel_rows(y.sizes(), strides, [&](const Row<2>& row) {
    U* out = y.data() + row.offset[0];
    const T* in = x.data() + row.offset[1];
    if (row.step[0] == 1 && row.step[1] == 1)
      for (index_t i = 0; i < row.length; ++i) out[i] = U(in[i]);
    else
      for (index_t i = 0; i < row.length; ++i) out[i * row.step[0]] = U(in[i * row.step[1]]);
  });
}

// x as U in working memory; without data where x has none.
template <class U, class T, int N, device D>
TensorView<U, N, D> cast_to(ScratchOn<D>& scratch, TensorView<const T, N, D> x) {
  if (x.data() == nullptr) return {nullptr, x.sizes()};
  const TensorView<U, N, D> y = scratch.template tensor<U>(x.sizes());
  cast(y, x);
  return y;
}

}  // namespace impl

namespace ops {

struct Cast {
  template <class U, class T, int N, device D>
  static void forward(TensorView<U, N, D> y, TensorView<T, N, D> x) {
    check_same_shape("cast", "y", y, "x", x);
    impl::cast(y, TensorView<const T, N, D>(x));
  }
  template <class U, class T, int N, device D>
  static void forward(TensorView<U, N, D> y, TensorView<const T, N, D> x) {
    check_same_shape("cast", "y", y, "x", x);
    impl::cast(y, x);
  }

  // dx is assigned.
  template <class T, class U, int N, device D>
  static void backward(TensorView<T, N, D> dx, TensorView<const U, N, D> dy) {
    check_same_shape("cast", "dx", dx, "dy", dy);
    impl::cast(dx, dy);
  }
};

}  // namespace ops
}  // namespace longwave
