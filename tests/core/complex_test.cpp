#include "longwave/core/complex.hpp"

#include <limits>

#include "check.hpp"

namespace lw = longwave;

namespace {

template <class T>
double distance(lw::complex<T> a, std::complex<T> b) {
  return std::abs(std::complex<double>(a.re - b.real(), a.im - b.imag()));
}

}  // namespace

TEMPLATE_TEST_CASE("complex: arithmetic agrees with std::complex", "", float, double) {
  using T = TestType;
  // a few roundings of numbers below 10
  const double tolerance = 40 * std::numeric_limits<T>::epsilon();
  const std::complex<T> numbers[] = {{1, 2}, {T(-0.5), 3}, {0, -1}, {T(2.25), 0}, {T(-1.5), T(-0.125)}};
  for (const auto& a : numbers)
    for (const auto& b : numbers) {
      const lw::complex<T> x = a, y = b;
      CHECK(distance(x + y, a + b) <= tolerance);
      CHECK(distance(x - y, a - b) <= tolerance);
      CHECK(distance(x * y, a * b) <= tolerance);
      CHECK(distance(x / y, a / b) <= tolerance);
      CHECK(distance(T(3) * x, T(3) * a) <= tolerance);
      CHECK(distance(-x, -a) == 0);
      CHECK(distance(lw::conj(x), std::conj(a)) == 0);
      CHECK(static_cast<double>(lw::norm2(x)) == Approx(static_cast<double>(std::norm(a))));
      CHECK(distance(lw::exp(x), std::exp(a)) <= tolerance);
      lw::complex<T> z = x;
      z += y;
      z -= x;
      z *= x;
      CHECK(distance(z, b * a) <= tolerance);
    }
}

TEMPLATE_TEST_CASE("complex: it converts to and from std::complex and compares by value", "", float, double) {
  const std::complex<TestType> a(1, -2);
  const lw::complex<TestType> x = a;
  CHECK(std::complex<TestType>(x) == a);
  CHECK(x == lw::complex<TestType>(1, -2));
  CHECK_FALSE(x == lw::complex<TestType>(1, 2));
  CHECK(lw::complex<TestType>(3) == lw::complex<TestType>(3, 0));
  CHECK(lw::complex<float>(lw::complex<double>(0.5, 0.25)) == lw::complex<float>(0.5f, 0.25f));
}

TEST_CASE("complex: an array of it is an array of std::complex") {
  lw::complex<float> numbers[2] = {{1, 2}, {3, 4}};
  const auto* same = reinterpret_cast<const std::complex<float>*>(numbers);
  CHECK(same[1] == std::complex<float>(3, 4));
}

TEST_CASE("complex: expm1 keeps the digits of small arguments that exp(z) - 1 loses") {
  for (const double size : {1e-12, 1e-6, 1e-2, 1.0}) {
    const lw::complex<double> z(-size, 0.7 * size);
    // e^z - 1 in long double, by its series where that converges at once
    const std::complex<long double> w(z.re, z.im);
    const std::complex<long double> want =
        size < 0.1
            ? w * (1.0L + w / 2.0L * (1.0L + w / 3.0L * (1.0L + w / 4.0L * (1.0L + w / 5.0L * (1.0L + w / 6.0L)))))
            : std::exp(w) - 1.0L;
    const lw::complex<double> got = lw::expm1(z);
    const double error = static_cast<double>(std::abs(std::complex<long double>(got.re, got.im) - want));
    // four roundings; the series leaves w^7 / 5040, far below for |w| < 0.0123
    CHECK(error <= 8 * std::numeric_limits<double>::epsilon() * static_cast<double>(std::abs(want)));
  }
}
