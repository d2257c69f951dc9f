#include "longwave/ops/reduce.hpp"

#include <functional>
#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions/reduce.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// f over the numbers along `axis` of x, in double; the result has size 1 there.
template <class T>
Tensor<double, 3> along(TensorView<T, 3> x, int axis, const std::function<double(const std::vector<double>&)>& f) {
  Extents<3> sizes = x.sizes();
  sizes[axis] = 1;
  Tensor<double, 3> y(sizes);
  for (index_t i = 0; i < sizes[0]; ++i)
    for (index_t j = 0; j < sizes[1]; ++j)
      for (index_t k = 0; k < sizes[2]; ++k) {
        std::vector<double> numbers;
        for (index_t n = 0; n < x.size(axis); ++n)
          numbers.push_back(static_cast<double>(x(axis == 0 ? n : i, axis == 1 ? n : j, axis == 2 ? n : k)));
        y(i, j, k) = f(numbers);
      }
  return y;
}

double oracle_sum(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum;
}
double oracle_logsumexp(const std::vector<double>& x) {
  const double m = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - m);
  return m + std::log(sum);
}

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-13;  // of the largest result; sums are in double

template <class T>
void check_values(TensorView<const T, 3> x) {
  for (int axis = 0; axis < 3; ++axis) {
    INFO(to_string(x.sizes()) << " axis " << axis);
    Tensor<T, 2> y(without_axis(x.sizes(), axis));
    const auto kept = with_axis(TensorView<const T, 2>(y.view()), axis);
    ops::Sum::forward(y.view(), x, axis - 3);
    CHECK(relative_error(kept, along(x, axis, oracle_sum).view(), 1.0) <= tolerance<T>);
    if (x.size(axis) == 0) continue;
    ops::Mean::forward(y.view(), x, axis);
    const double n = static_cast<double>(x.size(axis));
    CHECK(relative_error(kept, along(x, axis, [=](auto& v) { return oracle_sum(v) / n; }).view()) <= tolerance<T>);
    ops::LogSumExp::forward(y.view(), x, axis);
    const auto want = along(x, axis, oracle_logsumexp);
    CHECK(relative_error(kept, want.view()) <= tolerance<T>);
    Tensor<T, 3> p(x.sizes()), log_p(x.sizes());
    Tensor<double, 3> want_p(x.sizes()), want_log_p(x.sizes());
    ops::Softmax::forward(p.view(), x, axis);
    ops::LogSoftmax::forward(log_p.view(), x, axis);
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t j = 0; j < x.size(1); ++j)
        for (index_t k = 0; k < x.size(2); ++k) {
          want_log_p(i, j, k) =
              static_cast<double>(x(i, j, k)) - want(axis == 0 ? 0 : i, axis == 1 ? 0 : j, axis == 2 ? 0 : k);
          want_p(i, j, k) = std::exp(want_log_p(i, j, k));
        }
    CHECK(relative_error(p, want_p) <= tolerance<T>);
    CHECK(relative_error(log_p, want_log_p) <= tolerance<T>);
  }
}

template <class F>
void check_gradient_of(const char* name, F f) {
  for (const int axis : {0, 1, -1}) {
    auto x = random<double>(Extents(3, 4, 5), 21);
    const GradCheck check = grad_check([=](auto&, auto v) { return f(v, axis); }, x);
    INFO(name << " axis " << axis << ": " << check.text());
    CHECK(check.error < 1e-8);  // central differences are good to about 1e-10
  }
}

}  // namespace

TEST_CASE("reduce: every op along every axis, for sizes 0, 1, primes and larger") {
  const Extents<3> shapes[] = {{1, 1, 1}, {3, 1, 17}, {5, 7, 11}, {2, 16, 32}, {2, 2003, 3}, {0, 2, 3}, {3, 0, 2}};
  for (const auto& sizes : shapes) {
    check_values<float>(random<float>(sizes, 20, 3.0f).view());
    check_values<double>(random<double>(sizes, 20, 3.0).view());
    check_values<float>(random<float>(sizes, 20, 3.0f).view().transpose(0, 2));
    check_values<double>(random<double>(sizes, 20, 3.0).view().transpose(1, 2));
  }
}

TEST_CASE("reduce: gradients along every axis") {
  check_gradient_of("sum", [](auto v, int axis) { return sum(v, axis); });
  check_gradient_of("mean", [](auto v, int axis) { return mean(v, axis); });
  check_gradient_of("logsumexp", [](auto v, int axis) { return logsumexp(v, axis); });
  check_gradient_of("softmax", [](auto v, int axis) { return softmax(v, axis); });
  check_gradient_of("log_softmax", [](auto v, int axis) { return log_softmax(v, axis); });
  auto x = random<double>(Extents(3, 5), 22);
  CHECK(grad_check([](auto&, auto v) { return sum(v); }, x).error < 1e-8);
  CHECK(grad_check([](auto&, auto v) { return mean(v); }, x).error < 1e-8);
}

TEST_CASE("sum, mean: a million floats lose nothing, and the bits do not depend on threads or strides") {
  const index_t n = 1000003;
  Tensor<float, 1> x(n);
  for (index_t i = 0; i < n; ++i) x(i) = 0.1f;
  Tensor<float, 0> y{Extents<0>()}, again{Extents<0>()};
  ops::Sum::forward(y.view(), x.view());
  CHECK(y() == Approx(static_cast<double>(0.1f) * n).epsilon(6e-8));  // one rounding, at the end
  ops::Mean::forward(y.view(), x.view());
  CHECK(y() == 0.1f);
  x = random<float>(Extents(n), 23);
  ops::Sum::forward(y.view(), x.view());
  for (const int threads : {1, 2, 8}) {
    set_num_threads(threads);
    ops::Sum::forward(again.view(), x.view());
    CHECK(again() == y());
  }
  set_num_threads(0);
}

TEST_CASE("softmax: inputs of a thousand do not overflow, and keep their precision") {
  Tensor<float, 2> x(1, 3), p(1, 3), log_p(1, 3);
  x(0, 0) = 1000;
  x(0, 1) = 1001;
  x(0, 2) = -1000;
  ops::Softmax::forward(p.view(), x, 1);
  ops::LogSoftmax::forward(log_p.view(), x, 1);
  CHECK(p(0, 1) == Approx(1 / (1 + std::exp(-1.0))).epsilon(3e-7));
  CHECK(p(0, 2) == 0);
  CHECK(log_p(0, 2) == Approx(-2001 - std::log1p(std::exp(-1.0))).epsilon(1e-7));
}

TEST_CASE("logsumexp: -infinity counts nothing, infinity wins, NaN stays") {
  const double infinity = INFINITY;
  const auto of = [](double a, double b) {
    Tensor<double, 1> x(2), dx(2);
    Tensor<double, 0> y{Extents<0>()}, dy{Extents<0>()};
    x(0) = a;
    x(1) = b;
    dy() = 1;
    ops::LogSumExp::forward(y.view(), x, 0);
    ops::LogSumExp::backward(dx.view(), dy, x, y, 0);
    return std::pair(y(), dx(0));
  };
  CHECK(of(-infinity, 2) == std::pair(2.0, 0.0));
  CHECK(of(-infinity, -infinity) == std::pair(-infinity, 0.0));
  CHECK(of(infinity, 2).first == infinity);
  CHECK(std::isnan(of(NAN, 2).first));
}

TEST_CASE("reduce: wrong shapes and axes and an empty mean are named") {
  Tensor<float, 2> x(2, 3), y2(3, 2), none(0, 3);
  Tensor<float, 1> y(3);
  CHECK(error_text<ShapeError>([&] { ops::Sum::forward(y.view(), x, 1); }) == "sum: y is (3), expected (2)");
  CHECK(error_text<ShapeError>([&] { ops::Sum::forward(y.view(), x, 2); }) == "sum: axis 2 of a tensor of rank 2");
  CHECK(error_text<ShapeError>([&] { ops::LogSumExp::forward(y.view(), x, -1); }) ==
        "logsumexp: y is (3), expected (2)");
  CHECK(error_text<ShapeError>([&] { ops::Softmax::forward(y2.view(), x, 1); }) ==
        "softmax: y and x differ in shape: y is (3, 2), x is (2, 3)");
  CHECK(error_text<ValueError>([&] { ops::Mean::forward(y.view(), none, 0); }) == "mean: of no elements");
}
