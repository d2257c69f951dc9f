// mask_lengths.hpp - y = x where l < lengths[b], else 0.   dx = dy there, else 0
//
// x, y (B, H, L), lengths (B) from 0 to L. What stands in the padding, NaN included, has no influence. On the device
// lengths are not looked at before the kernel runs: below 0 counts as 0, above L as L.
#pragma once

#include "longwave/cuda/mask_lengths.hpp"
#include "longwave/ops/readout.hpp"

namespace longwave {

namespace impl {

template <class T>
void mask_lengths(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> x,
                  TensorView<const index_t, 1, Host> lengths) {
  each_sequence(x.sizes(), lengths, [&](index_t b, index_t h, index_t n) {
    T* to = y.data() + b * y.stride(0) + h * y.stride(1);
    const T* from = x.data() + b * x.stride(0) + h * x.stride(1);
    for (index_t l = 0; l < n; ++l) to[l * y.stride(2)] = from[l * x.stride(2)];
    for (index_t l = n; l < y.size(2); ++l) to[l * y.stride(2)] = 0;
  });
}

}  // namespace impl

namespace ops {

struct MaskLengths {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, In<index_t, 1, D> lengths) {
    check_same_shape("mask_lengths", "y", y, "x", x);
    if constexpr (std::is_same_v<D, Host>)
      impl::check_lengths("mask_lengths", lengths, x.size(0), 0, x.size(2));
    else if (lengths.data() != nullptr)
      check_shape("mask_lengths", "lengths", lengths, Extents<1>{x.size(0)}, "B");
    impl::mask_lengths(y, x, lengths);
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 3, D> dx, In<T, 3, D> dy, In<index_t, 1, D> lengths) {
    if (wanted(dx)) forward(dx, dy, lengths);
  }
};

}  // namespace ops
}  // namespace longwave
