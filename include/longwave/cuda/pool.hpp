// pool.hpp - the device's overloads of what ops/pool.hpp calls, which includes this before its front.
#pragma once

#include <cstdint>

#include "longwave/core/each.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

// Quotient of numbers that are not negative, in 32 bits where these suffice: several times as fast on the device.
LONGWAVE_HD inline index_t quotient(index_t a, index_t b) {
  if (((a | b) >> 32) == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

// Index i of an output (B, H, L) as its three.
struct Position {
  index_t b, h, l;
  LONGWAVE_HD Position(index_t i, const Extents<3>& sizes) {
    const index_t row = quotient(i, sizes[2]);
    l = i - row * sizes[2];
    b = quotient(row, sizes[1]);
    h = row - b * sizes[1];
  }
};

// y[m] = scale sum_{j<s} x[m s + j]
template <class T>
struct WindowSum {
  static constexpr const char* name = "avg_pool";
  TensorView<T, 3, Cuda> y;
  TensorView<const T, 3, Cuda> x;
  index_t s;
  T scale;
  LONGWAVE_HD void operator()(index_t i) const {
    const Position at(i, y.sizes());
    const T* in = x.data() + at.b * x.stride(0) + at.h * x.stride(1) + at.l * s * x.stride(2);
    T sum = 0;
    for (index_t j = 0; j < s; ++j) sum += in[j * x.stride(2)];
    y(at.b, at.h, at.l) = scale * sum;
  }
};

// y[l s + j] = scale x[l]; what follows the last window is 0. Each index writes `repeat_each` elements that lie
// `apart`: their loads are in flight together.
inline constexpr int repeat_each = 4;
template <class T>
struct RepeatTime {
  static constexpr const char* name = "repeat_time";
  TensorView<T, 3, Cuda> y;
  TensorView<const T, 3, Cuda> x;
  index_t s, apart;
  T scale;
  LONGWAVE_HD void operator()(index_t first) const {
    T value[repeat_each];
    index_t to[repeat_each];
    for (int j = 0; j < repeat_each; ++j) {
      const Position at(first + j * apart, y.sizes());
      const index_t l = quotient(at.l, s);
      to[j] = at.b * y.stride(0) + at.h * y.stride(1) + at.l * y.stride(2);
      const bool inside = l < x.size(2) && at.b < y.size(0);
      value[j] = inside ? scale * x.data()[at.b * x.stride(0) + at.h * x.stride(1) + l * x.stride(2)] : T(0);
    }
    for (int j = 0; j < repeat_each; ++j)
      if (first + j * apart < y.count()) y.data()[to[j]] = value[j];
  }
};

}  // namespace cuda

namespace impl {

template <class T>
void window_sum(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, index_t s, T scale) {
  for_each_index<Cuda>(y.count(), cuda::WindowSum<T>{y, x, s, scale});
}

template <class T>
void repeat_time(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, index_t s, T scale) {
  const index_t apart = (y.count() + cuda::repeat_each - 1) / cuda::repeat_each;
  for_each_index<Cuda>(apart, cuda::RepeatTime<T>{y, x, s, apart, scale});
}

}  // namespace impl
}  // namespace longwave
