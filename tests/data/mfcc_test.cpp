#include "longwave/data/mfcc.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// The definition, wave by wave.
Tensor<double, 2> naive(const Tensor<double, 1>& x, const MfccOptions& o) {
  const double pi = std::numbers::pi;
  const index_t L = x.size(0), F = 1 + L / o.hop;
  const auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
  const auto edge = [&](index_t m) {  // of the triangles, in Hz
    return 700 * (std::pow(10, mel(double(o.rate) / 2) * double(m) / double(o.mels + 1) / 2595) - 1);
  };
  Tensor<double, 2> level(F, o.mels), y(o.coefficients, F);
  double top = -1e300;
  for (index_t f = 0; f < F; ++f)
    for (index_t m = 0; m < o.mels; ++m) {
      double sum = 0;
      for (index_t k = 0; k <= o.n_fft / 2; ++k) {
        std::complex<double> X = 0;
        for (index_t j = 0; j < o.n_fft; ++j) {
          index_t at = std::abs(f * o.hop + j - o.n_fft / 2);
          if (at >= L) at = 2 * L - 2 - at;
          X += x(at) * (0.5 - 0.5 * std::cos(2 * pi * double(j) / double(o.n_fft))) *
               std::polar(1.0, -2 * pi * double(j * k) / double(o.n_fft));
        }
        const double hertz = double(k) * double(o.rate) / double(o.n_fft);
        double weight = 0;
        if (hertz > edge(m) && hertz <= edge(m + 1)) weight = (hertz - edge(m)) / (edge(m + 1) - edge(m));
        if (hertz > edge(m + 1) && hertz < edge(m + 2)) weight = (edge(m + 2) - hertz) / (edge(m + 2) - edge(m + 1));
        sum += weight * std::norm(X);
      }
      level(f, m) = 10 * std::log10(std::max(sum, 1e-10));
      top = std::max(top, level(f, m));
    }
  for (index_t f = 0; f < F; ++f)
    for (index_t k = 0; k < o.coefficients; ++k)
      for (index_t m = 0; m < o.mels; ++m)
        y(k, f) += std::sqrt((k == 0 ? 1.0 : 2.0) / double(o.mels)) * std::max(level(f, m), top - 80) *
                   std::cos(pi * double(k) * (double(m) + 0.5) / double(o.mels));
  return y;
}

}  // namespace

TEST_CASE("mfcc: the definition, also where much is silent") {
  for (const bool silent : {false, true})
    for (const MfccOptions& o : {MfccOptions{.rate = 8000, .coefficients = 5, .mels = 7, .n_fft = 32, .hop = 16},
                                 MfccOptions{.rate = 1000, .coefficients = 3, .mels = 3, .n_fft = 20, .hop = 7}}) {
      auto x = random<double>(Extents<1>{100}, 4);
      for (index_t l = 0; l < 60 && silent; ++l) x(l) = 1e-9 * std::sin(0.1 * static_cast<double>(l));
      const Mfcc mfcc(o);
      Tensor<double, 2> y(o.coefficients, mfcc.frames(100));
      mfcc(TensorView<const double, 1>(x.view()), y.view());
      CHECK(relative_error(y, naive(x, o)) < 1e-11);
    }
}

TEST_CASE("mfcc: a second of sound is 161 frames of 20 coefficients") {
  Dataset<float> data{"sounds", random<float>(Extents<3>{2, 1, 16000}), Tensor<index_t, 1>(2), 3};
  data.y(1) = 2;
  const Dataset<float> out = Mfcc()(data);
  check_dataset(out);
  CHECK(out.x.sizes() == Extents<3>{2, 20, 161});
  CHECK(out.y(1) == 2);
}

TEST_CASE("mfcc: sizes that cannot be are refused") {
  CHECK(contains(error_text<ValueError>([] { Mfcc({.mels = 10}); }), "20 coefficients of 10 mels"));
  const Tensor<float, 1> x(100);
  Tensor<float, 2> y(20, 2);
  CHECK(contains(error_text<ShapeError>([&] { Mfcc()(x.view(), y.view()); }),
                 "x is (L=100), more than half of n_fft = 200"));
  const Dataset<float> two{"two", Tensor<float, 3>(1, 2, 300), Tensor<index_t, 1>(1), 1};
  CHECK(contains(error_text<ShapeError>([&] { Mfcc()(two); }), "two: Mfcc takes one channel, not 2"));
}
