// loss.hpp - Mse, L1, Huber, BceWithLogits between x and a target t of the same shape, any rank. CrossEntropy: see
// cross_entropy.hpp.
//
//   mse      (x - t)^2                               slope 2 (x - t)
//   l1       |x - t|                                 slope sign(x - t), 0 at 0
//   huber    d^2 / 2 up to d = |x - t| = delta,      slope x - t, cut to [-delta, delta]
//            then delta (d - delta / 2)
//   bce_with_logits  log(1 + e^x) - x t              slope sigmoid(x) - t;  with respect to t: -x
// Weights w (a mask; optional, shape of x) multiply each element:
//   sum: sum w l.   mean: sum w l / sum w.   none: w l, by forward_each.
// An element of weight 0 contributes exactly 0 and has gradient 0, even where x or t is NaN. A mean over nothing (an
// empty batch, weights that sum to 0) is a ValueError. Sums are carried in double in a fixed order.
#pragma once

#include "longwave/ops/reduce.hpp"

namespace longwave {

enum class Reduction { mean, sum };

struct MseRule {
  static constexpr const char* name = "mse";
  void check() const {}
  template <class T>
  LONGWAVE_HD T value(T x, T t) const {
    return (x - t) * (x - t);
  }
  template <class T>
  LONGWAVE_HD T slope(T x, T t) const {
    return T(2) * (x - t);
  }
  template <class T>
  LONGWAVE_HD T slope_target(T x, T t) const {
    return -slope(x, t);
  }
};

struct L1Rule {
  static constexpr const char* name = "l1";
  void check() const {}
  template <class T>
  LONGWAVE_HD T value(T x, T t) const {
    return std::abs(x - t);
  }
  template <class T>
  LONGWAVE_HD T slope(T x, T t) const {
    return math::select(x > t, T(1), T(0)) - math::select(x < t, T(1), T(0));
  }
  template <class T>
  LONGWAVE_HD T slope_target(T x, T t) const {
    return -slope(x, t);
  }
};

struct HuberRule {
  static constexpr const char* name = "huber";
  double delta = 1;
  void check() const {
    if (!(delta > 0)) throw_value_error("huber: delta is " + std::to_string(delta) + ", expected more than 0");
  }
  template <class T>
  LONGWAVE_HD T value(T x, T t) const {
    const T c = static_cast<T>(delta), d = std::abs(x - t);
    return math::select(d > c, c * (d - T(0.5) * c), T(0.5) * d * d);
  }
  template <class T>
  LONGWAVE_HD T slope(T x, T t) const {
    const T c = static_cast<T>(delta), d = x - t;
    return math::select(d > c, c, math::select(d < -c, -c, d));
  }
  template <class T>
  LONGWAVE_HD T slope_target(T x, T t) const {
    return -slope(x, t);
  }
};

// For x > 0 written as (1 - t) x + log(1 + e^-x): no cancellation where t is 0 or 1.
struct BceWithLogitsRule {
  static constexpr const char* name = "bce_with_logits";
  void check() const {}
  template <class T>
  LONGWAVE_HD T value(T x, T t) const {
    return math::select(x < T(0), -x * t, x * (T(1) - t)) + math::softplus(-std::abs(x));
  }
  template <class T>
  LONGWAVE_HD T slope(T x, T t) const {
    return (T(1) - t) * math::sigmoid(x) - t * math::sigmoid(-x);
  }
  template <class T>
  LONGWAVE_HD T slope_target(T x, T) const {
    return -x;
  }
};

namespace detail {

// w a, and exactly 0 where w is 0.
template <class T>
LONGWAVE_HD T weighted(T w, T a) {
  return math::select(w == T(0), T(0), w * a);
}

}  // namespace detail

namespace impl {

template <class T, int N>
double weight_sum(TensorView<const T, N, Host> w) {
  T sum;
  sum_to(
      with_rank<N>(TensorView<T, 0>(&sum, Extents<0>())), 1.0, [](T at) { return at; }, w);
  return static_cast<double>(sum);
}

// w without data: all 1.
template <class Rule, class T, int N>
void loss_sum(TensorView<T, N, Host> y, double scale, TensorView<const T, N, Host> x, TensorView<const T, N, Host> t,
              TensorView<const T, N, Host> w, Rule rule) {
  if (wanted(w))
    sum_to(
        y, scale, [rule](T a, T b, T c) { return detail::weighted(c, rule.value(a, b)); }, x, t, w);
  else
    sum_to(
        y, scale, [rule](T a, T b) { return rule.value(a, b); }, x, t);
}

template <class Rule, class T, int N>
void loss_each(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, TensorView<const T, N, Host> t,
               TensorView<const T, N, Host> w, Rule rule) {
  if (wanted(w))
    map_elements<1>([rule](T& out, T a, T b, T c) { out = detail::weighted(c, rule.value(a, b)); }, y, x, t, w);
  else
    map_elements<1>([rule](T& out, T a, T b) { out = rule.value(a, b); }, y, x, t);
}

// dx = scale dy w slope(x, t), dt the same with slope_target; either may be left out. dy repeats where it was summed.
template <class Rule, class T, int N>
void loss_backward(TensorView<T, N, Host> dx, TensorView<T, N, Host> dt, TensorView<const T, N, Host> dy, double scale,
                   TensorView<const T, N, Host> x, TensorView<const T, N, Host> t, TensorView<const T, N, Host> w,
                   Rule rule) {
  const auto assign = [&](TensorView<T, N> to, auto slope) {
    const T factor = static_cast<T>(scale);
    if (!wanted(to)) return;
    if (wanted(w))
      map_elements<1>([=](T& out, T in, T a, T b, T c) { out = detail::weighted(c, factor * in * slope(a, b)); }, to,
                      dy, x, t, w);
    else
      map_elements<1>([=](T& out, T in, T a, T b) { out = factor * in * slope(a, b); }, to, dy, x, t);
  };
  assign(dx, [rule](T a, T b) { return rule.slope(a, b); });
  assign(dt, [rule](T a, T b) { return rule.slope_target(a, b); });
}

}  // namespace impl

namespace ops {

template <class Rule>
struct PointLoss {
  // y: one number. w: weights, or {}.
  template <class T, class U, int N, device D>
    requires std::is_same_v<std::remove_const_t<U>, T>
  static void forward(TensorView<T, 0, D> y, TensorView<U, N, D> x, In<T, N, D> t, In<T, N, D> w = {},
                      Reduction reduction = Reduction::mean, Rule rule = {}) {
    check<T, N, D>(x, t, w, rule);
    impl::loss_sum(with_rank<N>(y), scale<T, N, D>(x, w, reduction), TensorView<const T, N, D>(x), t, w, rule);
  }

  // dx and dt are assigned; either may be left out.
  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, Out<T, N, D> dt, In<T, 0, D> dy, In<T, N, D> x, In<T, N, D> t,
                       In<T, N, D> w = {}, Reduction reduction = Reduction::mean, Rule rule = {}) {
    check<T, N, D>(x, t, w, rule);
    check_gradient(Rule::name, "dx", dx, x.sizes());
    check_gradient(Rule::name, "dt", dt, x.sizes());
    impl::loss_backward(dx, dt, with_rank(dy, &x.sizes()), scale<T, N, D>(x, w, reduction), x, t, w, rule);
  }

  // The same without a reduction: y has the shape of x.
  template <class T, int N, device D>
  static void forward_each(TensorView<T, N, D> y, In<T, N, D> x, In<T, N, D> t, In<T, N, D> w = {}, Rule rule = {}) {
    check<T, N, D>(x, t, w, rule);
    check_same_shape(Rule::name, "y", y, "x", x);
    impl::loss_each(y, x, t, w, rule);
  }

  template <class T, int N, device D>
  static void backward_each(TensorView<T, N, D> dx, Out<T, N, D> dt, In<T, N, D> dy, In<T, N, D> x, In<T, N, D> t,
                            In<T, N, D> w = {}, Rule rule = {}) {
    check<T, N, D>(x, t, w, rule);
    check_same_shape(Rule::name, "dy", dy, "x", x);
    check_gradient(Rule::name, "dx", dx, x.sizes());
    check_gradient(Rule::name, "dt", dt, x.sizes());
    impl::loss_backward(dx, dt, dy, 1.0, x, t, w, rule);
  }

 private:
  template <class T, int N, device D>
  static void check(In<T, N, D> x, In<T, N, D> t, In<T, N, D> w, Rule rule) {
    check_same_shape(Rule::name, "x", x, "target", t);
    if (wanted(w)) check_same_shape(Rule::name, "weights", w, "x", x);
    rule.check();
  }

  template <class T, int N, device D>
  static double scale(In<T, N, D> x, In<T, N, D> w, Reduction reduction) {
    if (reduction == Reduction::sum) return 1;
    const double total = wanted(w) ? impl::weight_sum(w) : static_cast<double>(x.count());
    if (x.empty())
      throw_value_error(std::string(Rule::name) + ": mean over an empty batch, x is " + to_string(x.sizes()));
    if (!(total > 0))
      throw_value_error(std::string(Rule::name) + ": the weights " + to_string(w.sizes()) + " sum to " +
                        std::to_string(total) + "; a mean needs a positive sum");
    return 1 / total;
  }
};

using Mse = PointLoss<MseRule>;
using L1 = PointLoss<L1Rule>;
using Huber = PointLoss<HuberRule>;  // the last argument: {.delta = 0.5}
using BceWithLogits = PointLoss<BceWithLogitsRule>;

}  // namespace ops
}  // namespace longwave
