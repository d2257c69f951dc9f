// loss.hpp - Mse, L1, Huber, BceWithLogits, KlDiv between x and a target t of the same shape, any rank. CrossEntropy:
// see cross_entropy.hpp.
//
//   mse      (x - t)^2                               slope 2 (x - t)
//   l1       |x - t|                                 slope sign(x - t), 0 at 0
//   huber    d^2 / 2 up to d = |x - t| = delta,      slope x - t, cut to [-delta, delta]
//            then delta (d - delta / 2)
//   bce_with_logits  log(1 + e^x) - x t              slope sigmoid(x) - t;  with respect to t: -x
//   kl_div   t (log t - x), 0 at t = 0               slope -t;  with respect to t: log t + 1 - x, 0 at t = 0
//            x = log q, t = p: its sum is the divergence of p from q, Kullback and Leibler 1951
// Weights w (a mask; optional, shape of x) multiply each element:
//   sum: sum w l.   mean: sum w l / sum w.   none: w l, by forward_each.
// An element of weight 0 contributes exactly 0 and has gradient 0, even where x or t is NaN. A mean over nothing (an
// empty batch, weights that sum to 0) is a ValueError; on the device, where nobody waits for the sum of the weights, it
// is NaN, as are its gradients. Sums are carried in double in a fixed order.
#pragma once

#include "longwave/core/each.hpp"
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

// x = log q, t = p >= 0 (a negative one gives NaN).
struct KlDivRule {
  static constexpr const char* name = "kl_div";
  void check() const {}
  template <class T>
  LONGWAVE_HD T value(T x, T t) const {
    return math::select(t == T(0), T(0), t * (math::log(t) - x));
  }
  template <class T>
  LONGWAVE_HD T slope(T, T t) const {
    return -t;
  }
  template <class T>
  LONGWAVE_HD T slope_target(T x, T t) const {
    return math::select(t == T(0), T(0), math::log(t) + T(1) - x);
  }
};

namespace detail {

// w a, and exactly 0 where w is 0.
template <class T>
LONGWAVE_HD T weighted(T w, T a) {
  return math::select(w == T(0), T(0), w * a);
}

// Functors of both devices: a loss (to sum, or for each element) and its slopes, with and without weights.
template <class Rule>
struct LossValue {
  static constexpr const char* name = Rule::name;
  Rule rule;
  template <class T>
  LONGWAVE_HD T operator()(T x, T t) const {
    return rule.value(x, t);
  }
  template <class T>
  LONGWAVE_HD T operator()(T x, T t, T w) const {
    return weighted(w, rule.value(x, t));
  }
};

template <class Rule>
struct LossEach {
  static constexpr const char* name = Rule::name;
  Rule rule;
  template <class T>
  LONGWAVE_HD void operator()(T& y, T x, T t) const {
    y = rule.value(x, t);
  }
  template <class T>
  LONGWAVE_HD void operator()(T& y, T x, T t, T w) const {
    y = weighted(w, rule.value(x, t));
  }
};

template <class Rule, class T, bool of_target>
struct LossSlope {
  static constexpr const char* name = Rule::name;
  Rule rule;
  T factor;
  LONGWAVE_HD T slope(T x, T t) const {
    if constexpr (of_target)
      return rule.slope_target(x, t);
    else
      return rule.slope(x, t);
  }
  LONGWAVE_HD void operator()(T& dx, T dy, T x, T t) const { dx = factor * dy * slope(x, t); }
  LONGWAVE_HD void operator()(T& dx, T dy, T x, T t, T w) const { dx = weighted(w, factor * dy * slope(x, t)); }
};

// A mean on the device, which the host does not wait for: what divides is there. NaN over nothing.
template <class T, device D>
struct DividedByTotal {
  static constexpr const char* name = "loss";
  TensorView<T, 0, D> y;
  TensorView<const T, 0, D> x, total;
  LONGWAVE_HD void operator()(index_t) const { y() = total() > T(0) ? x() / total() : not_a_number<T>; }
};

}  // namespace detail

namespace impl {

template <class T, int N>
double weight_sum(TensorView<const T, N, Host> w) {
  T sum;
  sum_to(with_rank<N>(TensorView<T, 0>(&sum, Extents<0>())), 1.0, detail::Itself(), w);
  return static_cast<double>(sum);
}

// y = x / sum of w; y may be x.
template <class T, int N>
void divide_by_sum(TensorView<T, 0, Cuda> y, TensorView<const T, 0, Cuda> x, TensorView<const T, N, Cuda> w) {
  ScratchOn<Cuda> scratch;
  const TensorView<T, 0, Cuda> total = scratch.tensor<T>(Extents<0>());
  sum_to(with_rank<N>(total), 1.0, detail::Itself(), w);
  for_each_index<Cuda>(1, detail::DividedByTotal<T, Cuda>{y, x, total});
}

// w without data: all 1.
template <class Rule, class T, int N, device D>
void loss_sum(TensorView<T, N, D> y, double scale, TensorView<const T, N, D> x, TensorView<const T, N, D> t,
              TensorView<const T, N, D> w, Rule rule) {
  if (wanted(w))
    sum_to(y, scale, detail::LossValue<Rule>{rule}, x, t, w);
  else
    sum_to(y, scale, detail::LossValue<Rule>{rule}, x, t);
}

template <class Rule, class T, int N, device D>
void loss_each(TensorView<T, N, D> y, TensorView<const T, N, D> x, TensorView<const T, N, D> t,
               TensorView<const T, N, D> w, Rule rule) {
  if (wanted(w))
    map_elements<1>(detail::LossEach<Rule>{rule}, y, x, t, w);
  else
    map_elements<1>(detail::LossEach<Rule>{rule}, y, x, t);
}

// dx = scale dy w slope(x, t), dt the same with slope_target; either may be left out. dy repeats where it was summed.
template <class Rule, class T, int N, device D>
void loss_backward(TensorView<T, N, D> dx, TensorView<T, N, D> dt, TensorView<const T, N, D> dy, double scale,
                   TensorView<const T, N, D> x, TensorView<const T, N, D> t, TensorView<const T, N, D> w, Rule rule) {
  const auto assign = [&](TensorView<T, N, D> to, auto slope) {
    if (!wanted(to)) return;
    if (wanted(w))
      map_elements<1>(slope, to, dy, x, t, w);
    else
      map_elements<1>(slope, to, dy, x, t);
  };
  assign(dx, detail::LossSlope<Rule, T, false>{rule, static_cast<T>(scale)});
  assign(dt, detail::LossSlope<Rule, T, true>{rule, static_cast<T>(scale)});
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
    if constexpr (std::is_same_v<D, Cuda>)
      if (wanted(w) && reduction == Reduction::mean) impl::divide_by_sum(y, TensorView<const T, 0, D>(y), w);
  }

  // dx and dt are assigned; either may be left out.
  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, Out<T, N, D> dt, In<T, 0, D> dy, In<T, N, D> x, In<T, N, D> t,
                       In<T, N, D> w = {}, Reduction reduction = Reduction::mean, Rule rule = {}) {
    check<T, N, D>(x, t, w, rule);
    check_gradient(Rule::name, "dx", dx, x.sizes());
    check_gradient(Rule::name, "dt", dt, x.sizes());
    const double factor = scale<T, N, D>(x, w, reduction);
    if constexpr (std::is_same_v<D, Cuda>)
      if (wanted(w) && reduction == Reduction::mean) {
        ScratchOn<D> scratch;
        const TensorView<T, 0, D> share = scratch.template tensor<T>(Extents<0>());
        impl::divide_by_sum(share, dy, w);
        return impl::loss_backward(dx, dt, with_rank(TensorView<const T, 0, D>(share), &x.sizes()), factor, x, t, w,
                                   rule);
      }
    impl::loss_backward(dx, dt, with_rank(dy, &x.sizes()), factor, x, t, w, rule);
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

  // 1 for a mean with weights on the device, which divides by their sum there.
  template <class T, int N, device D>
  static double scale(In<T, N, D> x, In<T, N, D> w, Reduction reduction) {
    if (reduction == Reduction::sum) return 1;
    if (x.empty())
      throw_value_error(std::string(Rule::name) + ": mean over an empty batch, x is " + to_string(x.sizes()));
    double total = static_cast<double>(x.count());
    if constexpr (std::is_same_v<D, Host>) {
      if (wanted(w)) total = impl::weight_sum(w);
    } else {
      if (wanted(w)) return 1;
    }
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
using KlDiv = PointLoss<KlDivRule>;

}  // namespace ops
}  // namespace longwave
