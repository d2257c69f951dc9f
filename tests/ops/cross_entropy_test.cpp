#include "longwave/ops/cross_entropy.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Classes (B, L) that use every class, a few of them `ignore`.
Tensor<std::int64_t, 2> classes(index_t B, index_t L, index_t K, std::int64_t ignore) {
  Tensor<std::int64_t, 2> c(B, L);
  for (index_t i = 0; i < c.count(); ++i) c.data()[i] = i % 5 == 3 ? ignore : (i * 7) % K;
  return c;
}

struct Want {
  double sum = 0;
  double weights = 0;
};

// By the definition, in double.
template <class T>
Want oracle(TensorView<const T, 3> x, TensorView<const std::int64_t, 2> c, const Tensor<T, 2>* w,
            CrossEntropyOptions options, Tensor<double, 2>& each) {
  Want want;
  const index_t K = x.size(1);
  for (index_t b = 0; b < x.size(0); ++b)
    for (index_t l = 0; l < x.size(2); ++l) {
      each(b, l) = 0;
      if (c(b, l) == options.ignore) continue;
      double m = -INFINITY, s = 0, mean = 0;
      for (index_t k = 0; k < K; ++k) m = std::max(m, static_cast<double>(x(b, k, l)));
      for (index_t k = 0; k < K; ++k) s += std::exp(static_cast<double>(x(b, k, l)) - m);
      const auto log_p = [&](index_t k) { return static_cast<double>(x(b, k, l)) - m - std::log(s); };
      for (index_t k = 0; k < K; ++k) mean += log_p(k) / static_cast<double>(K);
      const double weight = w != nullptr ? static_cast<double>((*w)(b, l)) : 1.0;
      each(b, l) = -weight * ((1 - options.smoothing) * log_p(c(b, l)) + options.smoothing * mean);
      want.sum += each(b, l);
      want.weights += weight;
    }
  return want;
}

template <class T>
void check_values(index_t B, index_t K, index_t L, CrossEntropyOptions options, bool turned) {
  INFO("B=" << B << " K=" << K << " L=" << L << " smoothing " << options.smoothing);
  Tensor<T, 3> storage = random<T>(turned ? Extents(B, L, K) : Extents(B, K, L), 41, T(3));
  const TensorView<const T, 3> x = turned ? storage.view().transpose(1, 2) : storage.view();
  const auto c = classes(B, L, K, options.ignore);
  Tensor<T, 2> w(B, L), each(B, L);
  Generator(42).uniform(w.view());
  Tensor<T, 3> stats(2, B, L);
  Tensor<T, 0> y{Extents<0>()};
  Tensor<double, 2> want_each(B, L);
  const double eps = std::is_same_v<T, float> ? 1e-6 : 1e-13;
  for (const Tensor<T, 2>* weights :
       {static_cast<const Tensor<T, 2>*>(nullptr), static_cast<const Tensor<T, 2>*>(&w)}) {
    const Want want = oracle(x, c.view(), weights, options, want_each);
    const TensorView<const T, 2> given = weights != nullptr ? weights->view() : TensorView<const T, 2>();
    options.reduction = Reduction::mean;
    ops::CrossEntropy::forward(y.view(), stats.view(), x, c.view(), given, options);
    CHECK(y() == Approx(want.sum / want.weights).epsilon(eps));
    options.reduction = Reduction::sum;
    ops::CrossEntropy::forward(y.view(), stats.view(), x, c.view(), given, options);
    CHECK(y() == Approx(want.sum).epsilon(eps));
    ops::CrossEntropy::forward_each(each.view(), stats.view(), x, c.view(), given, options);
    CHECK(relative_error(each, want_each) <= eps);
  }
}

}  // namespace

TEST_CASE("cross_entropy: values with smoothing, ignored targets and weights, dense and turned") {
  for (const double smoothing : {0.0, 0.1, 1.0})
    for (const bool turned : {false, true}) {
      check_values<float>(4, 5, 7, {.smoothing = smoothing}, turned);
      check_values<double>(4, 5, 7, {.smoothing = smoothing, .ignore = 2}, turned);
      check_values<double>(1, 1, 1, {.smoothing = smoothing}, turned);
      check_values<float>(3, 10, 101, {.smoothing = smoothing}, turned);
      check_values<float>(31, 257, 1, {.smoothing = smoothing}, turned);
    }
}

TEST_CASE("cross_entropy: gradient for (B, K) and (B, K, L)") {
  auto x2 = random<double>(Extents(6, 5), 43);
  auto x3 = random<double>(Extents(2, 5, 4), 44);
  auto w = random<double>(Extents(2, 4), 45);
  for (index_t i = 0; i < w.count(); ++i) w.data()[i] = std::abs(w.data()[i]);
  const auto c = classes(2, 4, 5, -100);
  Tensor<int, 1> c1(6);
  for (index_t i = 0; i < 6; ++i) c1(i) = static_cast<int>(i * 2 % 5);
  for (const double smoothing : {0.0, 0.2})
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      const CrossEntropyOptions options{.smoothing = smoothing, .reduction = reduction};
      CHECK(grad_check([&](auto&, auto x) { return cross_entropy(x, c1.view(), options); }, x2).error < 1e-8);
      CHECK(grad_check([&](auto&, auto x) { return cross_entropy(x, c.view(), options); }, x3).error < 1e-8);
      const auto weighted = [&](auto& tape, auto x) { return cross_entropy(x, c.view(), options, tape.input(w)); };
      CHECK(grad_check(weighted, x3).error < 1e-8);
      CHECK(grad_check([&](auto&, auto x) { return cross_entropy_each(x, c.view(), options); }, x3).error < 1e-8);
    }
}

TEST_CASE("cross_entropy: scores of a thousand keep their precision") {
  Tensor<float, 2> x(1, 3), stats(2, 1), dx(1, 3);
  Tensor<std::int64_t, 1> c(1);
  Tensor<float, 0> y{Extents<0>()}, dy{Extents<0>()};
  dy() = 1;
  x(0, 0) = 1000;
  x(0, 1) = 1001;
  x(0, 2) = -1000;
  ops::CrossEntropy::forward(y.view(), stats.view(), x, c.view());
  ops::CrossEntropy::backward(dx.view(), dy, stats, x, c.view());
  CHECK(y() == Approx(1 + std::log1p(std::exp(-1.0))).epsilon(1e-6));
  CHECK(dx(0, 1) == Approx(1 / (1 + std::exp(-1.0))).epsilon(1e-6));
  CHECK(dx(0, 2) == 0);
}

TEST_CASE("cross_entropy: ignored targets take no part even if their scores are NaN") {
  Tensor<float, 2> x(2, 3), stats(2, 2), dx(2, 3);
  Tensor<std::int64_t, 1> c(2);
  Tensor<float, 0> y{Extents<0>()}, dy{Extents<0>()};
  dy() = 1;
  c(1) = -100;
  x(1, 2) = NAN;
  ops::CrossEntropy::forward(y.view(), stats.view(), x, c.view());
  ops::CrossEntropy::backward(dx.view(), dy, stats, x, c.view());
  CHECK(y() == Approx(std::log(3.0)).epsilon(1e-6));
  CHECK(dx(0, 0) == Approx(-2.0 / 3).epsilon(1e-6));
  for (index_t k = 0; k < 3; ++k) CHECK(dx(1, k) == 0);
}

TEST_CASE("cross_entropy: classes out of range, nothing to average and wrong shapes are named") {
  Tensor<float, 3> x(2, 3, 4), stats(2, 2, 4), wrong(2, 4, 2);
  Tensor<std::int64_t, 2> c(2, 4), short_c(2, 3);
  Tensor<float, 0> y{Extents<0>()};
  const auto run = [&](auto& target, CrossEntropyOptions options = {}) {
    return error_text([&] { ops::CrossEntropy::forward(y.view(), stats.view(), x, target.view(), {}, options); });
  };
  CHECK(run(c) == "");
  c(1, 2) = 3;
  CHECK(run(c) == "cross_entropy: target (b=1, l=2) is class 3, expected 0 .. 2 or -100 to ignore it");
  c(1, 2) = -1;
  CHECK(run(c) == "cross_entropy: target (b=1, l=2) is class -1, expected 0 .. 2 or -100 to ignore it");
  for (index_t i = 0; i < c.count(); ++i) c.data()[i] = 7;
  CHECK(run(c, {.ignore = 7}) == "cross_entropy: mean over nothing: all 8 targets are ignored or have weight 0");
  CHECK(run(short_c) == "cross_entropy: target is (2, 3), expected (2, 4) for scores (B=2, K=3, L=4)");
  CHECK(run(c, {.smoothing = 2}) == "cross_entropy: smoothing is 2.000000, expected [0, 1]");
  CHECK(error_text<ShapeError>([&] { ops::CrossEntropy::forward(y.view(), wrong.view(), x, c.view()); }) ==
        "cross_entropy: stats is (2, 4, 2), expected (2, 2, 4)");
  Tensor<float, 2> empty(0, 3), no_stats(2, 0);
  Tensor<std::int64_t, 1> none(0);
  CHECK(error_text<ValueError>([&] { ops::CrossEntropy::forward(y.view(), no_stats.view(), empty, none.view()); }) ==
        "cross_entropy: mean over nothing: all 0 targets are ignored or have weight 0");
}
