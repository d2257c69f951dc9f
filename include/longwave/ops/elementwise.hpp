// elementwise.hpp - Add, Sub, Mul, Div with broadcasting; Scale, Inverse, Exp, Log, Square, Sqrt, Abs of one tensor.
//
// Broadcasting is numpy's between equal ranks: along each axis a and b have the same size, or one of them has size 1
// and is repeated. y has the larger sizes; a gradient is summed over the axes where its operand was repeated.
// A rule holds value(a, b) and its two partial derivatives side by side; Binary<Rule> is the op:
//   y = value(a, b),   da = sum dy slope_a(a, b),   db = sum dy slope_b(a, b).       Saves a, b (Add, Sub: nothing).
// y may be an operand of the same shape.
#pragma once

#include "longwave/core/sum.hpp"
#include "longwave/cuda/elementwise.hpp"
#include "longwave/ops/activation.hpp"

namespace longwave {

template <int N>
Extents<N> broadcast_sizes(const char* op, const Extents<N>& a, const Extents<N>& b) {
  Extents<N> sizes;
  for (int axis = 0; axis < N; ++axis) {
    if (a[axis] != b[axis] && a[axis] != 1 && b[axis] != 1)
      throw_shape_error(std::string(op) + ": a " + to_string(a) + " and b " + to_string(b) + " differ along axis " +
                        std::to_string(axis) + ", and neither has size 1 there");
    sizes[axis] = a[axis] == 1 ? b[axis] : a[axis];
  }
  return sizes;
}

// `view` seen under larger sizes: axes of size 1 are repeated, with stride 0.
template <class T, int N, device D>
TensorView<T, N, D> broadcast(TensorView<T, N, D> view, const Extents<N>& sizes) {
  Extents<N> strides = view.strides();
  for (int axis = 0; axis < N; ++axis) {
    if (view.size(axis) == sizes[axis]) continue;
    if (view.size(axis) != 1)
      throw_shape_error("broadcast: " + to_string(view.sizes()) + " does not repeat into " + to_string(sizes));
    strides[axis] = 0;
  }
  return {view.data(), sizes, strides};
}

struct AddRule {
  static constexpr const char* name = "add";
  static constexpr bool linear = true;  // the slopes look at neither operand
  template <class T>
  LONGWAVE_HD T value(T a, T b) const {
    return a + b;
  }
  template <class T>
  LONGWAVE_HD T slope_a(T, T) const {
    return T(1);
  }
  template <class T>
  LONGWAVE_HD T slope_b(T, T) const {
    return T(1);
  }
};

struct SubRule {
  static constexpr const char* name = "sub";
  static constexpr bool linear = true;
  template <class T>
  LONGWAVE_HD T value(T a, T b) const {
    return a - b;
  }
  template <class T>
  LONGWAVE_HD T slope_a(T, T) const {
    return T(1);
  }
  template <class T>
  LONGWAVE_HD T slope_b(T, T) const {
    return T(-1);
  }
};

struct MulRule {
  static constexpr const char* name = "mul";
  static constexpr bool linear = false;
  template <class T>
  LONGWAVE_HD T value(T a, T b) const {
    return a * b;
  }
  template <class T>
  LONGWAVE_HD T slope_a(T, T b) const {
    return b;
  }
  template <class T>
  LONGWAVE_HD T slope_b(T a, T) const {
    return a;
  }
};

struct DivRule {
  static constexpr const char* name = "div";
  static constexpr bool linear = false;
  template <class T>
  LONGWAVE_HD T value(T a, T b) const {
    return a / b;
  }
  template <class T>
  LONGWAVE_HD T slope_a(T, T b) const {
    return T(1) / b;
  }
  template <class T>
  LONGWAVE_HD T slope_b(T a, T b) const {
    return -(a / b) / b;
  }
};

struct WeightedSumRule {  // a left + b right: how a residual joins
  static constexpr const char* name = "weighted_sum";
  static constexpr bool linear = true;
  double a = 1, b = 1;
  template <class T>
  LONGWAVE_HD T value(T left, T right) const {
    return static_cast<T>(a) * left + static_cast<T>(b) * right;
  }
  template <class T>
  LONGWAVE_HD T slope_a(T, T) const {
    return static_cast<T>(a);
  }
  template <class T>
  LONGWAVE_HD T slope_b(T, T) const {
    return static_cast<T>(b);
  }
};

namespace impl {

template <class Rule, class T, int N>
void binary_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> a, TensorView<const T, N, Host> b,
                    Rule rule) {
  map_elements<1>([rule](T& out, T left, T right) { out = rule.value(left, right); }, y, a, b);
}

// dx = sum of slope(dy, ..) over the axes along which dx has size 1 and dy has more.
template <class F, class T, int N, class... Views>
void binary_gradient(TensorView<T, N, Host> dx, F slope, TensorView<const T, N, Host> dy, Views... operands) {
  if (dx.sizes() == dy.sizes())
    map_elements<1>([slope](T& out, auto... at) { out = slope(at...); }, dx, dy, operands...);
  else
    sum_to(dx, 1.0, slope, dy, operands...);
}

// da and db may be left out; a and b already have the sizes of dy.
template <class Rule, class T, int N>
void binary_backward(TensorView<T, N, Host> da, TensorView<T, N, Host> db, TensorView<const T, N, Host> dy,
                     TensorView<const T, N, Host> a, TensorView<const T, N, Host> b, Rule rule) {
  if constexpr (Rule::linear) {
    if (wanted(da))
      binary_gradient(
          da, [rule](T in) { return in * rule.slope_a(T(), T()); }, dy);
    if (wanted(db))
      binary_gradient(
          db, [rule](T in) { return in * rule.slope_b(T(), T()); }, dy);
  } else {
    const SlopeA<Rule> slope_a{rule};
    const SlopeB<Rule> slope_b{rule};
    if (wanted(da) && wanted(db) && da.sizes() == db.sizes()) {  // then nothing was repeated: one pass for both
      map_elements<2>(
          [=](T& left_out, T& right_out, T in, T left, T right) {
            left_out = slope_a(in, left, right);
            right_out = slope_b(in, left, right);
          },
          da, db, dy, a, b);
    } else {
      if (wanted(da)) binary_gradient(da, slope_a, dy, a, b);
      if (wanted(db)) binary_gradient(db, slope_b, dy, a, b);
    }
  }
}

}  // namespace impl

namespace ops {

template <class Rule>
struct Binary {
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> a, In<T, N, D> b, Rule rule = {}) {
    const Extents<N> sizes = broadcast_sizes(Rule::name, a.sizes(), b.sizes());
    check_shape(Rule::name, "y", y, sizes);
    impl::binary_forward(y, broadcast(a, sizes), broadcast(b, sizes), rule);
  }

  // da and db are assigned; either may be left out.
  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> da, Out<T, N, D> db, In<T, N, D> dy, In<T, N, D> a, In<T, N, D> b,
                       Rule rule = {}) {
    const Extents<N> sizes = broadcast_sizes(Rule::name, a.sizes(), b.sizes());
    check_shape(Rule::name, "dy", dy, sizes);
    check_gradient(Rule::name, "da", da, a.sizes());
    check_gradient(Rule::name, "db", db, b.sizes());
    impl::binary_backward(da, db, dy, broadcast(a, sizes), broadcast(b, sizes), rule);
  }
};

using Add = Binary<AddRule>;
using Sub = Binary<SubRule>;
using Mul = Binary<MulRule>;
using Div = Binary<DivRule>;

}  // namespace ops

// --- one operand: see Unary in activation.hpp -------------------------------------------------------------------

struct ScaleRule {  // factor x + shift
  static constexpr const char* name = "scale";
  double factor = 1;
  double shift = 0;
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return static_cast<T>(factor) * x + static_cast<T>(shift);
  }
  template <class T>
  LONGWAVE_HD T slope(T) const {
    return static_cast<T>(factor);
  }
};

struct InverseRule {  // numerator / x
  static constexpr const char* name = "inverse";
  double numerator = 1;
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return static_cast<T>(numerator) / x;
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return -value(x) / x;
  }
};

struct ExpRule {
  static constexpr const char* name = "exp";
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return math::exp(x);
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return math::exp(x);
  }
};

struct LogRule {
  static constexpr const char* name = "log";
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return math::log(x);
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return T(1) / x;
  }
};

struct SquareRule {
  static constexpr const char* name = "square";
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return x * x;
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return T(2) * x;
  }
};

struct SqrtRule {  // the slope at 0 is infinite
  static constexpr const char* name = "sqrt";
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return std::sqrt(x);
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return T(0.5) / std::sqrt(x);
  }
};

struct AbsRule {  // the slope at 0 is 0
  static constexpr const char* name = "abs";
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return std::abs(x);
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(0), T(1), T(0)) - math::select(x < T(0), T(1), T(0));
  }
};

namespace ops {

using Scale = Unary<ScaleRule>;  // Scale::forward(y, x, {.factor = 2, .shift = 1})
using Inverse = Unary<InverseRule>;
using Exp = Unary<ExpRule>;
using Log = Unary<LogRule>;
using Square = Unary<SquareRule>;
using Sqrt = Unary<SqrtRule>;
using Abs = Unary<AbsRule>;

}  // namespace ops
}  // namespace longwave
