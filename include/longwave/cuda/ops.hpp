// ops.hpp - the device's overloads of what the op fronts call. An op header includes this before its front, so that the
// front's call `impl::name(...)` finds Host and Cuda alike (docs/design/device_dispatch.md).
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link
// it fails with `undefined reference to longwave::cuda::<op><type>`. Ranks are taken away here, before that border, so
// that a kernel exists once per type and not once per rank.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/rows.hpp"

namespace longwave {

namespace cuda {

inline constexpr int max_rank = 8;

// K operands of one shape: axes that follow one another merged (core/rows.hpp), data[k] + sum index stride[k].
template <class T, int K>
struct Elements {
  T* data[K];
  index_t count;
  longwave::detail::RowPlan<max_rank, K> plan;

  template <int N, class... Views>
  explicit Elements(TensorView<T, N, Cuda> first, Views... others)
      : data{first.data(), const_cast<T*>(others.data())...},
        count(first.count()),
        plan(padded(first.sizes()), {padded(first.strides()), padded(others.strides())...}) {
    static_assert(sizeof...(Views) == K - 1);
    static_assert(N <= max_rank, "the device's elementwise kernels take up to 8 axes; reshape to fewer");
  }

  bool dense() const {
    bool all = plan.rank <= 1;
    for (int k = 0; k < K; ++k) all = all && (plan.rank == 0 || plan.strides[k][0] == 1);
    return all;
  }

 private:
  template <int N>
  static Extents<max_rank> padded(const Extents<N>& extents) {
    Extents<max_rank> all;
    for (int axis = 0; axis < max_rank; ++axis) all[axis] = axis < N ? extents[axis] : 1;
    return all;
  }
};

// ops/activation.hpp: operands y, x; dx, dy, x.
template <class Rule, class T>
void unary_forward(const Elements<T, 2>& elements, Rule rule);
template <class Rule, class T>
void unary_backward(const Elements<T, 3>& elements, Rule rule);

// ops/vandermonde.hpp
template <class T>
void vandermonde_forward(TensorView<T, 2, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 2, Cuda> v);
template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 2, Cuda> dv,
                          TensorView<const T, 2, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 2, Cuda> v);

}  // namespace cuda

namespace impl {

template <class Rule, class T, int N>
void unary_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> x, Rule rule) {
  cuda::unary_forward(cuda::Elements<T, 2>(y, x), rule);
}

template <class Rule, class T, int N>
void unary_backward(TensorView<T, N, Cuda> dx, TensorView<const T, N, Cuda> dy, TensorView<const T, N, Cuda> x,
                    Rule rule) {
  cuda::unary_backward(cuda::Elements<T, 3>(dx, dy, x), rule);
}

template <class T>
void vandermonde_forward(TensorView<T, 2, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 2, Cuda> v) {
  cuda::vandermonde_forward(K, x, v);
}

template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 2, Cuda> dv,
                          TensorView<const T, 2, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 2, Cuda> v) {
  cuda::vandermonde_backward(dx, dv, dK, x, v);
}

}  // namespace impl
}  // namespace longwave
