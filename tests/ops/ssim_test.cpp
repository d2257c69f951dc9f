#include "longwave/autograd/functions/ssim.hpp"
#include "check.hpp"
#include "host_place.hpp"
#include "longwave/autograd/grad_check.hpp"
#include "typed_ssim.hpp"

using namespace longwave;
using test::random;
using test::relative_error;

namespace {

// By the definition: every mean under the window as a sum over its 49 pixels.
Tensor<double, 3> direct_ssim(TensorView<const double, 3> a, TensorView<const double, 3> b) {
  Tensor<double, 3> S(a.sizes());
  const index_t h = a.size(1), w = a.size(2);
  const auto mirror = [](index_t i, index_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; };
  double weights[7], total = 0;
  for (int k = 0; k < 7; ++k) total += weights[k] = std::exp(-(k - 3) * (k - 3) / (2 * 1.5 * 1.5));
  for (index_t p = 0; p < a.size(0); ++p)
    for (index_t y = 0; y < h; ++y)
      for (index_t x = 0; x < w; ++x) {
        double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
        for (index_t i = 0; i < 7; ++i)
          for (index_t j = 0; j < 7; ++j) {
            const double g = weights[i] * weights[j] / (total * total);
            const double u = a(p, mirror(y + i - 3, h), mirror(x + j - 3, w));
            const double v = b(p, mirror(y + i - 3, h), mirror(x + j - 3, w));
            ma += g * u, mb += g * v, aa += g * u * u, bb += g * v * v, ab += g * u * v;
          }
        const double c = ab - ma * mb, va = aa - ma * ma, vb = bb - mb * mb;
        S(p, y, x) = (2 * ma * mb + 1e-4) * (2 * c + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4) + 1e-12);
      }
  return S;
}

Tensor<double, 3> image(Extents<3> sizes, std::uint64_t seed) {
  auto x = random<double, 3>(sizes, seed);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = 0.5 + 0.2 * x.data()[i];
  return x;
}

}  // namespace

TEST_CASE("ssim: equals the direct sums at any size the window fits") {
  for (const auto& sizes :
       {Extents<3>{1, 4, 4}, {2, 5, 7}, {1, 4, 131}, {1, 131, 4}, {3, 20, 13}, {1, 410, 4}, {1, 33, 131}}) {
    const auto a = image(sizes, 1), b = image(sizes, 2);
    const auto want = direct_ssim(a.view(), b.view());
    Tensor<double, 3> S(sizes);
    ops::Ssim::forward(S.view(), a, b);
    CHECK(relative_error(S.view(), want.view()) < 1e-12);
    // In float: variances of some 0.04 from values within 1 of their middle.
    Tensor<float, 3> a_float(sizes), b_float(sizes), S_float(sizes);
    for (index_t i = 0; i < a.count(); ++i) {
      a_float.data()[i] = static_cast<float>(a.data()[i]);
      b_float.data()[i] = static_cast<float>(b.data()[i]);
    }
    ops::Ssim::forward(S_float.view(), a_float, b_float);
    CHECK(relative_error(S_float.view(), want.view()) < 3e-5);
  }
}

TEST_CASE("ssim: an image is like itself, whatever its values") {
  const auto a = image({1, 9, 11}, 3);
  Tape<double> tape;
  const auto S = ssim(tape.input(a), tape.input(a));
  for (index_t i = 0; i < a.count(); ++i) CHECK(S.value().data()[i] == Approx(1).epsilon(1e-9));
  CHECK(ssim_loss(tape.input(a), tape.input(a)).value()() == Approx(0).margin(1e-8));
}

TEST_CASE("ssim: gradients with respect to both images equal differences") {
  for (const auto& sizes : {Extents<3>{1, 4, 4}, {2, 5, 9}, {1, 8, 4}}) {
    auto a = image(sizes, 4);
    auto b = image(sizes, 5);
    const GradCheck map = grad_check([](auto&, auto x, auto t) { return ssim(x, t); }, a, b);
    INFO(map.text());
    CHECK(map.error < 1e-7);
    const GradCheck loss = grad_check([](auto&, auto x, auto t) { return ssim_loss(x, t); }, a, b);
    INFO(loss.text());
    CHECK(loss.error < 1e-7);
  }
}

// One block of rows, several, and a last one of one or two rows, whose windows reach into the one before.
TEST_CASE("ssim: blocks of rows of any size have the same gradients") {
  for (const auto& sizes : {Extents<3>{2, 6, 9}, {1, 410, 4}, {2, 33, 131}, {1, 36, 70}})
    test::check_ssim<double, Host>(sizes);
}

TEST_CASE("ssim: strided views, one gradient alone, no images, any number of threads") {
  const auto wide = image({13, 8, 2}, 9), other = image({2, 8, 13}, 10), dS = random<double, 3>({2, 8, 13}, 11);
  const auto turned = wide.view().transpose(0, 2);
  Tensor<double, 3> dense(2, 8, 13), S(2, 8, 13), S_dense(2, 8, 13), da(2, 8, 13), da_both(2, 8, 13), db(2, 8, 13);
  copy(dense.view(), turned);
  ops::Ssim::forward(S.view(), turned, other);
  set_num_threads(1);
  ops::Ssim::forward(S_dense.view(), dense, other);
  ops::Ssim::backward(da_both.view(), db.view(), dS, dense, other);
  set_num_threads(8);
  ops::Ssim::backward(da.view(), {}, dS, turned, other);
  set_num_threads(0);
  for (index_t i = 0; i < S.count(); ++i) CHECK(S.data()[i] == S_dense.data()[i]);
  for (index_t i = 0; i < S.count(); ++i) CHECK(da.data()[i] == da_both.data()[i]);
  Tensor<double, 3> none(0, 5, 5);
  ops::Ssim::forward(none.view(), none, none);
  ops::Ssim::backward(none.view(), none.view(), none, none, none);
}

TEST_CASE("ssim: errors name the sizes") {
  Tensor<float, 3> a(1, 3, 9), b(1, 9, 9), S(1, 9, 9);
  CHECK(test::error_text<ShapeError>([&] { ops::Ssim::forward(a.view(), a, a); }) ==
        "ssim: the images are (1, 3, 9) (P, h, w), expected h and w of at least 4, the reach of the window");
  CHECK_THROWS_WITH(ops::Ssim::forward(S.view(), a, b), Catch::Contains("ssim: ") && Catch::Contains("(1, 3, 9)"));
}
