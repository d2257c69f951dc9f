#include "longwave/metrics/image.hpp"

#include "check.hpp"

using namespace longwave;

namespace {

Tensor<double, 2> picture(index_t h, index_t w, std::uint64_t seed) {
  Generator gen(seed);
  Tensor<double, 2> x(h, w);
  gen.uniform(x.view());
  return x;
}

Tensor<double, 2> scaled(const Tensor<double, 2>& x, double by, double plus) {
  Tensor<double, 2> y(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) y.data()[i] = by * x.data()[i] + plus;
  return y;
}

// Straight from the formula: two passes over each window.
double naive_similarity(const Tensor<double, 2>& x, const Tensor<double, 2>& y, index_t side) {
  const index_t h = x.size(0), w = x.size(1);
  const double low = *std::min_element(y.data(), y.data() + y.count()),
               high = *std::max_element(y.data(), y.data() + y.count());
  const double C1 = std::pow(0.01 * (high - low), 2), C2 = std::pow(0.03 * (high - low), 2);
  const auto n = static_cast<double>(side * side);
  double total = 0;
  for (index_t i = 0; i + side <= h; ++i)
    for (index_t j = 0; j + side <= w; ++j) {
      double mx = 0, my = 0, vx = 0, vy = 0, c = 0;
      for (index_t a = i; a < i + side; ++a)
        for (index_t b = j; b < j + side; ++b) {
          mx += x(a, b) / n;
          my += y(a, b) / n;
        }
      for (index_t a = i; a < i + side; ++a)
        for (index_t b = j; b < j + side; ++b) {
          vx += (x(a, b) - mx) * (x(a, b) - mx) / (n - 1);
          vy += (y(a, b) - my) * (y(a, b) - my) / (n - 1);
          c += (x(a, b) - mx) * (y(a, b) - my) / (n - 1);
        }
      total += (2 * mx * my + C1) * (2 * c + C2) / ((mx * mx + my * my + C1) * (vx + vy + C2));
    }
  return total / static_cast<double>((h - side + 1) * (w - side + 1));
}

}  // namespace

TEST_CASE("structural_similarity: equals the formula, for windows that shrink with the image") {
  struct Case {
    index_t h, w, side;
  };
  for (const Case& c : {Case{20, 9, 7}, {7, 7, 7}, {13, 6, 5}, {8, 50, 7}, {3, 11, 3}, {4, 4, 3}}) {
    const auto x = picture(c.h, c.w, 1), y = picture(c.h, c.w, 2);
    CHECK(ssim_window(c.h, c.w) == c.side);
    CHECK(structural_similarity<double>(x.view(), y.view()) == Approx(naive_similarity(x, y, c.side)).epsilon(1e-12));
  }
}

TEST_CASE("structural_similarity: 1 for an image with itself, and the target's range is what counts") {
  const auto x = picture(16, 12, 3), y = picture(16, 12, 4);
  CHECK(structural_similarity<double>(x.view(), x.view()) == Approx(1).epsilon(1e-14));
  // Scaling both changes nothing, whatever the unit.
  const auto x2 = scaled(x, 24000, 0), y2 = scaled(y, 24000, 0);
  CHECK(structural_similarity<double>(x2.view(), y2.view()) ==
        Approx(structural_similarity<double>(x.view(), y.view())).epsilon(1e-12));
  // A flat guess has no structure; which of the two is the target matters.
  const auto flat = scaled(x, 0.01, 0.5);
  CHECK(structural_similarity<double>(flat.view(), x.view()) == Approx(naive_similarity(flat, x, 7)).epsilon(1e-12));
  CHECK(structural_similarity<double>(x.view(), flat.view()) == Approx(naive_similarity(x, flat, 7)).epsilon(1e-12));
  CHECK(structural_similarity<double>(x.view(), flat.view()) < 0.1);
}

TEST_CASE("structural_similarity: a large offset costs no digits, and a constant target is no quotient of zeros") {
  const auto x = picture(15, 15, 5), y = picture(15, 15, 6);
  const auto far_x = scaled(x, 1, 1e6), far_y = scaled(y, 1, 1e6);
  CHECK(structural_similarity<double>(far_x.view(), far_y.view()) ==
        Approx(naive_similarity(far_x, far_y, 7)).epsilon(1e-7));
  const auto half = scaled(x, 0, 0.5);
  CHECK(structural_similarity<double>(half.view(), half.view()) == 1);
  CHECK(structural_similarity<double>(x.view(), half.view()) == 0);
}

TEST_CASE("structural_similarity, psnr: views that are not dense, and floats") {
  const auto x = picture(12, 30, 7), y = picture(12, 30, 8);
  Tensor<float, 2> xf(30, 12), yf(30, 12);
  for (index_t i = 0; i < 12; ++i)
    for (index_t j = 0; j < 30; ++j) {
      xf(j, i) = static_cast<float>(x(i, j));
      yf(j, i) = static_cast<float>(y(i, j));
    }
  const TensorView<const float, 2> a = xf.view().transpose(0, 1), b = yf.view().transpose(0, 1);
  CHECK(structural_similarity<float>(a, b) == Approx(structural_similarity<double>(x.view(), y.view())).epsilon(1e-5));
  CHECK(psnr<float>(a, b) == Approx(psnr<double>(x.view(), y.view())).epsilon(1e-5));
}

TEST_CASE("psnr: 20 dB for an error of a tenth of the peak, infinite for none") {
  const auto x = picture(5, 4, 9);
  const auto off = scaled(x, 1, 0.1);
  CHECK(psnr<double>(off.view(), x.view()) == Approx(20).epsilon(1e-10));
  CHECK(psnr<double>(off.view(), x.view(), 10) == Approx(40).epsilon(1e-10));
  CHECK(std::isinf(psnr<double>(x.view(), x.view())));
  CHECK(mean_squared_error<double>(off.view(), x.view()) == Approx(0.01).epsilon(1e-10));
}

TEST_CASE("structural_similarity, psnr: images of two sizes, or none, or too small") {
  const Tensor<double, 2> x(8, 8), y(8, 9), none(0, 4), thin(2, 9);
  CHECK_THROWS_WITH(structural_similarity<double>(x.view(), y.view()),
                    Catch::Contains("structural_similarity") && Catch::Contains("(8, 9)"));
  CHECK_THROWS_WITH(psnr<double>(x.view(), y.view()), Catch::Contains("(8, 8)"));
  CHECK_THROWS_WITH(psnr<double>(none.view(), none.view()), "mean_squared_error: the images are (0, 4)");
  CHECK_THROWS_WITH(structural_similarity<double>(thin.view(), thin.view()),
                    "structural_similarity: the images are (2, 9), expected at least 3 rows and columns");
}
