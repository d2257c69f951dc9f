// Transforms of complex rows against direct sums in double, with FFTW or without it.
#include <numbers>

#include "check.hpp"
#include "longwave/autograd/functions/fft.hpp"

namespace longwave {
namespace {

using test::random;
using test::relative_error;

// out_k = sum_j in_j e^{sign 2 pi i jk/n}, k < K; (B, L, 2) -> (B, K, 2).
Tensor<double, 3> direct(TensorView<const double, 3> in, index_t n, index_t K, double sign) {
  Tensor<double, 3> out(in.size(0), K, 2);
  for (index_t b = 0; b < in.size(0); ++b)
    for (index_t k = 0; k < K; ++k)
      for (index_t j = 0; j < in.size(1); ++j) {
        const double angle = sign * 2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
        out(b, k, 0) += in(b, j, 0) * std::cos(angle) - in(b, j, 1) * std::sin(angle);
        out(b, k, 1) += in(b, j, 0) * std::sin(angle) + in(b, j, 1) * std::cos(angle);
      }
  return out;
}

template <class T>
Tensor<T, 3> converted(const Tensor<double, 3>& from) {
  Tensor<T, 3> to(from.sizes());
  for (index_t i = 0; i < from.count(); ++i) to.data()[i] = static_cast<T>(from.data()[i]);
  return to;
}

// As for real rows: fft_test.cpp.
template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 3e-6 : 1e-12;

}  // namespace

TEMPLATE_TEST_CASE("fft, ifft: equal the direct sums at any length", "", float, double) {
  using T = TestType;
  const index_t n = GENERATE(1, 2, 3, 4, 5, 12, 31, 100, 210, 997, 1024);
  const auto x = random<double, 3>({3, n, 2}, 5);
  const auto x_T = converted<T>(x);
  Tape<T> tape;
  CHECK(relative_error(fft(tape.input(x_T), n).value(), direct(x.view(), n, n, -1).view()) < tolerance<T>);
  auto want = direct(x.view(), n, n, 1);
  for (index_t i = 0; i < want.count(); ++i) want.data()[i] /= static_cast<double>(n);
  CHECK(relative_error(ifft(tape.input(x_T), n).value(), want.view()) < tolerance<T>);
}

TEST_CASE("fft: pads with zeros, ifft gives the first samples back") {
  const auto x = random<double, 3>({2, 10, 2});
  for (index_t n : {10, 11, 16, 29}) {
    Tape<double> tape;
    const auto X = fft(tape.input(x), n);
    CHECK(relative_error(X.value(), direct(x.view(), n, n, -1).view()) < 1e-13);
    CHECK(relative_error(ifft(X, 10).value(), x.view()) < 1e-13);
  }
}

TEST_CASE("fft, ifft: gradients equal differences") {
  for (index_t n : {4, 5, 8}) {
    auto x = random<double, 3>({2, 4, 2});
    const GradCheck forward = grad_check([n](auto&, auto v) { return fft(v, n); }, x);
    INFO("fft " << n << ": " << forward.text());
    CHECK(forward.error < 1e-8);
    auto X = random<double, 3>({2, n, 2});
    const GradCheck inverse = grad_check([](auto&, auto v) { return ifft(v, 3); }, X);
    INFO("ifft " << n << ": " << inverse.text());
    CHECK(inverse.error < 1e-8);
  }
}

TEST_CASE("fft: columns through transposed views, in place") {
  Tensor<complex<double>, 2> x(6, 5), rows(5, 6);
  const auto numbers = random<double, 2>({6, 10});
  for (index_t i = 0; i < 6; ++i)
    for (index_t j = 0; j < 5; ++j) rows(j, i) = x(i, j) = {numbers(i, 2 * j), numbers(i, 2 * j + 1)};
  ops::Fft::forward(x.view().transpose(0, 1), x.view().transpose(0, 1));
  ops::Fft::forward(rows.view(), rows);
  for (index_t i = 0; i < 6; ++i)
    for (index_t j = 0; j < 5; ++j) CHECK(x(i, j) == rows(j, i));
}

TEST_CASE("fft: no rows, no samples; errors name the sizes") {
  Tensor<complex<float>, 2> none(0, 3), zeros(2, 3), wide(2, 9), other(3, 9);
  ops::Fft::forward(none.view(), Tensor<complex<float>, 2>(0, 2));
  zeros(1, 1) = {3, 4};
  ops::Fft::forward(zeros.view(), Tensor<complex<float>, 2>(2, 0));
  for (index_t i = 0; i < zeros.count(); ++i) CHECK(zeros.data()[i] == complex<float>());
  CHECK(test::error_text<ShapeError>([&] { ops::Fft::forward(zeros.view(), wide); }) ==
        "fft: X is (2, 3) and x is (2, 9), expected as many rows and n >= L, n >= 1");
  CHECK(test::error_text<ShapeError>([&] { ops::Ifft::forward(zeros.view(), other); }) ==
        "ifft: X is (3, 9) and x is (2, 3), expected as many rows and n >= L, n >= 1");
}

}  // namespace longwave
