#include "longwave/metrics/regression.hpp"

#include <array>
#include <numbers>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }
double normal_below(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

// The x with normal_below(x) = p, by bisection.
double normal_quantile(double p) {
  double low = -10, high = 10;
  while (high - low > 1e-13) (normal_below((low + high) / 2) < p ? low : high) = (low + high) / 2;
  return low;
}

// S samples of one entry at the middles of S equal parts of the normal distribution.
Tensor<double, 4> normal_samples(index_t S, double mean, double deviation) {
  Tensor<double, 4> samples(S, 1, 1, 1);
  for (index_t s = 0; s < S; ++s)
    samples(s, 0, 0, 0) = mean + deviation * normal_quantile((static_cast<double>(s) + 0.5) / static_cast<double>(S));
  return samples;
}

template <class T>
Tensor<T, 3> filled(Extents<3> sizes, T value) {
  Tensor<T, 3> t(sizes);
  for (index_t i = 0; i < t.count(); ++i) t.data()[i] = value;
  return t;
}

}  // namespace

TEST_CASE("regression: quantiles by hand, as NumPy's default") {
  Tensor<double, 4> samples(4, 1, 1, 1);
  samples(0, 0, 0, 0) = 7, samples(1, 0, 0, 0) = 1, samples(2, 0, 0, 0) = 3, samples(3, 0, 0, 0) = 2;
  const auto q = quantiles(samples.view(), {0, 0.1, 0.25, 0.5, 0.9, 1});
  const double want[] = {1, 1.3, 1.75, 2.5, 5.8, 7};
  for (index_t i = 0; i < 6; ++i) CHECK(q(i, 0, 0, 0) == Approx(want[i]));
  CHECK(median(samples.view())(0, 0, 0) == 2.5);
  CHECK(quantiles(samples.view().slice(0, 0, 1), {0.3})(0, 0, 0, 0) == 7);
  CHECK(error_text<ValueError>([&] { quantiles(samples.view(), {1.5}); }) ==
        "quantiles: the level 1.500000 is outside [0, 1]");
  CHECK(error_text<ValueError>([&] { median(samples.view().slice(0, 0, 0)); }) == "median: there are no samples");
  samples(2, 0, 0, 0) = NAN;
  CHECK(error_text<ValueError>([&] { median(samples.view()); }) == "median: the sample at (2, 0, 0, 0) is nan");
}

TEST_CASE("regression: MAE and RMSE of the masked entries whose target is known") {
  Tensor<float, 3> prediction(1, 2, 3), target(1, 2, 3), mask(1, 2, 3);
  const float p[] = {1, 2, 3, 4, NAN, 6}, t[] = {0, 2, 7, NAN, 5, 6}, m[] = {0, 0, 0, 0, 1, 1};
  std::copy_n(p, 6, prediction.data()), std::copy_n(t, 6, target.data()), std::copy_n(m, 6, mask.data());
  const PointScores s = point_scores(prediction.view(), target.view(), mask.view());
  CHECK(s.entries == 3);
  CHECK(s.mae == Approx(5.0 / 3));
  CHECK(s.rmse == Approx(std::sqrt(17.0 / 3)));
  prediction(0, 0, 1) = NAN;
  CHECK(error_text<ValueError>([&] { point_scores(prediction.view(), target.view(), mask.view()); }) ==
        "point_scores: the prediction at (0, 0, 1) is nan");
  CHECK(contains(error_text<ValueError>([&] {
                   point_scores(target.view(), target.view(), filled({1, 2, 3}, 1).view());
                 }),
                 "nothing to score"));
  CHECK(contains(error_text<ShapeError>([&] {
                   point_scores(target.view(), target.view(), filled({1, 3, 2}, 1).view());
                 }),
                 "mask and target differ in shape"));
}

TEST_CASE("regression: the CRPS of samples against its definition, the integral") {
  const auto samples = random<double>(Extents<4>{7, 2, 1, 3}, 5);
  const auto target = random<double>(Extents<3>{2, 1, 3}, 6);
  const auto mask = filled<int>({2, 1, 3}, 0);
  double sum = 0;
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 3; ++l) {
      // Both distributions are steps: exact between neighbouring values.
      std::vector<double> at = {target(b, 0, l)};
      for (index_t s = 0; s < 7; ++s) at.push_back(samples(s, b, 0, l));
      std::sort(at.begin(), at.end());
      for (std::size_t i = 0; i + 1 < at.size(); ++i) {
        double below = 0;
        for (index_t s = 0; s < 7; ++s) below += samples(s, b, 0, l) <= at[i] ? 1.0 / 7 : 0;
        sum += std::pow(below - (target(b, 0, l) <= at[i] ? 1 : 0), 2) * (at[i + 1] - at[i]);
      }
    }
  CHECK(sample_scores(samples.view(), target.view(), mask.view()).crps_samples == Approx(sum / 6));
}

TEST_CASE("regression: the CRPS in CSDI's form against a plain loop") {
  const auto samples = random<double>(Extents<4>{13, 2, 3, 5}, 7);
  const auto target = random<double>(Extents<3>{2, 3, 5}, 8);
  auto mask = filled<float>({2, 3, 5}, 0);
  mask(1, 2, 3) = mask(0, 0, 0) = 1;
  double crps = 0;
  for (int i = 1; i < 20; ++i) {
    const double q = 0.05 * i;
    const auto x = quantiles(samples.view(), {q});
    double loss = 0, whole = 0;
    for (index_t j = 0; j < target.count(); ++j) {
      if (mask.data()[j] != 0) continue;
      const double y = target.data()[j], d = y - x.data()[j];
      loss += 2 * (d > 0 ? q * d : (q - 1) * d);
      whole += std::abs(y);
    }
    crps += loss / whole / 19;
  }
  const SampleScores s = sample_scores(samples.view(), target.view(), mask.view());
  CHECK(s.crps_quantile == Approx(crps));
  CHECK(s.entries == 28);
  const auto point = point_scores(median(samples.view()).view(), target.view(), mask.view());
  CHECK(s.mae == Approx(point.mae));
  CHECK(s.rmse == Approx(point.rmse));
}

TEST_CASE("regression: both forms of the CRPS approach the normal distribution's") {
  // Gneiting and Raftery 2007: deviation * (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt pi).
  for (const auto& [mean, deviation, y] : {std::array{0.0, 1.0, 0.3}, std::array{2.0, 0.5, 3.0}}) {
    const double z = (y - mean) / deviation;
    const double want =
        deviation * (z * (2 * normal_below(z) - 1) + 2 * normal_density(z) - 1 / std::sqrt(std::numbers::pi));
    const auto samples = normal_samples(2000, mean, deviation);
    const SampleScores s = sample_scores(samples.view(), filled({1, 1, 1}, y).view(), filled({1, 1, 1}, 0).view());
    CHECK(s.crps_samples == Approx(want).epsilon(1e-3));
    // The CRPS is the integral of twice the pinball loss over all levels; CSDI's form has 19 of them.
    double pinball = 0;
    for (int i = 1; i < 20; ++i) {
      const double x = mean + deviation * normal_quantile(0.05 * i);
      pinball += 2 * std::abs((y - x) * ((y <= x ? 1 : 0) - 0.05 * i)) / 19;
    }
    CHECK(s.crps_quantile * y == Approx(pinball).epsilon(1e-3));
    CHECK(s.crps_quantile * y == Approx(want).epsilon(0.1));
    CHECK(s.coverage == (std::abs(z) < 1.6449 ? 1 : 0));
  }
}

TEST_CASE("regression: one sample is a point, certainty at the target costs nothing") {
  const auto target = random<float>(Extents<3>{2, 2, 3}, 9);
  Tensor<float, 4> samples(1, 2, 2, 3);
  for (index_t i = 0; i < 12; ++i) samples.data()[i] = target.data()[i] + 0.5f;
  const auto mask = filled<float>({2, 2, 3}, 0);
  const SampleScores off = sample_scores(samples.view(), target.view(), mask.view());
  CHECK(off.crps_samples == Approx(0.5).epsilon(1e-6));
  CHECK(off.coverage == 0);
  std::copy_n(target.data(), 12, samples.data());
  const SampleScores exact = sample_scores(samples.view(), target.view(), mask.view());
  CHECK(exact.crps_samples == 0);
  CHECK(exact.crps_quantile == 0);
  CHECK(exact.coverage == 1);
}

TEST_CASE("regression: views, threads and errors of sample scores") {
  const auto samples = random<double>(Extents<4>{9, 5, 4, 7}, 10);
  const auto target = random<double>(Extents<3>{5, 4, 7}, 11);
  const auto mask = filled<double>({5, 4, 7}, 0);
  set_num_threads(1);
  const SampleScores one = sample_scores(samples.view(), target.view(), mask.view());
  set_num_threads(3);
  const SampleScores three = sample_scores(samples.view(), target.view(), mask.view());
  set_num_threads(0);
  CHECK(one.crps_quantile == three.crps_quantile);
  CHECK(one.crps_samples == three.crps_samples);
  Tensor<double, 4> turned(7, 5, 4, 9);
  for (index_t s = 0; s < 9; ++s)
    for (index_t b = 0; b < 5; ++b)
      for (index_t c = 0; c < 4; ++c)
        for (index_t l = 0; l < 7; ++l) turned(l, b, c, s) = samples(s, b, c, l);
  CHECK(sample_scores(turned.view().transpose(0, 3), target.view(), mask.view()).crps_samples == one.crps_samples);
  CHECK(error_text<ShapeError>([&] { sample_scores(samples.view(), target.view().slice(0, 0, 4), mask.view()); }) ==
        "sample_scores: samples is (S=9, B=5, C=4, L=7), expected (S=9, B=4, C=4, L=7)");
  CHECK(contains(error_text<ValueError>([&] {
                   sample_scores(samples.view(), filled({5, 4, 7}, 0.0).view(), mask.view());
                 }),
                 "every target is 0"));
  CHECK(contains(error_text<ValueError>([&] {
                   sample_scores(samples.view(), filled({5, 4, 7}, double(NAN)).view(), mask.view());
                 }),
                 "nothing to score"));
}
