// typed_reduce.hpp - tests of sums, reductions along an axis and losses: bodies over the scalar type and the device.
// The oracle is the host's op in double on the same numbers.
#pragma once

#include "longwave/ops/cross_entropy.hpp"
#include "longwave/ops/loss.hpp"
#include "longwave/ops/reduce.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

// A tensor on the device and the same numbers in double on the host. Turned: its memory has the first and the last axis
// swapped, so the view is strided.
template <class T, int N, device D>
struct Given {
  bool turned;
  Tensor<T, N, D> there;
  Tensor<double, N> wide;

  Given(const Tensor<T, N>& values, bool is_turned) : turned(is_turned), wide(values.sizes()) {
    const auto in = turned ? values.view().transpose(0, N - 1) : values.view();
    Tensor<T, N> stored(in.sizes());
    copy(stored.view(), in);
    there = Place<D>::to(stored);
    for (index_t i = 0; i < values.count(); ++i) wide.data()[i] = static_cast<double>(values.data()[i]);
  }
  TensorView<const T, N, D> view() const {
    const TensorView<const T, N, D> v = there.view();
    return turned ? v.transpose(0, N - 1) : v;
  }
};

template <class T, device D, int N>
Given<T, N, D> given(Extents<N> sizes, std::uint64_t seed, bool turned = false, T deviation = 1) {
  return {random<T>(sizes, seed, deviation), turned};
}

// Where an op writes: NaN at first.
template <class T, int N, device D>
struct Result {
  bool turned;
  Tensor<T, N, D> there;

  explicit Result(Extents<N> sizes, bool is_turned = false) : turned(is_turned) {
    if (turned) std::swap(sizes[0], sizes[N > 0 ? N - 1 : 0]);
    there = unwritten<T, N, D>(sizes);
  }
  // Starts from these numbers: what an op adds to.
  explicit Result(const Tensor<T, N>& start) : turned(false), there(Place<D>::to(start)) {}

  TensorView<T, N, D> view() {
    if constexpr (N > 1)
      return turned ? there.view().transpose(0, N - 1) : there.view();
    else
      return there.view();
  }
  Tensor<T, N> back() const {
    Tensor<T, N> host = Place<D>::from(there);
    if constexpr (N > 1)
      if (turned) {
        Tensor<T, N> straight(host.view().transpose(0, N - 1).sizes());
        copy(straight.view(), host.view().transpose(0, N - 1));
        return straight;
      }
    return host;
  }
};

template <class T>
double sum_tolerance() {  // a few roundings of single values, in double of sums too
  return sizeof(T) == 4 ? 2e-6 : 1e-12;
}

// The error against `want`, or 0 for what has the same bits as `want` in the same type.
template <class T, int N, device D>
double error_of(const Result<T, N, D>& got, const Tensor<double, N>& want, double floor = 1.0) {
  return relative_error(got.back(), want, floor);
}

template <class T, device D>
void check_sum_to(Extents<3> sizes) {
  for (const bool turned : {false, true})
    for (int kept = 0; kept < 8; ++kept) {
      const auto a = given<T, D>(sizes, 1, turned), b = given<T, D>(sizes, 2);
      Extents<3> out;
      for (int axis = 0; axis < 3; ++axis) out[axis] = (kept >> axis & 1) != 0 ? sizes[axis] : 1;
      Tensor<double, 3> want(out), want_one(out);
      for (index_t i = 0; i < sizes[0]; ++i)
        for (index_t j = 0; j < sizes[1]; ++j)
          for (index_t k = 0; k < sizes[2]; ++k) {
            want(i % out[0], j % out[1], k % out[2]) += 0.5 * a.wide(i, j, k) * b.wide(i, j, k);
            want_one(i % out[0], j % out[1], k % out[2]) += a.wide(i, j, k);
          }
      Result<T, 3, D> got(out, turned), again(out, turned), one(out);
      sum_to(got.view(), 0.5, detail::Times(), a.view(), b.view());
      sum_to(again.view(), 0.5, detail::Times(), a.view(), b.view());
      sum_to(one.view(), 1.0, detail::Itself(), a.view());
      INFO(to_string(sizes) << " -> " << to_string(out) << (turned ? " turned" : ""));
      CHECK(error_of(got, want) <= sum_tolerance<T>());
      CHECK(error_of(one, want_one) <= sum_tolerance<T>());
      CHECK(relative_error(again.back(), got.back()) == 0);
    }
}

// Repeated operands, and more axes than merge.
template <class T, device D>
void check_sum_to_strides() {
  const auto a = given<T, D>(Extents(3, 4, 5, 6, 7), 3);
  const auto row = given<T, D>(Extents(7), 4);
  const TensorView<const T, 5, D> repeated(row.there.data(), a.there.sizes(), {0, 0, 0, 0, 1});
  const TensorView<const T, 5, D> mixed = a.view().transpose(0, 3).transpose(1, 4);  // (6, 7, 5, 3, 4)
  Tensor<double, 5> want(1, 4, 1, 6, 1), want_mixed(1, 7, 1, 3, 1);
  for (index_t i = 0; i < 3; ++i)
    for (index_t j = 0; j < 4; ++j)
      for (index_t k = 0; k < 5; ++k)
        for (index_t l = 0; l < 6; ++l)
          for (index_t m = 0; m < 7; ++m) {
            want(0, j, 0, l, 0) += a.wide(i, j, k, l, m) * row.wide(m);
            want_mixed(0, m, 0, i, 0) += a.wide(i, j, k, l, m);
          }
  Result<T, 5, D> got(want.sizes()), got_mixed(want_mixed.sizes());
  sum_to(got.view(), 1.0, detail::Times(), a.view(), repeated);
  sum_to(got_mixed.view(), 1.0, detail::Itself(), mixed);
  CHECK(error_of(got, want) <= sum_tolerance<T>());
  CHECK(error_of(got_mixed, want_mixed) <= sum_tolerance<T>());
}

// Every reduction along one axis with its gradient. A deviation of 30 brings differences of 100 between exponents.
template <class T, device D>
void check_along(Extents<3> sizes, int axis, bool turned, T deviation = 1) {
  INFO(to_string(sizes) << " axis " << axis << (turned ? " turned" : "") << " deviation " << deviation);
  const auto x = given<T, D>(sizes, 5, turned, deviation), dy = given<T, D>(sizes, 6, turned);
  const auto dr = given<T, D>(without_axis(sizes, axis), 7);
  const double tolerance = sum_tolerance<T>() * (1 + static_cast<double>(deviation));
  const auto whole = [&](auto op) {
    using Op = decltype(op);
    Tensor<double, 3> want(sizes), want_dx(sizes);
    Op::forward(want.view(), x.wide, axis);
    Op::backward(want_dx.view(), dy.wide, want, axis);
    Result<T, 3, D> y(sizes, turned), dx(sizes, turned), again(sizes, turned);
    Op::forward(y.view(), x.view(), axis);
    CHECK(error_of(y, want) <= tolerance);
    Op::backward(dx.view(), dy.view(), y.view(), axis);
    CHECK(error_of(dx, want_dx) <= 4 * tolerance);
    Op::backward(again.view(), dy.view(), y.view(), axis);
    CHECK(relative_error(again.back(), dx.back()) == 0);
  };
  whole(ops::Softmax());
  whole(ops::LogSoftmax());
  const auto sums = [&](auto op) {
    using Op = decltype(op);
    Tensor<double, 2> want(dr.wide.sizes());
    Tensor<double, 3> want_dx(sizes);
    Op::forward(want.view(), x.wide, axis);
    Op::backward(want_dx.view(), dr.wide, axis);
    Result<T, 2, D> y(want.sizes());
    Result<T, 3, D> dx(sizes, turned);
    Op::forward(y.view(), x.view(), axis);
    Op::backward(dx.view(), dr.view(), axis);
    CHECK(error_of(y, want) <= tolerance);
    CHECK(error_of(dx, want_dx) <= tolerance);
  };
  sums(ops::Sum());
  if (sizes[axis] > 0) sums(ops::Mean());
  Tensor<double, 2> want(dr.wide.sizes());
  Tensor<double, 3> want_dx(sizes);
  ops::LogSumExp::forward(want.view(), x.wide, axis);
  ops::LogSumExp::backward(want_dx.view(), dr.wide, x.wide, want, axis);
  Result<T, 2, D> y(want.sizes());
  Result<T, 3, D> dx(sizes, turned);
  ops::LogSumExp::forward(y.view(), x.view(), axis);
  ops::LogSumExp::backward(dx.view(), dr.view(), x.view(), y.view(), axis);
  if (sizes[axis] > 0) CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(dx, want_dx) <= 4 * tolerance);
}

template <class T, device D>
void check_over_all(Extents<3> sizes) {
  const auto x = given<T, D>(sizes, 8);
  const auto dy = given<T, D>(Extents<0>(), 9);
  Tensor<double, 0> want{Extents<0>()};
  Tensor<double, 3> want_dx(sizes);
  ops::Mean::forward(want.view(), x.wide.view());
  ops::Mean::backward(want_dx.view(), dy.wide);
  Result<T, 0, D> y{Extents<0>()};
  Result<T, 3, D> dx(sizes);
  ops::Mean::forward(y.view(), x.view());
  ops::Mean::backward(dx.view(), dy.there);
  INFO(to_string(sizes));
  CHECK(error_of(y, want, 0.1) <= sum_tolerance<T>());
  CHECK(error_of(dx, want_dx, 1e-30) <= sum_tolerance<T>());
}

// Infinities: -infinity has no share, NaN stays where it is.
template <class T, device D>
void check_softmax_limits() {
  const T inf = std::numeric_limits<T>::infinity();
  Tensor<T, 2> x(4, 3);
  const T rows[4][3] = {{-inf, 0, 0}, {-inf, -inf, -inf}, {T(1e4), 0, T(1e4)}, {1, T(std::nan("")), 2}};
  for (index_t i = 0; i < 4; ++i)
    for (index_t k = 0; k < 3; ++k) x(i, k) = rows[i][k];
  const auto there = Place<D>::to(x);
  Result<T, 2, D> y(x.sizes());
  Result<T, 1, D> total{Extents<1>{4}};
  ops::Softmax::forward(y.view(), there, 1);
  ops::LogSumExp::forward(total.view(), there, 1);
  const auto p = y.back();
  const auto l = total.back();
  CHECK(p(0, 0) == 0);
  CHECK(p(0, 1) == T(0.5));
  CHECK(std::isnan(p(1, 0)));
  CHECK(p(2, 2) == T(0.5));
  CHECK(std::isnan(p(3, 0)));
  CHECK(l(1) == -inf);
  CHECK(l(2) == Approx(1e4 + std::log(2.0)));
  CHECK(std::isnan(l(3)));
}

// --- losses ---------------------------------------------------------------------------------------------------

template <class T, device D, class Rule>
void check_loss(Rule rule, Extents<2> sizes, bool turned, bool weighted) {
  INFO(Rule::name << " " << to_string(sizes) << (turned ? " turned" : "") << (weighted ? " weighted" : ""));
  using Op = ops::PointLoss<Rule>;
  auto x_host = random<T>(sizes, 11), t_host = random<T>(sizes, 12), w_host = random<T>(sizes, 13);
  for (index_t i = 0; i < w_host.count(); ++i) {
    w_host.data()[i] = i % 3 == 0 ? T(0) : std::abs(w_host.data()[i]);
    if (weighted && i % 3 == 0) x_host.data()[i] = T(std::nan(""));  // takes no part
  }
  const Given<T, 2, D> x(x_host, turned), t(t_host, turned), w(w_host, turned), dy_each(t_host, false);
  const auto dy = given<T, D>(Extents<0>(), 14);
  const TensorView<const T, 2, D> no_weights;
  const TensorView<const double, 2> no_wide;
  const auto w_there = weighted ? w.view() : no_weights;
  const auto w_wide = weighted ? w.wide.view() : no_wide;
  const double tolerance = 4 * sum_tolerance<T>();
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    if (weighted && w.wide.count() == 1) continue;  // its only weight is 0
    Tensor<double, 0> want{Extents<0>()};
    Tensor<double, 2> want_dx(sizes), want_dt(sizes);
    Op::forward(want.view(), x.wide.view(), t.wide, w_wide, reduction, rule);
    Op::backward(want_dx.view(), want_dt.view(), dy.wide, x.wide, t.wide, w_wide, reduction, rule);
    Result<T, 0, D> y{Extents<0>()};
    Result<T, 2, D> dx(sizes, turned), dt(sizes, turned), alone(sizes);
    Op::forward(y.view(), x.view(), t.view(), w_there, reduction, rule);
    Op::backward(dx.view(), dt.view(), dy.there, x.view(), t.view(), w_there, reduction, rule);
    Op::backward(alone.view(), {}, dy.there, x.view(), t.view(), w_there, reduction, rule);
    CHECK(error_of(y, want, 1e-3) <= tolerance);
    CHECK(error_of(dx, want_dx, 1e-6) <= tolerance);
    CHECK(error_of(dt, want_dt, 1e-6) <= tolerance);
    CHECK(relative_error(alone.back(), dx.back()) == 0);
  }
  Tensor<double, 2> want(sizes), want_dx(sizes), want_dt(sizes);
  Op::forward_each(want.view(), x.wide, t.wide, w_wide, rule);
  Op::backward_each(want_dx.view(), want_dt.view(), dy_each.wide, x.wide, t.wide, w_wide, rule);
  Result<T, 2, D> y(sizes, turned), dx(sizes, turned), dt(sizes);
  Op::forward_each(y.view(), x.view(), t.view(), w_there, rule);
  Op::backward_each(dx.view(), dt.view(), dy_each.view(), x.view(), t.view(), w_there, rule);
  CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(dx, want_dx) <= tolerance);
  CHECK(error_of(dt, want_dt) <= tolerance);
}

template <class T, device D>
void check_losses() {
  for (const auto sizes : {Extents(1, 1), Extents(3, 5), Extents(16, 64), Extents(997, 13)})
    for (const bool turned : {false, true})
      for (const bool weighted : {false, true}) {
        check_loss<T, D>(MseRule(), sizes, turned, weighted);
        check_loss<T, D>(L1Rule(), sizes, turned, weighted);
        check_loss<T, D>(HuberRule{0.7}, sizes, turned, weighted);
        check_loss<T, D>(BceWithLogitsRule(), sizes, turned, weighted);
      }
}

template <class I, int N>
Tensor<I, N> some_classes(Extents<N> sizes, index_t K, index_t ignore) {
  Tensor<I, N> c(sizes);
  for (index_t i = 0; i < c.count(); ++i) c.data()[i] = static_cast<I>(i % 5 == 3 ? ignore : (7 * i + i / 3) % K);
  return c;
}

// Scores (B, K, L) or, for N = 2, (B, K).
template <class T, device D, class I, int N>
void check_cross_entropy(Extents<N> sizes, bool turned, bool weighted, double smoothing) {
  INFO(to_string(sizes) << (turned ? " turned" : "") << (weighted ? " weighted" : "") << " smoothing " << smoothing);
  using Op = ops::CrossEntropy;
  const Extents<N - 1> positions = without_axis(sizes, 1);
  const auto x = given<T, D>(sizes, 15, turned, T(3));
  auto w_host = random<T>(positions, 16);
  for (index_t i = 0; i < w_host.count(); ++i) w_host.data()[i] = std::abs(w_host.data()[i]);
  const Given<T, N - 1, D> w(w_host, false);
  const auto dy_each = given<T, D>(positions, 17);
  const auto dy = given<T, D>(Extents<0>(), 18);
  const auto c_host = some_classes<I>(positions, sizes[1], -100);
  const auto c = Place<D>::to(c_host);
  const auto w_there = weighted ? w.view() : TensorView<const T, N - 1, D>();
  const auto w_wide = weighted ? w.wide.view() : TensorView<const double, N - 1>();
  const Extents<N> stats_sizes = Op::stats_sizes(sizes);
  Tensor<double, N> stats(stats_sizes), want_dx(sizes);
  Result<T, N, D> stats_there(stats_sizes);
  const double tolerance = 8 * sum_tolerance<T>();
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    CrossEntropyOptions options;
    options.smoothing = smoothing;
    options.reduction = reduction;
    Tensor<double, 0> want{Extents<0>()};
    Op::forward(want.view(), stats.view(), x.wide, c_host.view(), w_wide, options);
    Op::backward(want_dx.view(), dy.wide, stats, x.wide, c_host.view(), w_wide, options);
    Result<T, 0, D> y{Extents<0>()};
    Result<T, N, D> dx(sizes, turned), again(sizes, turned);
    Op::forward(y.view(), stats_there.view(), x.view(), c.view(), w_there, options);
    Op::backward(dx.view(), dy.there, stats_there.view(), x.view(), c.view(), w_there, options);
    Op::backward(again.view(), dy.there, stats_there.view(), x.view(), c.view(), w_there, options);
    CHECK(error_of(y, want) <= tolerance);
    CHECK(error_of(dx, want_dx, 1e-6) <= tolerance);
    CHECK(relative_error(again.back(), dx.back()) == 0);
  }
  CrossEntropyOptions options;
  options.smoothing = smoothing;
  Tensor<double, N - 1> want(positions);
  Op::forward_each(want.view(), stats.view(), x.wide, c_host.view(), w_wide, options);
  Op::backward_each(want_dx.view(), dy_each.wide, stats, x.wide, c_host.view(), w_wide, options);
  Result<T, N - 1, D> y(positions);
  Result<T, N, D> dx(sizes, turned);
  Op::forward_each(y.view(), stats_there.view(), x.view(), c.view(), w_there, options);
  Op::backward_each(dx.view(), dy_each.view(), stats_there.view(), x.view(), c.view(), w_there, options);
  CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(dx, want_dx) <= tolerance);
}

template <class T, device D>
void check_cross_entropies() {
  for (const bool turned : {false, true})
    for (const bool weighted : {false, true})
      for (const double smoothing : {0.0, 0.1}) {
        check_cross_entropy<T, D, index_t>(Extents(1, 2), turned, weighted, smoothing);
        check_cross_entropy<T, D, index_t>(Extents(31, 10), turned, weighted, smoothing);
        check_cross_entropy<T, D, std::int32_t>(Extents(600, 10), turned, weighted, smoothing);
        check_cross_entropy<T, D, std::int32_t>(Extents(7, 1203), turned, weighted, smoothing);
        check_cross_entropy<T, D, index_t>(Extents(3, 10, 37), turned, weighted, smoothing);
        check_cross_entropy<T, D, index_t>(Extents(2, 65, 100), turned, weighted, smoothing);
        check_cross_entropy<T, D, index_t>(Extents(4, 5, 1), turned, weighted, smoothing);
      }
}

// On the device: what is an error on the host is NaN, in the loss and in the gradient of that target alone.
template <class T, device D>
void check_unknown_classes() {
  const auto x = given<T, D>(Extents(3, 4), 19);
  Tensor<index_t, 1> c(3);
  c(0) = 1;
  c(1) = 4;
  c(2) = -100;
  const auto classes = Place<D>::to(c);
  const auto dy = given<T, D>(Extents<0>(), 20);
  Result<T, 0, D> y{Extents<0>()};
  Result<T, 2, D> stats(Extents(2, 3)), dx(Extents(3, 4));
  ops::CrossEntropy::forward(y.view(), stats.view(), x.view(), classes.view());
  ops::CrossEntropy::backward(dx.view(), dy.there, stats.view(), x.view(), classes.view());
  CHECK(std::isnan(y.back()()));
  const auto slope = dx.back();
  CHECK(std::isfinite(slope(0, 0)));
  CHECK(std::isnan(slope(1, 2)));
  CHECK(slope(2, 0) == 0);
  for (index_t i = 0; i < 3; ++i) c(i) = -100;
  const auto none = Place<D>::to(c);
  ops::CrossEntropy::forward(y.view(), stats.view(), x.view(), none.view());
  CHECK(std::isnan(y.back()()));
  const Tensor<T, 2, D> no_weight(3, 4);
  ops::Mse::forward(y.view(), x.view(), x.view(), no_weight.view());
  CHECK(std::isnan(y.back()()));
}

template <class T, device D>
void check_reduce_shapes_are_named() {
  const Tensor<T, 2, D> x(2, 3), t(3, 2);
  Tensor<T, 1, D> y(4);
  Tensor<T, 0, D> loss{Extents<0>()};
  CHECK(error_text<ShapeError>([&] { ops::Sum::forward(y.view(), x, 1); }) == "sum: y is (4), expected (2)");
  CHECK(error_text<ShapeError>([&] { ops::LogSumExp::forward(y.view(), x, 2); }) ==
        "logsumexp: axis 2 of a tensor of rank 2");
  CHECK(error_text<ShapeError>([&] { ops::Mse::forward(loss.view(), x.view(), t); }) ==
        "mse: x and target differ in shape: x is (2, 3), target is (3, 2)");
  const Tensor<T, 2, D> empty(0, 3);
  CHECK(error_text<ValueError>([&] { ops::Mse::forward(loss.view(), empty.view(), empty); }) ==
        "mse: mean over an empty batch, x is (0, 3)");
}

}  // namespace longwave::test
