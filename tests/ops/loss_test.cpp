#include "longwave/ops/loss.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

double oracle(MseRule, double x, double t) { return (x - t) * (x - t); }
double oracle(L1Rule, double x, double t) { return std::abs(x - t); }
double oracle(HuberRule rule, double x, double t) {
  const double d = std::abs(x - t);
  return d <= rule.delta ? d * d / 2 : rule.delta * (d - rule.delta / 2);
}
double oracle(BceWithLogitsRule, double x, double t) {
  const double p = 1 / (1 + std::exp(-x));
  return -t * std::log(p) - (1 - t) * std::log(1 - p);
}
double oracle(KlDivRule, double x, double t) { return t * std::log(t) - t * x; }

template <class T>
struct Case {
  Tensor<T, 2> x, t, w;
  explicit Case(Extents<2> sizes) : x(random<T>(sizes, 31, T(2))), t(sizes), w(sizes) {
    Generator gen(32);
    gen.uniform(t.view());  // in (0, 1), as bce_with_logits wants it
    gen.bernoulli(w.view(), T(0.7));
    if (w.count() > 0) w.data()[0] = T(0.5);
  }
};

template <class Rule, class T>
void check_values(Extents<2> sizes, Rule rule) {
  const Case<T> c(sizes);
  Tensor<T, 2> each(sizes);
  Tensor<double, 2> want(sizes);
  Tensor<T, 0> y{Extents<0>()};
  double sum = 0, weighted_sum = 0, weights = 0;
  for (index_t i = 0; i < c.x.count(); ++i) {
    const double l = oracle(rule, static_cast<double>(c.x.data()[i]), static_cast<double>(c.t.data()[i]));
    const double w = static_cast<double>(c.w.data()[i]);
    sum += l;
    weighted_sum += w * l;
    weights += w;
    want.data()[i] = w * l;
  }
  const double eps = std::is_same_v<T, float> ? 5e-7 : 1e-13;  // a few roundings per element; sums are in double
  ops::PointLoss<Rule>::forward(y.view(), c.x.view(), c.t, {}, Reduction::sum, rule);
  CHECK(y() == Approx(sum).epsilon(eps));
  ops::PointLoss<Rule>::forward(y.view(), c.x.view(), c.t, {}, Reduction::mean, rule);
  CHECK(y() == Approx(sum / static_cast<double>(c.x.count())).epsilon(eps));
  ops::PointLoss<Rule>::forward(y.view(), c.x.view(), c.t, c.w, Reduction::sum, rule);
  CHECK(y() == Approx(weighted_sum).epsilon(eps));
  ops::PointLoss<Rule>::forward(y.view(), c.x.view(), c.t, c.w, Reduction::mean, rule);
  CHECK(y() == Approx(weighted_sum / weights).epsilon(eps));
  ops::PointLoss<Rule>::forward_each(each.view(), c.x, c.t, c.w, rule);
  CHECK(relative_error(each, want) <= eps);
}

template <class Rule>
void check_rule(Rule rule) {
  INFO(Rule::name);
  for (const auto& sizes : {Extents(1, 1), Extents(3, 5), Extents(17, 1), Extents(7, 997)}) {
    check_values<Rule, float>(sizes, rule);
    check_values<Rule, double>(sizes, rule);
  }
  Case<double> c(Extents(3, 5));
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const auto plain = [=](auto&, auto x, auto t) { return detail::loss(x, t, {}, reduction, rule); };
    const auto masked = [&](auto& tape, auto x, auto t) {
      return detail::loss(x, t, tape.input(c.w), reduction, rule);
    };
    CHECK(grad_check(plain, c.x, c.t).error < 1e-8);  // central differences are good to about 1e-10
    CHECK(grad_check(masked, c.x, c.t).error < 1e-8);
  }
  const auto each = [&](auto& tape, auto x, auto t) { return detail::loss_each(x, t, tape.input(c.w), rule); };
  CHECK(grad_check(each, c.x, c.t).error < 1e-8);
}

}  // namespace

TEST_CASE("loss: values and gradients of every rule, reduction and weighting") {
  check_rule(MseRule());
  check_rule(L1Rule());
  check_rule(HuberRule());
  check_rule(HuberRule{0.25});
  check_rule(BceWithLogitsRule());
  check_rule(KlDivRule());
}

TEST_CASE("loss: strided views give the same numbers") {
  const Case<float> c(Extents(6, 10));
  Tensor<float, 2> x(10, 6), dx(6, 10), dx_turned(10, 6);
  for (index_t i = 0; i < 6; ++i)
    for (index_t j = 0; j < 10; ++j) x(j, i) = c.x(i, j);
  Tensor<float, 0> y{Extents<0>()}, y_turned{Extents<0>()}, dy{Extents<0>()};
  dy() = 2;
  ops::Huber::forward(y.view(), c.x.view(), c.t, c.w);
  ops::Huber::forward(y_turned.view(), x.view().transpose(0, 1), c.t, c.w);
  CHECK(y() == Approx(y_turned()).epsilon(1e-6));  // another order of the sum
  ops::Huber::backward(dx.view(), {}, dy, c.x, c.t, c.w);
  ops::Huber::backward(dx_turned.view().transpose(0, 1), {}, dy, x.view().transpose(0, 1), c.t, c.w);
  CHECK(relative_error(dx_turned.view().transpose(0, 1), dx.view()) == 0);
}

TEST_CASE("loss: an element of weight 0 takes no part even if it is NaN") {
  Tensor<float, 1> x(3), t(3), w(3), dx(3), each(3);
  Tensor<float, 0> y{Extents<0>()}, dy{Extents<0>()};
  x(0) = 2;
  x(1) = NAN;
  t(2) = NAN;
  w(0) = 1;
  dy() = 1;
  ops::Mse::forward(y.view(), x.view(), t, w);
  ops::Mse::forward_each(each.view(), x, t, w);
  ops::Mse::backward(dx.view(), {}, dy, x, t, w);
  CHECK(y() == 4);
  CHECK(each(1) == 0);
  CHECK(dx(0) == 4);
  CHECK(dx(1) == 0);
  CHECK(dx(2) == 0);
  ops::Mse::forward(y.view(), x.view(), t);
  CHECK(std::isnan(y()));  // without weights it is seen
}

TEST_CASE("bce_with_logits: sure and right costs e^-|x|, sure and wrong |x|, without overflow") {
  const BceWithLogitsRule rule;
  CHECK(rule.value(30.0f, 1.0f) == Approx(std::exp(-30.0)).epsilon(1e-6));
  CHECK(rule.value(-30.0f, 0.0f) == Approx(std::exp(-30.0)).epsilon(1e-6));
  CHECK(rule.value(1000.0f, 0.0f) == 1000.0f);
  CHECK(rule.value(-1000.0, 1.0) == 1000.0);
  CHECK(rule.slope(30.0f, 1.0f) == Approx(-std::exp(-30.0)).epsilon(1e-6));
}

TEST_CASE("kl_div: nothing where p is 0, NaN where it is negative, 0 between equal distributions") {
  const KlDivRule rule;
  CHECK(rule.value(-3.0f, 0.0f) == 0);
  CHECK(std::isinf(rule.value(-INFINITY, 0.5f)));  // q excludes what p has
  CHECK(rule.value(-INFINITY, 0.0f) == 0);
  CHECK(rule.slope_target(-3.0, 0.0) == 0);
  CHECK(std::isnan(rule.value(-3.0, -0.5)));
  CHECK(rule.value(std::log(0.3), 0.3) == 0);
}

TEST_CASE("l1: the slope where x equals its target is 0") {
  CHECK(L1Rule().slope(1.5f, 1.5f) == 0);
  CHECK(L1Rule().slope(2.0, 1.5) == 1);
  CHECK(L1Rule().slope_target(2.0, 1.5) == -1);
}

TEST_CASE("loss: a mean over nothing, wrong shapes and a wrong delta are named") {
  Tensor<float, 2> x(2, 3), t(2, 3), w(2, 3), other(3, 2), empty(0, 3);
  Tensor<float, 0> y{Extents<0>()};
  CHECK(error_text<ValueError>([&] { ops::Mse::forward(y.view(), empty.view(), empty); }) ==
        "mse: mean over an empty batch, x is (0, 3)");
  CHECK(error_text<ValueError>([&] { ops::L1::forward(y.view(), x.view(), t, w); }) ==
        "l1: the weights (2, 3) sum to 0.000000; a mean needs a positive sum");
  ops::Mse::forward(y.view(), empty.view(), empty, {}, Reduction::sum);
  CHECK(y() == 0);
  CHECK(error_text<ShapeError>([&] { ops::Mse::forward(y.view(), x.view(), other); }) ==
        "mse: x and target differ in shape: x is (2, 3), target is (3, 2)");
  CHECK(error_text<ShapeError>([&] { ops::Mse::forward(y.view(), x.view(), t, other); }) ==
        "mse: weights and x differ in shape: weights is (3, 2), x is (2, 3)");
  CHECK(error_text<ShapeError>([&] { ops::Mse::backward(other.view(), {}, y, x, t); }) ==
        "mse: dx is (3, 2), expected (2, 3)");
  CHECK(error_text<ValueError>([&] {
          ops::Huber::forward(y.view(), x.view(), t, {}, Reduction::mean, {.delta = 0});
        }) == "huber: delta is 0.000000, expected more than 0");
}

TEST_CASE("loss: the same bits for any number of threads") {
  const Case<float> c(Extents(257, 1031));
  Tensor<float, 0> y{Extents<0>()}, again{Extents<0>()};
  ops::Mse::forward(y.view(), c.x.view(), c.t, c.w);
  for (const int threads : {1, 2, 8}) {
    set_num_threads(threads);
    ops::Mse::forward(again.view(), c.x.view(), c.t, c.w);
    CHECK(again() == y());
  }
  set_num_threads(0);
}
