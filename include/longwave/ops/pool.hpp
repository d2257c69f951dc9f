// pool.hpp - other sampling rates: averages over time, repetition over time and over features.
//
//   AvgPool         y[b, h, m] = 1/s sum_{j<s} x[b, h, m s + j]     x (B, H, L), y (B, H, floor(L / s))
//                   dx[b, h, m s + j] = dy[b, h, m] / s, and 0 past the last whole window
//   RepeatTime      y[b, h, l s + j] = x[b, h, l]                   x (B, H, L), y (B, H, L s)
//                   dx[b, h, l] = sum_{j<s} dy[b, h, l s + j]
//   RepeatChannels  y[b, h e + j, l] = x[b, h, l], j < e            x (B, H, L), y (B, H e, L)
//   MeanChannels    y[b, h, l] = 1/e sum_{j<e} x[b, h e + j, l]     x (B, H e, L), y (B, H, L)
//                   each the other's gradient, up to the factor 1/e
//
// Nothing is saved. Windows over time are summed in the type of x, which their few elements allow; those over features
// in double (core/sum.hpp).
#pragma once

#include <string>

#include "longwave/cuda/pool.hpp"
#include "longwave/ops/reduce.hpp"

namespace longwave {

// The view with `axis` cut in two: (.., K n, ..) -> (.., K, n, ..).
template <class T, int N, device D>
TensorView<T, N + 1, D> split_axis(TensorView<T, N, D> view, int axis, index_t n) {
  Extents<N + 1> sizes, strides;
  for (int i = 0, j = 0; i < N; ++i, ++j) {
    sizes[j] = view.size(i);
    strides[j] = view.stride(i);
    if (i != axis) continue;
    sizes[j] /= n;
    strides[j] *= n;
    sizes[++j] = n;
    strides[j] = view.stride(i);
  }
  return {view.data(), sizes, strides};
}

namespace impl {

// f(row of y, row of x) for every b and h.
template <class T, class F>
void each_row(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> x, F f) {
  const index_t H = y.size(1), length = std::max(x.size(2), y.size(2));
  parallel_blocks(y.size(0) * H, (index_t(1) << 14) / (length + 1), [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i)
      f(y.data() + i / H * y.stride(0) + i % H * y.stride(1), x.data() + i / H * x.stride(0) + i % H * x.stride(1));
  });
}

// y[m] = scale sum_{j<s} x[m s + j]
template <class T>
void window_sum(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> x, index_t s, T scale) {
  const index_t M = y.size(2), to = y.stride(2), from = x.stride(2);
  each_row(y, x, [=](T* out, const T* in) {
    for (index_t m = 0; m < M; ++m) {
      T sum = 0;
      for (index_t j = 0; j < s; ++j) sum += in[(m * s + j) * from];
      out[m * to] = scale * sum;
    }
  });
}

// y[l s + j] = scale x[l]; what follows the last window is 0.
template <class T>
void repeat_time(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> x, index_t s, T scale) {
  const index_t L = x.size(2), M = y.size(2), to = y.stride(2), from = x.stride(2);
  each_row(y, x, [=](T* out, const T* in) {
    for (index_t l = 0; l < L; ++l) {
      const T value = scale * in[l * from];
      for (index_t j = 0; j < s; ++j) out[(l * s + j) * to] = value;
    }
    for (index_t m = L * s; m < M; ++m) out[m * to] = 0;
  });
}

inline void check_factor(const char* op, const char* name, index_t factor) {
  if (factor < 1)
    throw_value_error(std::string(op) + ": " + name + " is " + std::to_string(factor) + ", expected at least 1");
}

}  // namespace impl

namespace ops {

struct AvgPool {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, index_t stride) {
    check_shape("avg_pool", "y", y, sizes(x.sizes(), stride), "BHM");
    impl::window_sum(y, x, stride, T(1) / static_cast<T>(stride));
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 3, D> dx, In<T, 3, D> dy, index_t stride) {
    if (!wanted(dx)) return;
    check_shape("avg_pool", "dy", dy, sizes(dx.sizes(), stride), "BHM");
    impl::repeat_time(dx, dy, stride, T(1) / static_cast<T>(stride));
  }

  static Extents<3> sizes(const Extents<3>& x, index_t stride) {
    impl::check_factor("avg_pool", "stride", stride);
    return {x[0], x[1], x[2] / stride};
  }
};

struct RepeatTime {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, index_t stride) {
    check_shape("repeat_time", "y", y, sizes(x.sizes(), stride), "BHL");
    impl::repeat_time(y, x, stride, T(1));
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 3, D> dx, In<T, 3, D> dy, index_t stride) {
    if (!wanted(dx)) return;
    check_shape("repeat_time", "dy", dy, sizes(dx.sizes(), stride), "BHL");
    impl::window_sum(dx, dy, stride, T(1));
  }

  static Extents<3> sizes(const Extents<3>& x, index_t stride) {
    impl::check_factor("repeat_time", "stride", stride);
    return {x[0], x[1], x[2] * stride};
  }
};

struct RepeatChannels {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, index_t expand) {
    check_shape("repeat_channels", "y", y, sizes(x.sizes(), expand), "BHL");
    impl::sum_backward(split_axis(y, 1, expand), with_axis(x, 2, expand), 1.0);
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 3, D> dx, In<T, 3, D> dy, index_t expand) {
    if (!wanted(dx)) return;
    check_shape("repeat_channels", "dy", dy, sizes(dx.sizes(), expand), "BHL");
    impl::sum_forward(with_axis(dx, 2), split_axis(dy, 1, expand), 1.0);
  }

  static Extents<3> sizes(const Extents<3>& x, index_t expand) {
    impl::check_factor("repeat_channels", "expand", expand);
    return {x[0], x[1] * expand, x[2]};
  }
};

struct MeanChannels {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, index_t expand) {
    check_shape("mean_channels", "y", y, sizes(x.sizes(), expand), "BHL");
    impl::sum_forward(with_axis(y, 2), split_axis(x, 1, expand), 1 / static_cast<double>(expand));
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 3, D> dx, In<T, 3, D> dy, index_t expand) {
    if (!wanted(dx)) return;
    check_shape("mean_channels", "dy", dy, sizes(dx.sizes(), expand), "BHL");
    impl::sum_backward(split_axis(dx, 1, expand), with_axis(dy, 2, expand), 1 / static_cast<double>(expand));
  }

  static Extents<3> sizes(const Extents<3>& x, index_t expand) {
    impl::check_factor("mean_channels", "expand", expand);
    if (x[1] % expand != 0)
      throw_shape_error("mean_channels: x is " + to_string(x, "BHL") +
                        ", H must be a multiple of expand=" + std::to_string(expand));
    return {x[0], x[1] / expand, x[2]};
  }
};

}  // namespace ops
}  // namespace longwave
