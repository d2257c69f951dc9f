#include "longwave/diffusion/point_noise.hpp"

#include <algorithm>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// How far row b of y is from the segments between row b of x and any row of x.
double distance_to_segments(TensorView<const double, 2> y, TensorView<const double, 2> x, index_t b) {
  double nearest = INFINITY;
  for (index_t j = 0; j < x.size(0); ++j) {
    double along = 0, length = 0;
    for (index_t p = 0; p < x.size(1); ++p) {
      along += (y(b, p) - x(b, p)) * (x(j, p) - x(b, p));
      length += (x(j, p) - x(b, p)) * (x(j, p) - x(b, p));
    }
    const double a = length > 0 ? std::clamp(along / length, 0.0, 1.0) : 0;
    double square = 0;
    for (index_t p = 0; p < x.size(1); ++p) {
      const double d = y(b, p) - x(b, p) - a * (x(j, p) - x(b, p));
      square += d * d;
    }
    nearest = std::min(nearest, std::sqrt(square));
  }
  return nearest;
}

double mean_square(TensorView<const double, 2> x) {
  double sum = 0;
  for (index_t i = 0; i < x.count(); ++i) sum += x.data()[i] * x.data()[i] / static_cast<double>(x.count());
  return sum;
}

bool same(TensorView<const double, 2> a, TensorView<const double, 2> b) { return relative_error(a, b) == 0; }

}  // namespace

TEST_CASE("point_noise: Gaussian noise is mixed in and predicted") {
  const auto x0 = random<double>(Extents<2>{40, 50}, 1);
  Tape<double> tape;
  Generator gen(2);
  const auto drawn = GaussianNoise().draw(tape, gen, x0.view());
  CHECK(same(drawn.added, drawn.target));
  CHECK(std::abs(mean_square(drawn.added) - 1) < 5 * std::sqrt(2.0 / 2000));
  auto x = x0.clone();
  GaussianNoise().disturb(tape, gen, x.view(), 0.0);
  CHECK(same(x.view(), x0.view()));
  GaussianNoise().disturb(tape, gen, x.view(), 3.0);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] -= x0.data()[i];
  CHECK(std::abs(mean_square(x.view()) - 9) < 9 * 5 * std::sqrt(2.0 / 2000));
}

TEST_CASE("point_noise: convex noise lies between rows of the batch") {
  const auto x0 = random<double>(Extents<2>{30, 4}, 1);
  Tape<double> tape;
  Generator gen(2);
  const auto faithful = ConvexNoise{ConvexTarget::noise}.draw(tape, gen, x0.view());
  const auto effective = ConvexNoise{ConvexTarget::effective}.draw(tape, gen, x0.view());
  const auto pairs = ConvexNoise{ConvexTarget::gauss_pairs}.draw(tape, gen, x0.view());
  for (index_t b = 0; b < 30; ++b) {
    CHECK(distance_to_segments(faithful.added, x0.view(), b) < 1e-12);
    CHECK(distance_to_segments(effective.added, x0.view(), b) < 1e-12);
  }
  CHECK(distance_to_segments(pairs.added, x0.view(), 0) > 1e-3);
  CHECK(!same(faithful.added, faithful.target));  // predicts numbers that are in nothing
  CHECK(same(effective.added, effective.target));
  CHECK(same(pairs.added, pairs.target));
}

TEST_CASE("point_noise: convex combinations of normal numbers have two thirds of their variance") {
  Tape<double> tape;
  Generator gen(2);
  for (const ConvexTarget target : {ConvexTarget::noise, ConvexTarget::effective, ConvexTarget::gauss_pairs}) {
    const auto start = ConvexNoise{target}.start(tape, gen, Extents<2>{2000, 2});  // E a^2 + (1 - a)^2 = 2/3
    CHECK(std::abs(mean_square(start) - 2.0 / 3) < 0.06);
  }
}

TEST_CASE("point_noise: a convex sampling step moves rows towards each other") {
  const auto mean = random<double>(Extents<2>{30, 4}, 1);
  Tape<double> tape;
  Generator gen(2);
  auto x = mean.clone();
  ConvexNoise().disturb(tape, gen, x.view(), 0.0);
  CHECK(same(x.view(), mean.view()));
  ConvexNoise().disturb(tape, gen, x.view(), 0.1);
  for (index_t b = 0; b < 30; ++b) CHECK(distance_to_segments(x.view(), mean.view(), b) < 1e-12);
  double moved = 0, spread = 0;
  for (index_t p = 0; p < 4; ++p)
    for (index_t b = 0; b < 30; ++b) {
      moved = std::max(moved, std::abs(x(b, p) - mean(b, p)));
      for (index_t j = 0; j < 30; ++j) spread = std::max(spread, std::abs(mean(j, p) - mean(b, p)));
    }
  CHECK(moved > 0);
  CHECK(moved <= 0.1 * spread);
  auto y = mean.clone();
  ConvexNoise{ConvexTarget::gauss_pairs}.disturb(tape, gen, y.view(), 0.5);
  for (index_t i = 0; i < y.count(); ++i) y.data()[i] -= mean.data()[i];
  CHECK(std::abs(mean_square(y.view()) - 0.25 * 2 / 3) < 0.1);
}
