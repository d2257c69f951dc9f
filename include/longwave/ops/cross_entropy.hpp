// cross_entropy.hpp - class scores x against integer classes c.
//
// x (B, K), c (B), or x (B, K, L), c (B, L): K classes along axis 1. With log p = log_softmax(x), smoothing s:
//   l = -(1 - s) log p_c - s / K sum_k log p_k          dl/dx_k = p_k - (1 - s) [k = c] - s / K
// Targets equal to `ignore` take no part; weights w (optional, shape of c) multiply the rest.
//   sum: sum w l.   mean: sum w l / sum w.   none: w l, by forward_each.
// A target without part contributes exactly 0 and has gradient 0, even where its scores are NaN. A mean over nothing is
// a ValueError, and so is a class outside 0 .. K-1; on the device, where nobody waits for them, either makes loss and
// gradient NaN.
//
// Saves `stats` (2, B[, L]): m = max_k x_k and sum_k e^(x_k - m), so that large scores cost no precision.
#pragma once

#include "longwave/cuda/cross_entropy.hpp"
#include "longwave/ops/loss.hpp"

namespace longwave {

struct CrossEntropyOptions {
  double smoothing = 0;
  index_t ignore = -100;
  Reduction reduction = Reduction::mean;
};

namespace impl {

// Here L = 1 where there is none: x (B, K, L), c (B, L), stats (2, B, L).

template <class I>
void check_classes(TensorView<I, 2, Host> c, index_t K, index_t ignore, bool sequence) {
  for (index_t b = 0; b < c.size(0); ++b)
    for (index_t l = 0; l < c.size(1); ++l) {
      const auto at = static_cast<index_t>(c(b, l));
      if (at == ignore || (at >= 0 && at < K)) continue;
      throw_value_error("cross_entropy: target (b=" + std::to_string(b) +
                        (sequence ? ", l=" + std::to_string(l) : std::string()) + ") is class " + std::to_string(at) +
                        ", expected 0 .. " + std::to_string(K - 1) + " or " + std::to_string(ignore) + " to ignore it");
    }
}

// v = w, or 1 without weights; 0 where c is ignored.
template <class T, class I>
void target_weights(TensorView<T, 2, Host> v, TensorView<I, 2, Host> c, TensorView<const T, 2, Host> w,
                    index_t ignore) {
  for (index_t b = 0; b < c.size(0); ++b)
    for (index_t l = 0; l < c.size(1); ++l)
      v(b, l) = static_cast<index_t>(c(b, l)) == ignore ? T(0) : wanted(w) ? w(b, l) : T(1);
}

// y (B, L) = v l
template <class T, class I>
void cross_entropy_forward(TensorView<T, 2, Host> y, TensorView<T, 3, Host> stats, TensorView<const T, 3, Host> x,
                           TensorView<I, 2, Host> c, TensorView<const T, 2, Host> v, double smoothing) {
  const index_t K = x.size(1), L = x.size(2);
  const TensorView<T, 2> m = stats[0], s = stats[1];
  max_and_sum(with_axis(m, 1), with_axis(s, 1), x, 1);
  Scratch scratch;
  const TensorView<T, 2> mean_x = scratch.tensor<T>(y.sizes());
  if (smoothing > 0) sum_to(with_axis(mean_x, 1), 1 / static_cast<double>(K), detail::Itself(), x);
  parallel_blocks(y.count(), 1 << 10, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const index_t b = i / L, l = i % L;
      y(b, l) = T(0);
      if (v(b, l) == T(0)) continue;
      const T top = m(b, l);
      T loss = math::log(s(b, l)) - static_cast<T>(1 - smoothing) * (x(b, static_cast<index_t>(c(b, l)), l) - top);
      if (smoothing > 0) loss -= static_cast<T>(smoothing) * (mean_x(b, l) - top);
      y(b, l) = v(b, l) * loss;
    }
  });
}

// dx = scale dy v (p - (1 - s) [k = c] - s / K)
template <class T, class I>
void cross_entropy_backward(TensorView<T, 3, Host> dx, TensorView<const T, 2, Host> dy, double scale,
                            TensorView<const T, 3, Host> stats, TensorView<const T, 3, Host> x,
                            TensorView<I, 2, Host> c, TensorView<const T, 2, Host> v, double smoothing) {
  const index_t K = x.size(1), L = x.size(2);
  Scratch scratch;
  const TensorView<T, 2> factor = scratch.tensor<T>(c.sizes());
  map_elements<1>([scale](T& out, T in, T weight) { out = detail::weighted(weight, static_cast<T>(scale) * in); },
                  factor, dy, v);
  const T share = static_cast<T>(smoothing / static_cast<double>(K));
  const auto over_classes = [K](TensorView<const T, 2> a) { return with_axis(a, 1, K); };
  map_elements<1>([share](T& out, T at, T top, T sum,
                          T weight) { out = detail::weighted(weight, math::exp(at - top) / sum - share); },
                  dx, x, over_classes(stats[0]), over_classes(stats[1]), over_classes(factor));
  parallel_blocks(c.count(), 1 << 10, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const index_t b = i / L, l = i % L;
      if (v(b, l) != T(0)) dx(b, static_cast<index_t>(c(b, l)), l) -= static_cast<T>(1 - smoothing) * factor(b, l);
    }
  });
}

template <class T>
double target_scale(TensorView<const T, 2, Host> v, Reduction reduction) {
  if (reduction == Reduction::sum) return 1;
  const double total = weight_sum(v);
  if (!(total > 0))
    throw_value_error("cross_entropy: mean over nothing: all " + std::to_string(v.count()) +
                      " targets are ignored or have weight 0");
  return 1 / total;
}

template <class T, class I>
void cross_entropy_reduced(TensorView<T, 0, Host> y, TensorView<T, 3, Host> stats, TensorView<const T, 3, Host> x,
                           TensorView<I, 2, Host> c, TensorView<const T, 2, Host> w,
                           const CrossEntropyOptions& options) {
  Scratch scratch;
  const TensorView<T, 2> v = scratch.tensor<T>(c.sizes()), each = scratch.tensor<T>(c.sizes());
  target_weights(v, c, w, options.ignore);
  const double factor = target_scale(TensorView<const T, 2>(v), options.reduction);
  cross_entropy_forward(each, stats, x, c, TensorView<const T, 2>(v), options.smoothing);
  sum_forward(with_rank<2>(y), TensorView<const T, 2>(each), factor);
}

template <class T, class I>
void cross_entropy_reduced_backward(TensorView<T, 3, Host> dx, TensorView<const T, 0, Host> dy,
                                    TensorView<const T, 3, Host> stats, TensorView<const T, 3, Host> x,
                                    TensorView<I, 2, Host> c, TensorView<const T, 2, Host> w,
                                    const CrossEntropyOptions& options) {
  Scratch scratch;
  const TensorView<T, 2> v = scratch.tensor<T>(c.sizes());
  target_weights(v, c, w, options.ignore);
  cross_entropy_backward(dx, with_rank(dy, &v.sizes()), target_scale(TensorView<const T, 2>(v), options.reduction),
                         stats, x, c, TensorView<const T, 2>(v), options.smoothing);
}

template <class T, class I>
void cross_entropy_each(TensorView<T, 2, Host> y, TensorView<T, 3, Host> stats, TensorView<const T, 3, Host> x,
                        TensorView<I, 2, Host> c, TensorView<const T, 2, Host> w, const CrossEntropyOptions& options) {
  Scratch scratch;
  const TensorView<T, 2> v = scratch.tensor<T>(c.sizes());
  target_weights(v, c, w, options.ignore);
  cross_entropy_forward(y, stats, x, c, TensorView<const T, 2>(v), options.smoothing);
}

template <class T, class I>
void cross_entropy_each_backward(TensorView<T, 3, Host> dx, TensorView<const T, 2, Host> dy,
                                 TensorView<const T, 3, Host> stats, TensorView<const T, 3, Host> x,
                                 TensorView<I, 2, Host> c, TensorView<const T, 2, Host> w,
                                 const CrossEntropyOptions& options) {
  Scratch scratch;
  const TensorView<T, 2> v = scratch.tensor<T>(c.sizes());
  target_weights(v, c, w, options.ignore);
  cross_entropy_backward(dx, dy, 1.0, stats, x, c, TensorView<const T, 2>(v), options.smoothing);
}

}  // namespace impl

namespace ops {

struct CrossEntropy {
  using Options = CrossEntropyOptions;

  // y: one number. stats is written for backward.
  template <class T, int N, device D, class I>
  static void forward(TensorView<T, 0, D> y, TensorView<T, N, D> stats, In<T, N, D> x, TensorView<I, N - 1, D> c,
                      In<T, N - 1, D> w = {}, Options options = {}) {
    check<T, N, D>(stats, x, c, w, options);
    impl::cross_entropy_reduced(y, planes(stats), planes(x), positions(c), positions(w), options);
  }

  // dx is assigned.
  template <class T, int N, device D, class I>
  static void backward(TensorView<T, N, D> dx, In<T, 0, D> dy, In<T, N, D> stats, In<T, N, D> x,
                       TensorView<I, N - 1, D> c, In<T, N - 1, D> w = {}, Options options = {}) {
    check<T, N, D>(stats, x, c, w, options);
    check_same_shape("cross_entropy", "dx", dx, "x", x);
    impl::cross_entropy_reduced_backward(planes(dx), dy, planes(stats), planes(x), positions(c), positions(w), options);
  }

  // The same without a reduction: y, dy have the shape of c.
  template <class T, int N, device D, class I>
  static void forward_each(Out<T, N - 1, D> y, TensorView<T, N, D> stats, In<T, N, D> x, TensorView<I, N - 1, D> c,
                           In<T, N - 1, D> w = {}, Options options = {}) {
    check<T, N, D>(stats, x, c, w, options);
    check_same_shape("cross_entropy", "y", y, "target", c);
    impl::cross_entropy_each(positions(y), planes(stats), planes(x), positions(c), positions(w), options);
  }

  template <class T, int N, device D, class I>
  static void backward_each(TensorView<T, N, D> dx, In<T, N - 1, D> dy, In<T, N, D> stats, In<T, N, D> x,
                            TensorView<I, N - 1, D> c, In<T, N - 1, D> w = {}, Options options = {}) {
    check<T, N, D>(stats, x, c, w, options);
    check_same_shape("cross_entropy", "dx", dx, "x", x);
    check_same_shape("cross_entropy", "dy", dy, "target", c);
    impl::cross_entropy_each_backward(planes(dx), positions(dy), planes(stats), planes(x), positions(c), positions(w),
                                      options);
  }

  // The sizes of stats for scores of these sizes: (2, B) or (2, B, L).
  template <int N>
  static Extents<N> stats_sizes(const Extents<N>& x) {
    Extents<N> sizes;
    sizes[0] = 2;
    sizes[1] = x[0];
    if constexpr (N == 3) sizes[2] = x[2];
    return sizes;
  }

 private:
  // (B, K) as (B, K, 1), (B) as (B, 1).
  template <class T, int N, device D>
  static TensorView<T, 3, D> planes(TensorView<T, N, D> x) {
    static_assert(N == 2 || N == 3, "cross_entropy: scores are (B, K) or (B, K, L)");
    if constexpr (N == 3)
      return x;
    else
      return with_axis(x, 2);
  }
  template <class T, int N, device D>
  static TensorView<T, 2, D> positions(TensorView<T, N, D> c) {
    if constexpr (N == 2)
      return c;
    else
      return with_axis(c, 1);
  }

  template <class T, int N, device D, class I>
  static void check(In<T, N, D> stats, In<T, N, D> x, TensorView<I, N - 1, D> c, In<T, N - 1, D> w, Options options) {
    constexpr const char* op = "cross_entropy";
    if (!(c.sizes() == without_axis(x.sizes(), 1)))
      throw_shape_error("cross_entropy: target is " + to_string(c.sizes()) + ", expected " +
                        to_string(without_axis(x.sizes(), 1)) + " for scores " + to_string(x.sizes(), "BKL"));
    check_shape(op, "stats", stats, stats_sizes(x.sizes()));
    if (wanted(w)) check_same_shape(op, "weights", w, "target", c);
    if (!(options.smoothing >= 0 && options.smoothing <= 1))
      throw_value_error("cross_entropy: smoothing is " + std::to_string(options.smoothing) + ", expected [0, 1]");
    impl::check_classes(positions(c), x.size(1), options.ignore, N == 3);
  }
};

}  // namespace ops
}  // namespace longwave
