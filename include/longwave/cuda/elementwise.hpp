// elementwise.hpp - the device's overloads of what ops/elementwise.hpp calls for two operands, which includes this
// before its front. Defined in longwave::cuda for its rules; a rule of your own: kernels/elementwise.cuh.
#pragma once

#include "longwave/core/sum.hpp"

namespace longwave {

namespace impl {

// What is summed, or stored, for one operand of a rule: dy slope(a, b). Of both devices.
template <class Rule>
struct SlopeA {
  Rule rule;
  template <class T>
  LONGWAVE_HD T operator()(T dy, T a, T b) const {
    return dy * rule.slope_a(a, b);
  }
};
template <class Rule>
struct SlopeB {
  Rule rule;
  template <class T>
  LONGWAVE_HD T operator()(T dy, T a, T b) const {
    return dy * rule.slope_b(a, b);
  }
};

}  // namespace impl

namespace cuda {

// Operands y, a, b.
template <class Rule, class T>
void binary_forward(const Elements<T, 3>& elements, Rule rule);

// Gradients of operands that were not repeated: da, db, dy, a, b; dx, dy, a, b with Slope one of the above; and for
// linear rules da, db, dy.
template <class Rule, class T>
void binary_backward(const Elements<T, 5>& elements, Rule rule);
template <class Slope, class T>
void binary_slope(const Elements<T, 4>& elements, Slope slope);
template <class T>
void scaled_twice(const Elements<T, 3>& elements, double factor_a, double factor_b);
template <class T>
void scaled(const Elements<T, 2>& elements, double factor);

}  // namespace cuda

namespace impl {

template <class Rule, class T, int N>
void binary_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> a, TensorView<const T, N, Cuda> b,
                    Rule rule) {
  cuda::binary_forward(cuda::Elements<T, 3>(y, a, b), rule);
}

template <class Slope, class T, int N>
void binary_gradient(TensorView<T, N, Cuda> dx, Slope slope, TensorView<const T, N, Cuda> dy,
                     TensorView<const T, N, Cuda> a, TensorView<const T, N, Cuda> b) {
  if (dx.sizes() == dy.sizes())
    cuda::binary_slope(cuda::Elements<T, 4>(dx, dy, a, b), slope);
  else
    sum_to(dx, 1.0, slope, dy, a, b);
}

template <class T, int N>
void linear_gradient(TensorView<T, N, Cuda> dx, double factor, TensorView<const T, N, Cuda> dy) {
  if (dx.sizes() == dy.sizes())
    cuda::scaled(cuda::Elements<T, 2>(dx, dy), factor);
  else
    sum_to(dx, factor, longwave::detail::Itself(), dy);
}

// da and db may be left out; a and b already have the sizes of dy.
template <class Rule, class T, int N>
void binary_backward(TensorView<T, N, Cuda> da, TensorView<T, N, Cuda> db, TensorView<const T, N, Cuda> dy,
                     TensorView<const T, N, Cuda> a, TensorView<const T, N, Cuda> b, Rule rule) {
  const bool together = wanted(da) && wanted(db) && da.sizes() == dy.sizes() && db.sizes() == dy.sizes();
  if constexpr (Rule::linear) {
    const double factor_a = static_cast<double>(rule.slope_a(T(), T())),
                 factor_b = static_cast<double>(rule.slope_b(T(), T()));
    if (together) {
      cuda::scaled_twice(cuda::Elements<T, 3>(da, db, dy), factor_a, factor_b);
    } else {
      if (wanted(da)) linear_gradient(da, factor_a, dy);
      if (wanted(db)) linear_gradient(db, factor_b, dy);
    }
  } else if (together) {
    cuda::binary_backward(cuda::Elements<T, 5>(da, db, dy, a, b), rule);
  } else {
    if (wanted(da)) binary_gradient(da, SlopeA<Rule>{rule}, dy, a, b);
    if (wanted(db)) binary_gradient(db, SlopeB<Rule>{rule}, dy, a, b);
  }
}

}  // namespace impl
}  // namespace longwave
