// dropout.hpp - the device's overloads of what ops/dropout.hpp calls, which includes this before its fronts. Defined in
// longwave::cuda; after a rule of your own: kernels/dropout.cuh.
//
// In a graph's replay each op makes the numbers of a draw of its own (Advance in stream.hpp).
#pragma once

#include "longwave/core/random.hpp"
#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

struct DropoutDraw {
  PhiloxKey key;
  double p;
  index_t tied;  // elements that share a draw, one row; 0: each has its own
};

// y = scale x k / (1 - p). Operands y, x.
template <class T>
void dropout(const Elements<T, 2>& elements, DropoutDraw draw, double scale);

// Operands y, x; dx, dy, x.
template <class Rule, class T>
void dropout_after_forward(const Elements<T, 2>& elements, DropoutDraw draw, Rule rule);
template <class Rule, class T>
void dropout_after_backward(const Elements<T, 3>& elements, DropoutDraw draw, Rule rule);

// Operands z, x, y; dx, dy, dz.
template <class T>
void dropout_sum_forward(const Elements<T, 3>& elements, DropoutDraw draw, double a, double b);
template <class T>
void dropout_sum_backward(const Elements<T, 3>& elements, DropoutDraw draw, double a, double b);

template <int N>
DropoutDraw dropout_draw(const Extents<N>& sizes, PhiloxKey key, double p, bool tied) {
  return {key, p, tied && N > 0 ? sizes[N > 0 ? N - 1 : 0] : 0};
}

}  // namespace cuda

namespace impl {

template <class T, int N>
void dropout(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> x, PhiloxKey key, double p, bool tied) {
  cuda::dropout(cuda::Elements<T, 2>(y, x), cuda::dropout_draw(y.sizes(), key, p, tied), 1);
}

template <class Rule, class T, int N>
void dropout_after_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> x, PhiloxKey key, double p, bool tied,
                           Rule rule) {
  cuda::dropout_after_forward(cuda::Elements<T, 2>(y, x), cuda::dropout_draw(y.sizes(), key, p, tied), rule);
}

template <class Rule, class T, int N>
void dropout_after_backward(TensorView<T, N, Cuda> dx, TensorView<const T, N, Cuda> dy, TensorView<const T, N, Cuda> x,
                            PhiloxKey key, double p, bool tied, Rule rule) {
  cuda::dropout_after_backward(cuda::Elements<T, 3>(dx, dy, x), cuda::dropout_draw(dx.sizes(), key, p, tied), rule);
}

template <class T, int N>
void dropout_sum_forward(TensorView<T, N, Cuda> z, TensorView<const T, N, Cuda> x, TensorView<const T, N, Cuda> y,
                         double a, double b, PhiloxKey key, double p, bool tied) {
  cuda::dropout_sum_forward(cuda::Elements<T, 3>(z, x, y), cuda::dropout_draw(z.sizes(), key, p, tied), a, b);
}

// dx and dy may be left out.
template <class T, int N>
void dropout_sum_backward(TensorView<T, N, Cuda> dx, TensorView<T, N, Cuda> dy, TensorView<const T, N, Cuda> dz,
                          double a, double b, PhiloxKey key, double p, bool tied) {
  const cuda::DropoutDraw draw = cuda::dropout_draw(dz.sizes(), key, p, tied);
  if (wanted(dx) && wanted(dy))
    cuda::dropout_sum_backward(cuda::Elements<T, 3>(dx, dy, dz), draw, a, b);
  else if (wanted(dy))
    cuda::dropout(cuda::Elements<T, 2>(dy, dz), draw, b);
  else if (wanted(dx))
    cuda::dropout(cuda::Elements<T, 2>(dx, dz), cuda::DropoutDraw{key, 0, 0}, a);
}

}  // namespace impl
}  // namespace longwave
