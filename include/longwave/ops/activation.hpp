// activation.hpp - functions of single numbers, each with its derivative: Gelu, Silu, Relu, LeakyRelu, Tanh, Sigmoid,
// Softplus, Hardswish, Hardtanh, Hardsigmoid, Hardshrink; and Glu, which gates one half of an axis with the other.
//
// x, y: same shape, any rank. A rule holds value(x) and slope(x) = dvalue/dx side by side; Unary<Rule> is the op:
//   y = value(x),   dx = dy slope(x).       Saves x. y may be x and dx may be dy.
// float error bounds: core/math.hpp. Views of bfloat16 are computed in float and rounded once, glu excepted.
#pragma once

#include "longwave/core/bfloat16.hpp"
#include "longwave/core/map.hpp"
#include "longwave/core/math.hpp"
#include "longwave/cuda/activation.hpp"

namespace longwave {

// Those that an option can name (nn/activation.hpp).
enum class Activation {
  none,
  gelu,
  relu,
  elu,
  tanh,
  sigmoid,
  silu,
  softplus,
  hardswish,
  hardtanh,
  hardsigmoid,
  hardshrink,
  glu
};

struct GeluRule {  // x Phi(x), Phi the normal distribution: the exact form with erf
  static constexpr const char* name = "gelu";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return x * math::normal(x).cdf;
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    const math::Normal<T> at = math::normal(x);
    return at.cdf + x * at.pdf;
  }
};

struct SiluRule {  // x s, s = sigmoid(x)
  static constexpr const char* name = "silu";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return x * math::sigmoid(x);
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    const T s = math::sigmoid(x);
    return s * (T(1) + x * (T(1) - s));
  }
};

struct ReluRule {  // max(x, 0); the slope at 0 is 0
  static constexpr const char* name = "relu";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::select(x <= T(0), T(0), x);  // a NaN stays
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(0), T(1), T(0));
  }
};

struct EluRule {  // x where x > 0, else e^x - 1
  static constexpr const char* name = "elu";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::select(x > T(0), x, math::expm1(x));
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(0), T(1), math::exp(x));
  }
};

struct LeakyReluRule {  // x where x > 0, else negative_slope x; the slope at 0 is negative_slope
  static constexpr const char* name = "leaky_relu";
  double negative_slope = 0.01;
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return x * slope(x);
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(0), T(1), static_cast<T>(negative_slope));
  }
};

struct TanhRule {
  static constexpr const char* name = "tanh";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::tanh(x);
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    const T y = math::tanh(x);
    return (T(1) - y) * (T(1) + y);
  }
};

struct SigmoidRule {  // 1 / (1 + e^-x)
  static constexpr const char* name = "sigmoid";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::sigmoid(x);
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::sigmoid(x) * math::sigmoid(-x);  // no cancellation at either end
  }
};

struct SoftplusRule {  // log(1 + e^x), linear above 20
  static constexpr const char* name = "softplus";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::select(x > T(20), x, math::softplus(x));
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(20), T(1), math::sigmoid(x));
  }
};

struct HardsigmoidRule {  // x / 6 + 1/2 within [0, 1]; flat from |x| = 3 on
  static constexpr const char* name = "hardsigmoid";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::select(x <= T(-3), T(0), math::select(x >= T(3), T(1), x / T(6) + T(0.5)));
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(-3) && x < T(3), T(1) / T(6), T(0));
  }
};

struct HardswishRule {  // x hardsigmoid(x)
  static constexpr const char* name = "hardswish";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return x * HardsigmoidRule().value(x);
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x <= T(-3), T(0), math::select(x >= T(3), T(1), x / T(3) + T(0.5)));
  }
};

struct HardtanhRule {  // x within [-1, 1]; flat from |x| = 1 on
  static constexpr const char* name = "hardtanh";
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::select(x <= T(-1), T(-1), math::select(x >= T(1), T(1), x));
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(x > T(-1) && x < T(1), T(1), T(0));
  }
};

struct HardshrinkRule {  // x where |x| > threshold, else 0
  static constexpr const char* name = "hardshrink";
  double threshold = 0.5;
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T value(T x) const {
    return math::select(shrinks(x), T(0), x);
  }
  template <class T>
  LONGWAVE_INLINE LONGWAVE_HD T slope(T x) const {
    return math::select(shrinks(x), T(0), T(1));
  }

 private:
  template <class T>
  LONGWAVE_HD bool shrinks(T x) const {
    return x >= static_cast<T>(-threshold) && x <= static_cast<T>(threshold);
  }
};

namespace impl {

template <class Rule, class T, int N>
void unary_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, Rule rule) {
  map_elements<1>([rule](T& out, T at) { out = T(rule.value(Arithmetic<T>(at))); }, y, x);
}

template <class Rule, class T, int N>
void unary_backward(TensorView<T, N, Host> dx, TensorView<const T, N, Host> dy, TensorView<const T, N, Host> x,
                    Rule rule) {
  map_elements<1>([rule](T& out, T incoming, T at) { out = T(incoming * rule.slope(Arithmetic<T>(at))); }, dx, dy, x);
}

// y = a s, s = sigmoid(b)
template <class T, int N>
void glu_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> a, TensorView<const T, N, Host> b) {
  map_elements<1>([](T& out, T left, T gate) { out = left * math::sigmoid(gate); }, y, a, b);
}

// da = dy s,   db = dy a s (1 - s)
template <class T, int N>
void glu_backward(TensorView<T, N, Host> da, TensorView<T, N, Host> db, TensorView<const T, N, Host> dy,
                  TensorView<const T, N, Host> a, TensorView<const T, N, Host> b) {
  map_elements<2>(
      [](T& dleft, T& dgate, T incoming, T left, T gate) {
        const T s = math::sigmoid(gate);
        dleft = incoming * s;
        dgate = incoming * left * s * (T(1) - s);
      },
      da, db, dy, a, b);
}

}  // namespace impl

namespace ops {

template <class Rule>
struct Unary {
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x, Rule rule = {}) {
    check_same_shape(Rule::name, "y", y, "x", x);
    impl::unary_forward(y, x, rule);
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N, D> dy, In<T, N, D> x, Rule rule = {}) {
    check_same_shape(Rule::name, "dx", dx, "x", x);
    check_same_shape(Rule::name, "dy", dy, "x", x);
    impl::unary_backward(dx, dy, x, rule);
  }
};

using Gelu = Unary<GeluRule>;
using Silu = Unary<SiluRule>;
using Relu = Unary<ReluRule>;
using LeakyRelu = Unary<LeakyReluRule>;  // LeakyRelu::forward(y, x, {.negative_slope = 0.2})
using Tanh = Unary<TanhRule>;
using Sigmoid = Unary<SigmoidRule>;
using Softplus = Unary<SoftplusRule>;
using Hardsigmoid = Unary<HardsigmoidRule>;
using Hardswish = Unary<HardswishRule>;
using Hardtanh = Unary<HardtanhRule>;
using Hardshrink = Unary<HardshrinkRule>;

// y = a sigmoid(b), where a and b are the first and second half of x along `axis` (negative: from the end):
// x (.., 2 K, ..), y (.., K, ..). dx is assigned and may be x's storage only if x is not needed again.
struct Glu {
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x, int axis) {
    axis = check("y", y.sizes(), x.sizes(), axis);
    const index_t half = y.size(axis);
    impl::glu_forward(y, x.slice(axis, 0, half), x.slice(axis, half, 2 * half));
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N, D> dy, In<T, N, D> x, int axis) {
    axis = check("dy", dy.sizes(), x.sizes(), axis);
    check_same_shape("glu", "dx", dx, "x", x);
    const index_t half = dy.size(axis);
    impl::glu_backward(dx.slice(axis, 0, half), dx.slice(axis, half, 2 * half), dy, x.slice(axis, 0, half),
                       x.slice(axis, half, 2 * half));
  }

  // The sizes of y for an x of these sizes.
  template <int N>
  static Extents<N> output_sizes(Extents<N> x, int axis) {
    axis = check_axis("glu", axis, N);
    if (x[axis] % 2 != 0)
      throw_shape_error("glu: axis " + std::to_string(axis) + " of x " + to_string(x) + " is odd; it is cut in halves");
    x[axis] /= 2;
    return x;
  }

 private:
  template <int N>
  static int check(const char* name, const Extents<N>& y, const Extents<N>& x, int axis) {
    const Extents<N> expected = output_sizes(x, axis);
    if (!(y == expected))
      throw_shape_error(std::string("glu: ") + name + " is " + to_string(y) + ", expected " + to_string(expected) +
                        " for x " + to_string(x));
    return check_axis("glu", axis, N);
  }
};

}  // namespace ops
}  // namespace longwave
