// What every consumer project builds: a tensor, an op, and a check of the numbers.
#include <cmath>
#include <cstdio>

#include "longwave/core/print.hpp"
#include "longwave/core/random.hpp"
#include "longwave/ops/fft_conv.hpp"
#include "longwave/version.hpp"

#if defined(EXPECT_FFTW) != defined(LONGWAVE_FFTW)
#error "FFTW is there exactly when it is asked for"
#endif
#if defined(EXPECT_OPENMP) != defined(_OPENMP)
#error "OpenMP is there exactly when it is asked for"
#endif

namespace lw = longwave;

int main() {
  const lw::index_t H = 3, L = 11;
  lw::Tensor<double, 3> u(2, H, L), y(2, H, L);
  lw::Tensor<double, 2> K(H, L);
  lw::Generator gen(42);
  gen.normal(u.view());
  gen.normal(K.view());
  lw::ops::FftConv::forward(y.view(), u, K);

  double error = 0;
  for (lw::index_t b = 0; b < 2; ++b)
    for (lw::index_t h = 0; h < H; ++h)
      for (lw::index_t l = 0; l < L; ++l) {
        double sum = 0;
        for (lw::index_t j = 0; j <= l; ++j) sum += K(h, j) * u(b, h, l - j);
        error = std::max(error, std::abs(sum - y(b, h, l)));
      }
  std::printf("%s\nlargest error %g\n", lw::to_string(y.view()).c_str(), error);
  return error < 1e-12 ? 0 : 1;  // sums of eleven products of size one
}
