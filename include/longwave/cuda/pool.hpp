// pool.hpp - the device's overloads of what ops/pool.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/each.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

// Index i of an output (B, H, L) as its three.
struct Position {
  index_t b, h, l;
  LONGWAVE_HD Position(index_t i, const Extents<3>& sizes) {
    const index_t row = i / sizes[2];
    l = i - row * sizes[2];
    b = row / sizes[1];
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

// y[l s + j] = scale x[l]; what follows the last window is 0.
template <class T>
struct RepeatTime {
  static constexpr const char* name = "repeat_time";
  TensorView<T, 3, Cuda> y;
  TensorView<const T, 3, Cuda> x;
  index_t s;
  T scale;
  LONGWAVE_HD void operator()(index_t i) const {
    const Position at(i, y.sizes());
    const index_t l = at.l / s;
    y(at.b, at.h, at.l) = l < x.size(2) ? scale * x(at.b, at.h, l) : T(0);
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
  for_each_index<Cuda>(y.count(), cuda::RepeatTime<T>{y, x, s, scale});
}

}  // namespace impl
}  // namespace longwave
