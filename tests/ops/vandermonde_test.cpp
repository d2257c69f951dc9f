#include "longwave/ops/vandermonde.hpp"

#include "modes.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<double, 2> naive(const DiagonalCase<double>& c, index_t L) {
  Tensor<double, 2> K(c.x.size(0), L);
  for (index_t h = 0; h < K.size(0); ++h)
    for (index_t l = 0; l < L; ++l)
      for (index_t n = 0; n < c.x.size(1); ++n) K(h, l) += 2 * (c.c(h, n) * exp(static_cast<double>(l) * c.x(h, n))).re;
  return K;
}

}  // namespace

TEMPLATE_TEST_CASE("vandermonde: equals the sum of exponentials at any length", "", float, double) {
  // 1024 steps in blocks of 64: one anchor group; 5000: several, with a remainder.
  for (const index_t L : {1, 2, 31, 63, 64, 65, 997, 1024, 1025, 5000}) {
    const DiagonalCase<double> c(1, 3, 5, 1);
    Tensor<TestType, 2> K(3, L);
    ops::Vandermonde::forward(K.view(), c.x, c.c);
    INFO("L " << L);
    CHECK(relative_error(K, naive(c, L)) < (sizeof(TestType) == 4 ? 5e-7 : 2e-13));
  }
}

TEST_CASE("vandermonde: the published example") {
  Tensor<complex<double>, 2> x(1, 2), v(1, 2);
  x(0, 0) = {-.1, .5};
  x(0, 1) = {-.2, -1};
  v(0, 0) = {1, 2};
  v(0, 1) = {.5, -1};
  Tensor<double, 2> K(1, 4);
  ops::Vandermonde::forward(K.view(), x, v);
  const double want[] = {3, -1.08258382, -3.36902062, -3.54925904};
  for (index_t l = 0; l < 4; ++l) CHECK(std::abs(K(0, l) - want[l]) < 1e-8);
}

TEST_CASE("vandermonde: gradients agree with finite differences") {
  for (const index_t L : {1, 7, 64, 130}) {
    DiagonalCase<double> c(1, 2, 3, 1);
    const auto w = random<double>(Extents{index_t(2), L}, 5);
    Tensor<complex<double>, 2> dx(2, 3), dv(2, 3);
    ops::Vandermonde::backward(dx.view(), dv.view(), w.view(), c.x, c.c);
    auto check = [&](Tensor<complex<double>, 2>& p, const Tensor<complex<double>, 2>& g) {
      double error = 0, largest = 1e-3;
      for (index_t i = 0; i < 2 * p.count(); ++i) {
        double& at = (&p.data()->re)[i];
        const double x0 = at, h = 1e-5;
        auto loss = [&] {
          const auto K = naive(c, L);
          double sum = 0;
          for (index_t k = 0; k < K.count(); ++k) sum += w.data()[k] * K.data()[k];
          return sum;
        };
        at = x0 + h;
        const double up = loss();
        at = x0 - h;
        const double difference = (up - loss()) / (2 * h);
        at = x0;
        error = std::max(error, std::abs(difference - (&g.data()->re)[i]));
        largest = std::max(largest, std::abs(difference));
      }
      CHECK(error / largest < 1e-6);
    };
    INFO("L " << L);
    check(c.c, dv);
    check(c.x, dx);
  }
}

TEST_CASE("vandermonde: a strided kernel and empty sizes") {
  const DiagonalCase<double> c(1, 3, 5, 1);
  Tensor<double, 2> transposed(70, 3);
  ops::Vandermonde::forward(transposed.view().transpose(0, 1), c.x, c.c);
  CHECK(relative_error(transposed.view().transpose(0, 1), naive(c, 70).view()) < 1e-13);
  Tensor<double, 2> none(3, 0);
  ops::Vandermonde::forward(none.view(), c.x, c.c);
  Tensor<complex<double>, 2> no_modes(3, 0);
  Tensor<double, 2> zero = random<double>(Extents<2>{3, 4});
  ops::Vandermonde::forward(zero.view(), no_modes, no_modes);
  CHECK(relative_error(zero, Tensor<double, 2>(3, 4)) == 0);
}

TEST_CASE("vandermonde: shape errors name both arguments") {
  const DiagonalCase<double> c(1, 3, 5, 1);
  Tensor<double, 2> K(2, 4);
  CHECK(error_text<ShapeError>([&] { ops::Vandermonde::forward(K.view(), c.x, c.c); }) ==
        "vandermonde: K and x disagree on H: K is (H=2, L=4), x is (H=3, N=5)");
  Tensor<complex<double>, 2> v(3, 4);
  CHECK(error_text<ShapeError>([&] { ops::Vandermonde::forward(K.view(), c.x, v); }) ==
        "vandermonde: x and v differ in shape: x is (H=3, N=5), v is (H=3, N=4)");
}
