#include "longwave/models/sar_loss.hpp"
#include "check.hpp"

using namespace longwave;
using test::random;

namespace {

// By the definitions, on the image (L, 2B) written out.
struct Naive {
  double mae = 0, mse = 0, huber = 0, ssim_loss = 0, edge = 0;
};

Naive naive(TensorView<const double, 3> x, TensorView<const double, 3> t, double delta) {
  const index_t B = x.size(0), h = x.size(1), w = 2 * B;
  Tensor<double, 2> a(h, w), b(h, w);
  for (index_t l = 0; l < h; ++l)
    for (index_t n = 0; n < B; ++n)
      for (index_t q = 0; q < 2; ++q) {
        a(l, 2 * n + q) = x(n, l, q);
        b(l, 2 * n + q) = t(n, l, q);
      }
  const auto mirror = [](index_t i, index_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; };
  double g[7], total = 0;
  for (int k = 0; k < 7; ++k) total += g[k] = std::exp(-(k - 3) * (k - 3) / 4.5);
  Naive sum;
  const auto n = static_cast<double>(h * w);
  for (index_t i = 0; i < h; ++i)
    for (index_t j = 0; j < w; ++j) {
      const double d = std::abs(a(i, j) - b(i, j));
      sum.mae += d / n;
      sum.mse += d * d / n;
      sum.huber += (d <= delta ? d * d / 2 : delta * (d - delta / 2)) / n;
      double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
      for (index_t k = 0; k < 7; ++k)
        for (index_t m = 0; m < 7; ++m) {
          const double weight = g[k] * g[m] / (total * total);
          const double u = a(mirror(i + k - 3, h), mirror(j + m - 3, w));
          const double v = b(mirror(i + k - 3, h), mirror(j + m - 3, w));
          ma += weight * u, mb += weight * v, aa += weight * u * u, bb += weight * v * v, ab += weight * u * v;
        }
      const double S = (2 * ma * mb + 1e-4) * (2 * (ab - ma * mb) + 9e-4) /
                       ((ma * ma + mb * mb + 1e-4) * (aa - ma * ma + bb - mb * mb + 9e-4) + 1e-12);
      sum.ssim_loss += std::min(1.0, std::max(0.0, (1 - S) / 2)) / n;
      const auto difference = [&](index_t y, index_t z) { return a(y, z) - b(y, z); };
      if (j + 1 < w) sum.edge += std::abs(difference(i, j + 1) - difference(i, j)) / static_cast<double>(h * (w - 1));
      if (i + 1 < h) sum.edge += std::abs(difference(i + 1, j) - difference(i, j)) / static_cast<double>((h - 1) * w);
    }
  return sum;
}

Tensor<double, 3> lines(Extents<3> sizes, std::uint64_t seed) {
  auto x = random<double, 3>(sizes, seed);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = 0.5 + 0.2 * x.data()[i];
  return x;
}

}  // namespace

TEST_CASE("sar_image: I and Q of a line are neighbours, lines lie side by side") {
  Tensor<double, 3> x(2, 3, 2);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = static_cast<double>(i);
  Tape<double> tape;
  const auto image = sar_image(tape.input(x)).value();
  REQUIRE(image.sizes() == Extents<3>(1, 3, 4));
  const double want[3][4] = {{0, 1, 6, 7}, {2, 3, 8, 9}, {4, 5, 10, 11}};
  for (index_t l = 0; l < 3; ++l)
    for (index_t j = 0; j < 4; ++j) CHECK(image(0, l, j) == want[l][j]);
}

TEST_CASE("sar_loss: every term equals its definition") {
  for (const auto& sizes : {Extents<3>{2, 4, 2}, {3, 11, 2}, {10, 37, 2}}) {
    const auto x = lines(sizes, 1), t = lines(sizes, 2);
    const SarLossOptions options{.ssim = 0.3, .mse = 2, .huber = 1, .edge = 0.25, .huber_delta = 0.2};
    const Naive want = naive(x.view(), t.view(), 0.2);
    Tape<double> tape;
    const auto loss = sar_loss(tape.input(x), tape.input(t), options);
    CHECK(loss.mae.value()() == Approx(want.mae));
    CHECK(loss.mse.value()() == Approx(want.mse));
    CHECK(loss.huber.value()() == Approx(want.huber));
    CHECK(loss.ssim_loss.value()() == Approx(want.ssim_loss));
    CHECK(loss.edge.value()() == Approx(want.edge));
    CHECK(loss.total.value()() ==
          Approx(0.7 * want.mae + 0.3 * want.ssim_loss + 2 * want.mse + want.huber + 0.25 * want.edge));
  }
}

TEST_CASE("sar_loss: terms of weight 0 are left out, or looked at without a gradient") {
  const auto x = lines({2, 5, 2}, 3), t = lines({2, 5, 2}, 4);
  const Naive want = naive(x.view(), t.view(), 1);
  Tape<double> tape;
  const auto plain = sar_loss(tape.variable(x.view()), tape.input(t));
  CHECK(plain.total.value()() == Approx((want.mae + want.ssim_loss) / 2));
  CHECK_FALSE(plain.mse);
  CHECK_FALSE(plain.huber);
  CHECK_FALSE(plain.edge);
  CHECK_FALSE(sar_loss(tape.input(x), tape.input(t), {.ssim = 0}).ssim_loss);
  const auto similarity = sar_loss(tape.variable(x.view()), tape.input(t), {.ssim = 1});
  CHECK(similarity.total.value()() == Approx(want.ssim_loss));
  CHECK(similarity.mae.value()() == Approx(want.mae));

  const auto y = tape.variable(x.view()), z = tape.variable(x.view());
  const auto all = sar_loss(y, tape.input(t), {.ssim = 0}, true);
  CHECK(all.ssim_loss.value()() == Approx(want.ssim_loss));
  CHECK(all.mse.value()() == Approx(want.mse));
  CHECK(all.edge.value()() == Approx(want.edge));
  tape.backward(all.total);
  tape.backward(l1(z, tape.input(t)));
  for (index_t i = 0; i < x.count(); ++i) CHECK(y.grad().data()[i] == z.grad().data()[i]);
}

TEST_CASE("sar_loss: gradients with respect to both equal differences") {
  auto x = lines({3, 6, 2}, 5);
  auto t = lines({3, 6, 2}, 6);
  const GradCheck defaults = grad_check([](auto&, auto a, auto b) { return sar_loss(a, b).total; }, x, t);
  INFO(defaults.text());
  CHECK(defaults.error < 1e-7);
  const SarLossOptions options{.ssim = 0.7, .mse = 1, .huber = 0.5, .edge = 2, .huber_delta = 0.1};
  const GradCheck all = grad_check([&](auto&, auto a, auto b) { return sar_loss(a, b, options).total; }, x, t);
  INFO(all.text());
  CHECK(all.error < 1e-7);
}

TEST_CASE("sar_loss: strided lines, as a model with (B, 2, L) makes them") {
  const auto planes = lines({3, 2, 7}, 7), target = lines({3, 7, 2}, 8);
  Tensor<double, 3> dense(3, 7, 2);
  copy(dense.view(), planes.view().transpose(1, 2));
  Tape<double> tape;
  const SarLossOptions options{.mse = 1, .edge = 1};
  CHECK(sar_loss(tape.input(planes.view().transpose(1, 2)), tape.input(target), options).total.value()() ==
        sar_loss(tape.input(dense), tape.input(target), options).total.value()());
}

TEST_CASE("sar_loss: bad shapes and weights") {
  const auto error = [](Extents<3> x_sizes, Extents<3> t_sizes, SarLossOptions options = {}) {
    return test::error_text([&] {
      Tape<float> tape;
      const Tensor<float, 3> x(x_sizes), t(t_sizes);
      (void)sar_loss(tape.input(x), tape.input(t), options);
    });
  };
  CHECK(error({2, 5, 3}, {2, 5, 3}) == "sar_image: the lines are (2, 5, 3), expected (B, L, 2): I and Q last");
  CHECK_THAT(error({2, 5, 2}, {2, 5, 3}), Catch::Contains("sar_loss: ") && Catch::Contains("(2, 5, 3)"));
  CHECK(error({1, 5, 2}, {1, 5, 2}) ==
        "ssim: the images are (1, 5, 2) (P, h, w), expected h and w of at least 4, the reach of the window");
  CHECK(error({1, 5, 2}, {1, 5, 2}, {.ssim = 0}).empty());
  CHECK(error({2, 5, 2}, {2, 5, 2}, {.ssim = 1.5}) == "sar_loss: ssim is 1.500000, expected 0 to 1");
  CHECK(error({2, 5, 2}, {2, 5, 2}, {.edge = -1}) == "sar_loss: edge is -1.000000, expected a weight of at least 0");
  CHECK_THAT(error({0, 5, 2}, {0, 5, 2}), Catch::Contains("mean over an empty batch"));
}
