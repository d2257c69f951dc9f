// Transforms against direct sums in double, with FFTW or without it.
#include <numbers>

#include "check.hpp"
#include "longwave/autograd/functions/fft.hpp"

namespace longwave {
namespace {

using test::random;
using test::relative_error;

// X_k by the definition; X is (B, n/2+1, 2).
Tensor<double, 3> direct_rfft(TensorView<const double, 2> x, index_t n) {
  Tensor<double, 3> X(x.size(0), n / 2 + 1, 2);
  for (index_t b = 0; b < x.size(0); ++b)
    for (index_t k = 0; k <= n / 2; ++k)
      for (index_t j = 0; j < std::min(n, x.size(1)); ++j) {
        const double angle = -2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
        X(b, k, 0) += x(b, j) * std::cos(angle);
        X(b, k, 1) += x(b, j) * std::sin(angle);
      }
  return X;
}

Tensor<double, 2> direct_irfft(TensorView<const double, 3> X, index_t n) {
  Tensor<double, 2> x(X.size(0), n);
  for (index_t b = 0; b < X.size(0); ++b)
    for (index_t j = 0; j < n; ++j) {
      double sum = 0;
      for (index_t k = 0; k < n; ++k) {
        const index_t at = std::min(k, n - k);
        const bool own = 2 * at == n || at == 0;  // its imaginary part is ignored
        const double angle = 2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
        const double im = own ? 0 : (k <= n / 2 ? X(b, at, 1) : -X(b, at, 1));
        sum += X(b, at, 0) * std::cos(angle) - im * std::sin(angle);
      }
      x(b, j) = sum / static_cast<double>(n);
    }
  return x;
}

template <class T, int N>
Tensor<T, N> converted(const Tensor<double, N>& from) {
  Tensor<T, N> to(from.sizes());
  for (index_t i = 0; i < from.count(); ++i) to.data()[i] = static_cast<T>(from.data()[i]);
  return to;
}

// 2 to 10 units of rounding for small factors; a prime factor p of kissfft is a plain sum of p terms (997: 20 units).
template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 3e-6 : 1e-12;

}  // namespace

TEMPLATE_TEST_CASE("rfft: equals the direct sum at any length", "", float, double) {
  using T = TestType;
  const index_t n = GENERATE(1, 2, 3, 4, 5, 6, 7, 12, 31, 49, 100, 210, 997, 1024, 4096);
  const auto x = random<double, 2>({3, n}, 5);
  const auto x_T = converted<T>(x);
  const auto want = direct_rfft(x.view(), n);
  Tape<T> tape;
  CHECK(relative_error(rfft(tape.input(x_T), n).value(), want.view()) < tolerance<T>);
}

TEMPLATE_TEST_CASE("irfft: equals the direct sum at any length", "", float, double) {
  using T = TestType;
  const index_t n = GENERATE(1, 2, 3, 4, 5, 6, 7, 12, 31, 49, 100, 210, 997, 1024, 4096);
  const auto X = random<double, 3>({3, n / 2 + 1, 2}, 6);
  const auto X_T = converted<T>(X);
  Tape<T> tape;
  CHECK(relative_error(irfft(tape.input(X_T), n).value(), direct_irfft(X.view(), n).view()) < tolerance<T>);
}

TEST_CASE("rfft: the row is cut or padded with zeros to n") {
  const auto x = random<double, 2>({2, 10});
  for (index_t n : {1, 4, 7, 10, 11, 16, 29}) {
    Tape<double> tape;
    CHECK(relative_error(rfft(tape.input(x), n).value(), direct_rfft(x.view(), n).view()) < 1e-13);
  }
}

TEST_CASE("irfft: undoes rfft") {
  const auto x = random<double, 2>({2, 45});
  Tape<double> tape;
  CHECK(relative_error(irfft(rfft(tape.input(x), 45), 45).value(), x.view()) < 1e-14);
}

TEST_CASE("rfft, irfft: gradients equal differences") {
  for (index_t n : {1, 2, 5, 6, 8}) {
    auto x = random<double, 2>({2, 6});
    const GradCheck forward = grad_check([n](auto&, auto v) { return rfft(v, n); }, x);
    INFO("rfft " << n << ": " << forward.text());
    CHECK(forward.error < 1e-8);
    auto X = random<double, 3>({2, n / 2 + 1, 2});
    const GradCheck inverse = grad_check([n](auto&, auto v) { return irfft(v, n); }, X);
    INFO("irfft " << n << ": " << inverse.text());
    CHECK(inverse.error < 1e-8);
  }
}

TEST_CASE("irfft: imaginary parts of the outer bins get gradient zero") {
  const auto X = random<double, 3>({1, 4, 2});
  const auto seed = random<double, 2>({1, 6});
  Tape<double> tape;
  auto v = tape.variable(X.view());
  tape.backward(irfft(v, 6), seed.view());
  CHECK(v.grad()(0, 0, 1) == 0);
  CHECK(v.grad()(0, 3, 1) == 0);
  CHECK(v.grad()(0, 1, 1) != 0);
}

TEST_CASE("rfft: strided views give the same numbers") {
  const auto wide = random<double, 2>({12, 6});  // its transpose is x (6, 12)
  const auto x = wide.view().transpose(0, 1);
  Tensor<double, 2> dense(6, 12);
  for (index_t b = 0; b < 6; ++b)
    for (index_t j = 0; j < 12; ++j) dense(b, j) = x(b, j);
  Tensor<complex<double>, 2> X(7, 6), want(6, 7);
  ops::Rfft::forward(X.view().transpose(0, 1), x, 12);
  ops::Rfft::forward(want.view(), dense, 12);
  for (index_t b = 0; b < 6; ++b)
    for (index_t k = 0; k < 7; ++k) CHECK(X(k, b) == want(b, k));
}

TEST_CASE("rfft: no rows and no samples are fine") {
  Tensor<complex<float>, 2> none(0, 3), zeros(2, 3);
  ops::Rfft::forward(none.view(), Tensor<float, 2>(0, 5), 5);
  zeros(1, 1) = {3, 4};
  ops::Rfft::forward(zeros.view(), Tensor<float, 2>(2, 0), 5);
  for (index_t i = 0; i < zeros.count(); ++i) CHECK(zeros.data()[i] == complex<float>());
}

TEST_CASE("rfft: errors name the sizes") {
  Tensor<complex<float>, 2> X(2, 4);
  Tensor<float, 2> x(2, 9);
  CHECK(test::error_text<ShapeError>([&] { ops::Rfft::forward(X.view(), x, 9); }) ==
        "rfft: X is (2, 4), expected (B, n/2+1) = (2, 5) for n=9");
  CHECK(test::error_text<ShapeError>([&] { ops::Irfft::forward(x.view(), X); }) ==
        "irfft: X is (2, 4), expected (B, n/2+1) = (2, 5) for n=9");
  CHECK(test::error_text<ValueError>([&] { ops::Rfft::forward(X.view(), x, 0); }) ==
        "rfft: the length n must be at least 1, it is 0");
}

TEST_CASE("rfft: the same bits for any number of threads") {
  const auto x = random<float, 2>({64, 1000});
  Tensor<complex<float>, 2> one(64, 501), many(64, 501);
  set_num_threads(1);
  ops::Rfft::forward(one.view(), x, 1000);
  set_num_threads(8);
  ops::Rfft::forward(many.view(), x, 1000);
  set_num_threads(0);
  bool same = true;
  for (index_t i = 0; i < one.count(); ++i) same &= one.data()[i] == many.data()[i];
  CHECK(same);
}

TEST_CASE("smooth_length: the smallest product of small primes") {
  CHECK(impl::smooth_length(0) == 1);
  CHECK(impl::smooth_length(11) == 12);
  CHECK(impl::smooth_length(997) == 1000);
  CHECK(impl::smooth_length(2047) == 2048);
  CHECK(impl::smooth_length(49) == 49);
  CHECK(impl::smooth_length(49, 5) == 50);
  for (index_t n : {1, 5, 33, 784, 997, 1000, 1024, 4097, 16384, 100003}) {
    const index_t padded = impl::padded_length(n);
    CHECK(padded >= n);
    CHECK(padded <= n + n / 8 + 8);
    CHECK(impl::smooth_length(padded) == padded);
  }
}

}  // namespace longwave
