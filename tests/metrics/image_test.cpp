#include "longwave/metrics/image.hpp"
#include "check.hpp"

using namespace longwave;
using test::random;

namespace {

// By the definition, window after window.
double direct(TensorView<const double, 2> x, TensorView<const double, 2> t, index_t window, double R) {
  double total = 0;
  index_t pixels = 0;
  for (index_t y = 0; y + window <= x.size(0); ++y)
    for (index_t j = 0; j + window <= x.size(1); ++j, ++pixels) {
      const double n = static_cast<double>(window * window);
      double mx = 0, mt = 0, vx = 0, vt = 0, c = 0;
      const auto each = [&](auto f) {
        for (index_t k = 0; k < window; ++k)
          for (index_t m = 0; m < window; ++m) f(x(y + k, j + m), t(y + k, j + m));
      };
      each([&](double u, double v) { mx += u / n, mt += v / n; });
      each([&](double u, double v) {
        vx += (u - mx) * (u - mx) / (n - 1), vt += (v - mt) * (v - mt) / (n - 1), c += (u - mx) * (v - mt) / (n - 1);
      });
      const double C1 = 1e-4 * R * R, C2 = 9e-4 * R * R;
      total += (2 * mx * mt + C1) * (2 * c + C2) / ((mx * mx + mt * mt + C1) * (vx + vt + C2));
    }
  return total / static_cast<double>(pixels);
}

}  // namespace

TEST_CASE("image_ssim: equals the definition, windows cut to the image") {
  const struct { index_t h, w, window; } cases[] = {{7, 7, 7}, {8, 20, 7}, {1100, 9, 7}, {40, 6, 5}, {4, 4, 3}};
  for (const auto& c : cases) {
    const auto x = random<double, 2>({c.h, c.w}, 1), t = random<double, 2>({c.h, c.w}, 2);
    double low = t(0, 0), high = low;
    for (index_t i = 0; i < t.count(); ++i) low = std::min(low, t.data()[i]), high = std::max(high, t.data()[i]);
    CHECK(image_ssim(x.view(), t.view()) == Approx(direct(x.view(), t.view(), c.window, high - low)).epsilon(1e-9));
    CHECK(image_ssim(x.view(), t.view(), 2.0) == Approx(direct(x.view(), t.view(), c.window, 2)).epsilon(1e-9));
    CHECK(image_ssim(t.view(), t.view()) == Approx(1));
  }
}

TEST_CASE("image_ssim: floats, strided views, a constant target, any number of threads") {
  const auto x = random<float, 2>({30, 12}, 3), t = random<float, 2>({30, 12}, 4);
  const auto turned = image_ssim(x.view().transpose(0, 1), t.view().transpose(0, 1));
  CHECK(turned == Approx(image_ssim(x.view(), t.view())));
  Tensor<float, 2> constant(30, 12);
  CHECK(std::isnan(image_ssim(x.view(), constant.view())));
  const auto tall = random<float, 2>({3000, 20}, 5), other = random<float, 2>({3000, 20}, 6);
  set_num_threads(1);
  const double one = image_ssim(tall.view(), other.view());
  set_num_threads(8);
  CHECK(image_ssim(tall.view(), other.view()) == one);
  set_num_threads(0);
}

TEST_CASE("psnr: by hand") {
  Tensor<double, 2> x(2, 2), t(2, 2);
  x(0, 0) = 0.2;  // mean square 0.01
  CHECK(psnr(x.view(), t.view()) == Approx(20));
  CHECK(psnr(x.view(), t.view(), 10) == Approx(40));
  CHECK(psnr(t.view(), t.view()) == INFINITY);
}

TEST_CASE("image metrics: bad shapes") {
  const Tensor<float, 2> a(8, 8), b(8, 9), none(0, 5);
  CHECK_THROWS_WITH(image_ssim(a.view(), b.view()), Catch::Contains("image_ssim: ") && Catch::Contains("(8, 9)"));
  CHECK_THROWS_WITH(psnr(a.view(), b.view()), Catch::Contains("psnr: "));
  CHECK_THROWS_WITH(psnr(none.view(), none.view()), "psnr: the images have no pixels");
}
