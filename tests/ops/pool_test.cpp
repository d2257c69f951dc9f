#include "longwave/ops/pool.hpp"

#include <complex>
#include <numbers>

#include "check.hpp"
#include "longwave/autograd/functions/pool.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// f(b, h, l) as a tensor of doubles.
template <class F>
Tensor<double, 3> table(Extents<3> sizes, F f) {
  Tensor<double, 3> t(sizes);
  for (index_t b = 0; b < sizes[0]; ++b)
    for (index_t h = 0; h < sizes[1]; ++h)
      for (index_t l = 0; l < sizes[2]; ++l) t(b, h, l) = f(b, h, l);
  return t;
}

}  // namespace

TEMPLATE_TEST_CASE("pool: averages, repetition and every s-th sample are what they say, for any size", "", float,
                   double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-15;  // a sum of at most five numbers
  for (const index_t L : {0, 1, 2, 7, 30, 64})
    for (const index_t s : {1, 2, 3, 5}) {
      const auto x = random<T>(Extents<3>{2, 3, L});
      Tape<T> tape;
      const auto v = tape.input(x);
      const auto at = [&](index_t b, index_t h, index_t l) { return double(x(b, h, l)); };
      INFO("L " << L << " s " << s);
      CHECK(relative_error(avg_pool(v, s).value(), table({2, 3, L / s}, [&](index_t b, index_t h, index_t m) {
                                                     double sum = 0;
                                                     for (index_t j = 0; j < s; ++j) sum += at(b, h, m * s + j);
                                                     return sum / double(s);
                                                   }).view()) < tolerance);
      CHECK(relative_error(repeat_time(v, s).value(), table({2, 3, L * s}, [&](index_t b, index_t h, index_t l) {
                                                        return at(b, h, l / s);
                                                      }).view()) == 0);
      CHECK(
          relative_error(subsample(v, s).value(), table({2, 3, (L + s - 1) / s}, [&](index_t b, index_t h, index_t m) {
                                                    return at(b, h, m * s);
                                                  }).view()) == 0);
      CHECK(relative_error(repeat_channels(v, s).value(), table({2, 3 * s, L}, [&](index_t b, index_t h, index_t l) {
                                                            return at(b, h / s, l);
                                                          }).view()) == 0);
      CHECK(relative_error(mean_channels(v, 3).value(), table({2, 1, L}, [&](index_t b, index_t, index_t l) {
                                                          return (at(b, 0, l) + at(b, 1, l) + at(b, 2, l)) / 3;
                                                        }).view()) < tolerance);
      CHECK(relative_error(unfold_time(v, 3).value(), table({2, 1, L * 3}, [&](index_t b, index_t, index_t l) {
                                                        return at(b, l % 3, l / 3);
                                                      }).view()) == 0);
    }
}

TEST_CASE("pool: spectral pooling keeps the frequencies that the shorter sequence can hold") {
  const double tau = 2 * std::numbers::pi;
  for (const index_t s : {2, 3, 4})
    for (const index_t M : {1, 2, 5, 12}) {
      const index_t L = M * s;
      const auto x = random<double>(Extents<3>{2, 2, L});
      Tape<double> tape;
      const auto y = spectral_pool(tape.input(x), s).value();
      REQUIRE(y.size(2) == M);
      const auto want = table({2, 2, M}, [&](index_t b, index_t h, index_t m) {
        double sum = 0;
        for (index_t k = 0; 2 * k <= M; ++k) {
          std::complex<double> X = 0;
          for (index_t l = 0; l < L; ++l) X += x(b, h, l) * std::polar(1.0, -tau * double(k * l) / double(L));
          if (2 * k == M || k == 0) X = X.real();
          const double twice = k == 0 || 2 * k == M ? 1 : 2;
          sum += twice * (X * std::polar(1.0, tau * double(k * m) / double(M))).real() / double(L);
        }
        return sum;
      });
      CHECK(relative_error(y, want.view()) < 1e-13);
    }
  // A slow cosine is sampled exactly.
  const auto wave = table({1, 1, 24}, [&](index_t, index_t, index_t l) { return std::cos(tau * double(l) / 24); });
  Tape<double> tape;
  const auto y = spectral_pool(tape.input(wave), 3).value();
  for (index_t m = 0; m < 8; ++m) CHECK(std::abs(y(0, 0, m) - wave(0, 0, 3 * m)) < 1e-14);
}

TEST_CASE("pool: gradients agree with differences") {
  const auto error = [](auto f, Extents<3> sizes) {
    auto x = random<double>(sizes);
    const auto check = grad_check([&](auto&, auto v) { return f(v); }, x);
    INFO(check.text());
    return check.error;
  };
  // All are linear: only rounding is left of the difference.
  CHECK(error([](auto v) { return avg_pool(v, 3); }, {2, 2, 11}) < 1e-9);
  CHECK(error([](auto v) { return repeat_time(v, 3); }, {2, 2, 5}) < 1e-9);
  CHECK(error([](auto v) { return subsample(v, 3); }, {2, 2, 11}) < 1e-9);
  CHECK(error([](auto v) { return repeat_channels(v, 2); }, {2, 3, 5}) < 1e-9);
  CHECK(error([](auto v) { return mean_channels(v, 2); }, {2, 4, 5}) < 1e-9);
  CHECK(error([](auto v) { return unfold_time(v, 2); }, {2, 4, 5}) < 1e-9);
  CHECK(error([](auto v) { return spectral_pool(v, 2); }, {2, 2, 12}) < 1e-9);
  CHECK(error([](auto v) { return spectral_pool(v, 3); }, {1, 2, 15}) < 1e-9);
}

TEST_CASE("pool: strided views give what dense ones give") {
  const auto x = random<double>(Extents<3>{9, 4, 2});
  const auto v = x.view().transpose(0, 2);  // (2, 4, 9)
  Tensor<double, 3> dense(2, 4, 9), a(2, 4, 3), b(2, 4, 3), da(2, 4, 9), wide(27, 4, 2), flat(2, 4, 27);
  copy(dense.view(), v);
  ops::AvgPool::forward(a.view(), v, 3);
  ops::AvgPool::forward(b.view(), dense, 3);
  CHECK(relative_error(a, b) == 0);
  ops::RepeatTime::forward(wide.view().transpose(0, 2), v, 3);
  ops::RepeatTime::forward(flat.view(), dense, 3);
  CHECK(relative_error(wide.view().transpose(0, 2), flat.view()) == 0);
  ops::AvgPool::backward(da.view(), a, 3);
  CHECK(da(1, 2, 8) == a(1, 2, 2) / 3);
}

TEST_CASE("pool: sizes that do not fit are named") {
  const auto x = random<float>(Extents<3>{2, 3, 7});
  Tensor<float, 3> y(2, 3, 4);
  Tape<float> tape;
  const auto v = tape.input(x);
  CHECK(error_text<ShapeError>([&] { ops::AvgPool::forward(y.view(), x, 2); }) ==
        "avg_pool: y is (B=2, H=3, M=4), expected (B=2, H=3, M=3)");
  CHECK(error_text<ValueError>([&] { avg_pool(v, 0); }) == "avg_pool: stride is 0, expected at least 1");
  CHECK(error_text<ShapeError>([&] { mean_channels(v, 2); }) ==
        "mean_channels: x is (B=2, H=3, L=7), H must be a multiple of expand=2");
  CHECK(error_text<ShapeError>([&] { unfold_time(v, 2); }) ==
        "unfold_time: x is (B=2, H=3, L=7), H must be a multiple of stride=2");
  CHECK(error_text<ShapeError>([&] { spectral_pool(v, 2); }) ==
        "spectral_pool: x is (B=2, H=3, L=7), L must be a multiple of stride=2");
}
