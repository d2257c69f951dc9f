#include "longwave/ops/mmd.hpp"

#include "check.hpp"
#include "host_place.hpp"
#include "longwave/autograd/functions/mmd.hpp"
#include "typed_mmd.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// The formula, pair by pair.
template <class T>
double naive(TensorView<const T, 2> x, TensorView<const T, 2> y, const RbfMixture& k, MmdForm form) {
  const bool biased = form == MmdForm::biased;
  auto mean = [&](const auto& a, const auto& b, bool same) {
    long double sum = 0;
    double pairs = 0;
    for (index_t i = 0; i < a.size(0); ++i)
      for (index_t j = 0; j < b.size(0); ++j) {
        if (same && i == j && !biased) continue;
        double distance = 0;
        for (index_t c = 0; c < a.size(1); ++c) distance += std::pow(double(a(i, c)) - double(b(j, c)), 2);
        for (int s = 0; s < k.terms; ++s) sum += k.weight[s] * std::exp(-distance * k.rate[s]);
        ++pairs;
      }
    return static_cast<double>(sum) / pairs;
  };
  return mean(x, x, true) + mean(y, y, true) - 2 * mean(x, y, false);
}

// dx, pair by pair.
template <class T>
Tensor<double, 2> naive_gradient(TensorView<const T, 2> x, TensorView<const T, 2> y, const RbfMixture& k, double within,
                                 double across) {
  Tensor<double, 2> dx(x.sizes());
  auto add = [&](const auto& b, double factor) {
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t j = 0; j < b.size(0); ++j) {
        double distance = 0, slope = 0;
        for (index_t c = 0; c < x.size(1); ++c) distance += std::pow(double(x(i, c)) - double(b(j, c)), 2);
        for (int s = 0; s < k.terms; ++s) slope -= 2 * k.rate[s] * k.weight[s] * std::exp(-distance * k.rate[s]);
        for (index_t c = 0; c < x.size(1); ++c) dx(i, c) += factor * slope * (double(x(i, c)) - double(b(j, c)));
      }
  };
  add(x, within);
  add(y, across);
  return dx;
}

template <class T>
T value(TensorView<const T, 2> x, TensorView<const T, 2> y, const RbfMixture& k, MmdForm form = MmdForm::unbiased) {
  Tensor<T, 0> out{Extents<0>()};
  ops::Mmd::forward(out.view(), x, y, k, form);
  return out();
}

template <class T>
Tensor<T, 2> shifted(index_t n, index_t d, std::uint64_t seed, T shift) {
  auto x = random<T>(Extents<2>{n, d}, seed);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] += shift;
  return x;
}

}  // namespace

TEST_CASE("mmd: the value worked out by hand for seven points") {
  const double x[] = {0, 0, 1, 0, 0, 1}, y[] = {1, 1, 2, 1, 1, 2, 2, 2};
  const double got = value<double>(TensorView<const double, 2>(x, Extents<2>{3, 2}),
                                   TensorView<const double, 2>(y, Extents<2>{4, 2}), RbfMixture(1.0));
  CHECK(got == Approx(0.5649561999316146).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("mmd: tiles of any size give the sums of the formula", "", float, double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 3e-7 : 1e-13;  // of values near 1, by as many additions as pairs
  const RbfMixture single(1.5), mixture({0.5, 1, 4}, {0.2, 0.3, 1});
  for (const auto& [n, m, d] : {std::array<index_t, 3>{2, 2, 1},
                                {3, 2, 4},
                                {17, 5, 3},
                                {64, 63, 2},
                                {131, 200, 4},
                                {5, 1031, 1},
                                {8, 9, 0},
                                {12, 7, 19}}) {
    const auto x = shifted<T>(n, d, 1, 0), y = shifted<T>(m, d, 2, T(0.3));
    for (const RbfMixture& kernel : {single, mixture})
      for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
        INFO(n << " " << m << " " << d);
        CHECK(std::abs(double(value<T>(x, y, kernel, form)) - naive<T>(x, y, kernel, form)) < tolerance);
      }
  }
}

TEST_CASE("mmd: near points far from the origin keep their distance") {
  auto x = random<double>(Extents<2>{40, 2}, 1, 1e-3), y = random<double>(Extents<2>{50, 2}, 2, 1e-3);
  const double near = value<double>(x, y, RbfMixture(1e-3));
  for (double* p = x.data(); p < x.data() + x.count(); ++p) *p = (*p + 1e6) - 1e6;  // what double keeps beside 1e6
  for (double* p = y.data(); p < y.data() + y.count(); ++p) *p = (*p + 1e6) - 1e6;
  const double rounded = value<double>(x, y, RbfMixture(1e-3));
  for (double* p = x.data(); p < x.data() + x.count(); ++p) *p += 1e6;
  for (double* p = y.data(); p < y.data() + y.count(); ++p) *p += 1e6;
  CHECK(value<double>(x, y, RbfMixture(1e-3)) == rounded);
  CHECK(std::abs(near - rounded) < 1e-6);
}

TEST_CASE("mmd: equal points in one sample are pairs like others") {
  const double x[] = {1, 1, 1}, y[] = {1, 1};
  const TensorView<const double, 2> xs(x, Extents<2>{3, 1}), ys(y, Extents<2>{2, 1});
  CHECK(value<double>(xs, ys, RbfMixture(1.0)) == 0);
  CHECK(value<double>(xs, ys, RbfMixture(1.0), MmdForm::biased) == Approx(0).margin(1e-15));
}

TEST_CASE("mmd: the same bits for any number of threads, and through strided views") {
  const auto x = random<double>(Extents<2>{701, 3}, 1), y = random<double>(Extents<2>{450, 3}, 2);
  Tensor<double, 2> columns(3, 701);
  for (index_t i = 0; i < 701; ++i)
    for (index_t k = 0; k < 3; ++k) columns(k, i) = x(i, k);
  const RbfMixture kernel(1.0);
  set_num_threads(1);
  const double one = value<double>(x, y, kernel);
  set_num_threads(5);
  CHECK(value<double>(x, y, kernel) == one);
  set_num_threads(0);
  CHECK(value<double>(columns.view().transpose(0, 1), y, kernel) == one);
}

TEST_CASE("mmd: gradients of both samples agree with finite differences") {
  auto x = random<double>(Extents<2>{5, 3}, 1), y = random<double>(Extents<2>{6, 3}, 2);
  for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
    const GradCheck check = grad_check(
        [&](Tape<double>&, auto a, auto b) {
          return mmd(a, b, RbfMixture({0.7, 2}, {1, 0.5}), form);
        },
        x, y);
    INFO(check.text());
    CHECK(check.error < 1e-8);
  }
}

TEMPLATE_TEST_CASE("mmd: gradients over many tiles are those of the plain loops", "", float, double) {
  using T = TestType;
  const auto x = shifted<T>(37, 4, 1, 0), y = shifted<T>(1100, 4, 2, T(0.5));
  const RbfMixture kernel({1, 3});
  Tensor<T, 0> dvalue{Extents<0>()};
  dvalue() = T(1.5);
  for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
    Tensor<T, 2> dx(x.sizes()), dy(y.sizes());
    ops::Mmd::backward(dx.view(), dy.view(), dvalue, x, y, kernel, form);
    const detail::MmdFactors f(37, 1100, kernel.at_zero(), form);
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
    CHECK(relative_error(dx, naive_gradient<T>(x, y, kernel, 3 * f.xx, 1.5 * f.xy)) < tolerance);
    CHECK(relative_error(dy, naive_gradient<T>(y, x, kernel, 3 * f.yy, 1.5 * f.xy)) < tolerance);
  }
}

TEST_CASE("mmd: a gradient that is not wanted is left out") {
  const auto x = random<double>(Extents<2>{5, 3}, 1), y = random<double>(Extents<2>{6, 3}, 2);
  Tensor<double, 0> dvalue{Extents<0>()};
  dvalue() = 1;
  Tensor<double, 2> dx(5, 3), dy(6, 3), both(5, 3);
  ops::Mmd::backward(both.view(), dy.view(), dvalue, x, y, RbfMixture(1.0));
  ops::Mmd::backward(dx.view(), {}, dvalue, x, y, RbfMixture(1.0));
  CHECK(relative_error(dx, both) == 0);
  CHECK(dx(0, 0) != 0);
}

TEST_CASE("mmd: a NaN in a sample is a NaN in the value") {
  auto x = random<double>(Extents<2>{5, 2}, 1);
  const auto y = random<double>(Extents<2>{6, 2}, 2);
  x(3, 1) = NAN;
  CHECK(std::isnan(value<double>(x, y, RbfMixture(1.0))));
}

TEST_CASE("mmd: errors name the shapes") {
  const Tensor<float, 2> x(3, 2), y(4, 3), one(1, 2);
  Tensor<float, 2> wrong(2, 2);
  Tensor<float, 0> dvalue{Extents<0>()};
  CHECK(error_text<ShapeError>([&] { value<float>(x, y, RbfMixture(1.0)); }) ==
        "mmd: x and y disagree on d: x is (n=3, d=2), y is (m=4, d=3)");
  CHECK(error_text<ValueError>([&] { value<float>(x, one, RbfMixture(1.0)); }) ==
        "mmd: x is (n=3, d=2), y is (m=1, d=2); the unbiased form needs two points of each");
  CHECK(value<float>(one, one, RbfMixture(1.0), MmdForm::biased) == 0);
  CHECK(error_text<ShapeError>([&] { ops::Mmd::backward(wrong.view(), {}, dvalue, x, x, RbfMixture(1.0)); }) ==
        "mmd: dx is (n=2, d=2), expected (n=3, d=2)");
}

TEMPLATE_TEST_CASE("mmd: the tests of every device", "", float, double) {
  check_mmd<TestType, Host>(63, 129, 4);
  check_mmd<TestType, Host>(97, 131, 11, true);
  check_mmd_limits<TestType, Host>();
  check_mmd_on_tape<TestType, Host>();
  check_mmd_shapes_are_named<TestType, Host>();
}
