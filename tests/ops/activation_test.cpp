#include "longwave/ops/activation.hpp"

#include <functional>

#include "check.hpp"
#include "longwave/autograd/functions/activation.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

double exact_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

template <class Rule>
double exact(double x) {
  if constexpr (std::is_same_v<Rule, GeluRule>) return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if constexpr (std::is_same_v<Rule, SiluRule>) return x * exact_sigmoid(x);
  if constexpr (std::is_same_v<Rule, ReluRule>) return std::max(x, 0.0);
  if constexpr (std::is_same_v<Rule, LeakyReluRule>) return x > 0 ? x : 0.01 * x;
  if constexpr (std::is_same_v<Rule, TanhRule>) return std::tanh(x);
  if constexpr (std::is_same_v<Rule, SigmoidRule>) return exact_sigmoid(x);
  if constexpr (std::is_same_v<Rule, SoftplusRule>) return std::log(1 + std::exp(x));
  if constexpr (std::is_same_v<Rule, HardsigmoidRule>) return std::clamp(x / 6 + 0.5, 0.0, 1.0);
  if constexpr (std::is_same_v<Rule, HardswishRule>) return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
  if constexpr (std::is_same_v<Rule, HardtanhRule>) return std::clamp(x, -1.0, 1.0);
  if constexpr (std::is_same_v<Rule, HardshrinkRule>) return std::abs(x) > 0.5 ? x : 0.0;
}

template <class T>
double tolerance() {  // a few units in the last place; gelu and softplus oracles lose that much themselves
  return std::is_same_v<T, float> ? 6e-7 : 1e-14;
}

template <class Rule, class T>
void check_values(Extents<2> sizes) {
  const auto x = random<T>(sizes, 3, T(3));
  Tensor<T, 2> y(sizes);
  Tensor<double, 2> want(sizes);
  for (index_t i = 0; i < x.count(); ++i) want.data()[i] = exact<Rule>(static_cast<double>(x.data()[i]));
  ops::Unary<Rule>::forward(y.view(), x);
  CHECK(relative_error(y, want) <= tolerance<T>());
}

// The same numbers through transposed and every-second-element views, bit for bit.
template <class Rule, class T>
void check_strided() {
  const auto x = random<T>(Extents(7, 19), 5, T(2));
  const auto dy = random<T>(Extents(7, 19), 6);
  Tensor<T, 2> y(7, 19), dx(7, 19), y_strided(19, 14), dx_strided(19, 14);
  ops::Unary<Rule>::forward(y.view(), x);
  ops::Unary<Rule>::backward(dx.view(), dy, x);
  auto transposed = [](Tensor<T, 2>& t) { return TensorView<T, 2>(t.data(), Extents(7, 19), Extents<2>(2, 14)); };
  ops::Unary<Rule>::forward(transposed(y_strided), x);
  ops::Unary<Rule>::backward(transposed(dx_strided), dy, x);
  CHECK(relative_error(transposed(y_strided), y.view()) == 0);
  CHECK(relative_error(transposed(dx_strided), dx.view()) == 0);
}

template <class Rule>
void check_rule() {
  INFO(Rule::name);
  for (const index_t n : {0, 1, 3, 16, 17, 997}) {
    check_values<Rule, float>(Extents<2>(n, 1));
    check_values<Rule, double>(Extents<2>(3, n));
  }
  check_strided<Rule, float>();
  check_strided<Rule, double>();
  auto x = random<double>(Extents(3, 5), 7, 2.0);  // no element near the kinks of relu at 0 and softplus at 20
  const GradCheck check = grad_check([](auto&, auto v) { return unary(v, Rule()); }, x);
  INFO(check.text());
  CHECK(check.error < 1e-8);  // central differences are good to about 1e-10
}

}  // namespace

TEST_CASE("activation: values, strides and gradients of every rule") {
  check_rule<GeluRule>();
  check_rule<SiluRule>();
  check_rule<ReluRule>();
  check_rule<LeakyReluRule>();
  check_rule<TanhRule>();
  check_rule<SigmoidRule>();
  check_rule<SoftplusRule>();
  check_rule<HardsigmoidRule>();
  check_rule<HardswishRule>();
  check_rule<HardtanhRule>();
  check_rule<HardshrinkRule>();
}

TEST_CASE("activation: float slopes agree with double") {
  const auto check = [](auto rule) {
    for (double x = -12; x <= 25; x += 0.0625) {
      INFO(rule.name << " at " << x);
      CHECK(std::abs(rule.slope(static_cast<float>(x)) - rule.slope(x)) <= 1e-6);  // x (1 - s) of silu loses x units
    }
  };
  check(GeluRule());
  check(SiluRule());
  check(TanhRule());
  check(SigmoidRule());
  check(SoftplusRule());
}

TEST_CASE("relu: the slope at 0 is 0 and a NaN stays") {
  CHECK(ReluRule().slope(0.0f) == 0.0f);
  CHECK(ReluRule().slope(0.0) == 0.0);
  CHECK(std::isnan(ReluRule().value(std::nanf(""))));
  CHECK(std::isnan(ReluRule().value(std::nan(""))));
}

TEST_CASE("leaky_relu: takes a slope, which also holds at 0") {
  Tensor<float, 1> x(3), y(3), dx(3), dy(3);
  x(0) = -2;
  x(2) = 2;
  for (index_t i = 0; i < 3; ++i) dy(i) = 1;
  ops::LeakyRelu::forward(y.view(), x, {.negative_slope = 0.25});
  ops::LeakyRelu::backward(dx.view(), dy, x, {.negative_slope = 0.25});
  CHECK(y(0) == -0.5f);
  CHECK(y(2) == 2);
  CHECK(dx(0) == 0.25f);
  CHECK(dx(1) == 0.25f);
  CHECK(dx(2) == 1);
}

TEST_CASE("softplus: large inputs stay linear, far negative ones go to 0") {
  CHECK(SoftplusRule().value(1e30f) == 1e30f);
  CHECK(SoftplusRule().value(21.0) == 21.0);
  CHECK(SoftplusRule().slope(21.0) == 1.0);
  CHECK(SoftplusRule().value(-200.0f) == 0.0f);
}

TEST_CASE("activation: the hard ones at and beyond their kinks") {
  CHECK(HardsigmoidRule().value(-3.0) == 0);
  CHECK(HardsigmoidRule().value(3.0) == 1);
  CHECK(HardsigmoidRule().slope(3.0) == 0);
  CHECK(HardswishRule().value(-4.0) == 0);
  CHECK(HardswishRule().slope(-3.0) == 0);
  CHECK(HardswishRule().slope(5.0) == 1);
  CHECK(HardtanhRule().slope(1.0) == 0);
  CHECK(HardtanhRule().value(-7.0) == -1);
  CHECK(HardshrinkRule().value(0.5) == 0);
  CHECK(HardshrinkRule().slope(-0.5) == 0);
  CHECK(HardshrinkRule{0.1}.value(0.2) == 0.2);
  for (const float y : {HardsigmoidRule().value(NAN), HardswishRule().value(NAN), HardtanhRule().value(NAN),
                        HardshrinkRule().value(NAN)})
    CHECK(std::isnan(y));
}

TEST_CASE("activation: the output may be the input, the gradient the incoming one") {
  const auto x = random<float>(Extents(1001), 8);
  auto y = x.clone(), dx = random<float>(Extents(1001), 9);
  Tensor<float, 1> want_y(1001), want_dx(1001);
  ops::Gelu::forward(want_y.view(), x);
  ops::Gelu::backward(want_dx.view(), dx, x);
  ops::Gelu::forward(y.view(), y);
  ops::Gelu::backward(dx.view(), dx, x);
  CHECK(relative_error(y, want_y) == 0);
  CHECK(relative_error(dx, want_dx) == 0);
}

TEST_CASE("activation: the same bits for any number of threads") {
  const auto x = random<float>(Extents(100003), 10);
  Tensor<float, 1> one(100003), many(100003);
  set_num_threads(1);
  ops::Gelu::forward(one.view(), x);
  set_num_threads(8);
  ops::Gelu::forward(many.view(), x);
  set_num_threads(0);
  CHECK(relative_error(many, one) == 0);
}

TEST_CASE("activation: a wrong shape is named") {
  Tensor<float, 2> x(2, 3), y(3, 2);
  CHECK(error_text<ShapeError>([&] { ops::Silu::forward(y.view(), x); }) ==
        "silu: y and x differ in shape: y is (3, 2), x is (2, 3)");
  CHECK(error_text<ShapeError>([&] { ops::Silu::backward(x.view(), y, x); }) ==
        "silu: dy and x differ in shape: dy is (3, 2), x is (2, 3)");
}

TEST_CASE("glu: first half times sigmoid of the second, along any axis") {
  const auto check = [](auto zero, int axis, Extents<3> sizes) {
    using T = decltype(zero);
    const auto x = random<T>(sizes, 11, T(2));
    Tensor<T, 3> y(ops::Glu::output_sizes(sizes, axis));
    Tensor<double, 3> want(y.sizes());
    ops::Glu::forward(y.view(), x, axis);
    const int at = axis < 0 ? axis + 3 : axis;
    const index_t half = y.view().size(at);
    const auto a = x.view().slice(at, 0, half), b = x.view().slice(at, half, 2 * half);
    for (index_t i = 0; i < y.size(0); ++i)
      for (index_t j = 0; j < y.size(1); ++j)
        for (index_t k = 0; k < y.size(2); ++k)
          want(i, j, k) = static_cast<double>(a(i, j, k)) * exact_sigmoid(static_cast<double>(b(i, j, k)));
    CHECK(relative_error(y, want) <= tolerance<T>());
  };
  for (const int axis : {0, 1, 2, -1, -2, -3}) {
    check(0.0f, axis, {2, 6, 34});
    check(0.0, axis, {4, 2, 10});
    check(0.0, axis, {2, 0, 6});
  }
}

TEST_CASE("glu: gradient along every axis") {
  for (const int axis : {0, 1, -1}) {
    auto x = random<double>(Extents(2, 4, 6), 12, 2.0);
    const GradCheck check = grad_check([=](auto&, auto v) { return glu(v, axis); }, x);
    INFO(check.text());
    CHECK(check.error < 1e-8);
  }
}

TEST_CASE("glu: odd axes and wrong outputs are named") {
  Tensor<float, 2> x(2, 3), y(2, 2), even(2, 4), flat(4, 2);
  CHECK(error_text<ShapeError>([&] { ops::Glu::forward(y.view(), x, 1); }) ==
        "glu: axis 1 of x (2, 3) is odd; it is cut in halves");
  CHECK(error_text<ShapeError>([&] { ops::Glu::forward(flat.view(), even, 1); }) ==
        "glu: y is (4, 2), expected (2, 2) for x (2, 4)");
  CHECK(error_text<ShapeError>([&] { ops::Glu::forward(y.view(), even, 2); }) == "glu: axis 2 of a tensor of rank 2");
}
