#include "sar_focus/scores.hpp"

#include <algorithm>
#include <cmath>

#include "longwave/metrics/image.hpp"

namespace longwave::examples::sar_focus {

namespace {

constexpr index_t window = 32;  // of an impulse response

double decibels(double ratio) { return 10 * std::log10(std::max(ratio, 1e-30)); }

Cut cut_of(const std::vector<double>& power) {
  const double peak = *std::max_element(power.begin(), power.end());
  const auto each = static_cast<double>(power.size()) / static_cast<double>(window);
  Cut cut;
  for (std::size_t i = 0; i < power.size(); ++i) {
    cut.at.push_back(static_cast<double>(i) / each - window / 2);
    cut.db.push_back(std::max(-60.0, decibels(peak > 0 ? power[i] / peak : 0)));
  }
  return cut;
}

}  // namespace

std::vector<Place> brightest_scatterers(ImageView image, index_t count) {
  constexpr index_t apart_rows = 24, apart_columns = 8;
  const index_t H = image.size(0), W = image.size(1), half = window / 2;
  struct Candidate {
    float power;
    Place at;
  };
  std::vector<Candidate> candidates;
  for (index_t i = half; i + half < H; ++i)
    for (index_t j = std::min(half, W / 4); j + std::min(half, W / 4) < W; ++j) {
      const float power = norm2(image(i, j));
      if (power > norm2(image(i - 1, j)) && power >= norm2(image(i + 1, j))) candidates.push_back({power, {i, j}});
    }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.power > b.power; });
  std::vector<Place> places;
  for (const Candidate& c : candidates) {
    if (static_cast<index_t>(places.size()) == count) break;
    const bool far = std::all_of(places.begin(), places.end(), [&](const Place& p) {
      return std::abs(p.row - c.at.row) > apart_rows || std::abs(p.column - c.at.column) > apart_columns;
    });
    if (far) places.push_back(c.at);
  }
  return places;
}

Tensor<float, 2> unit_image(ImageView image, SarScale scale) {
  Tensor<float, 2> pixels(image.size(0), 2 * image.size(1));
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j) {
      pixels(i, 2 * j) = scale.to_unit(image(i, j).re);
      pixels(i, 2 * j + 1) = scale.to_unit(image(i, j).im);
    }
  return pixels;
}

Scores score(std::string name, ImageView image, ImageView target, SarScale scale, const std::vector<Place>& places) {
  check_same_shape("score", "image", image, "target", target);
  Scores s;
  s.name = std::move(name);
  const Tensor<float, 2> x = unit_image(image, scale), y = unit_image(target, scale);
  s.ssim = structural_similarity<float>(x.view(), y.view());
  s.psnr = psnr<float>(x.view(), y.view());
  double difference = 0, energy = 0;
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j) {
      difference += static_cast<double>(norm2(image(i, j) - target(i, j)));
      energy += static_cast<double>(norm2(target(i, j)));
    }
  s.error = decibels(energy > 0 ? difference / energy : 1);
  s.contrast = sar::contrast<float>(image);
  s.entropy = sar::entropy<float>(image);
  for (const Place& p : places) s.responses.push_back(sar::impulse_response<float>(image, p.row, p.column, window));
  return s;
}

Image constant_image(const Extents<2>& sizes, complex<float> value) {
  Image image(sizes);
  std::fill(image.data(), image.data() + image.count(), value);
  return image;
}

complex<float> mean_sample(ImageView image) {
  complex<double> sum;
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j) sum += complex<double>(image(i, j));
  const auto n = static_cast<double>(std::max<index_t>(image.count(), 1));
  return {static_cast<float>(sum.re / n), static_cast<float>(sum.im / n)};
}

Image rescaled_input(ImageView rc, SarScale rc_scale, SarScale az_scale) {
  Image image(rc.sizes());
  for (index_t i = 0; i < rc.size(0); ++i)
    for (index_t j = 0; j < rc.size(1); ++j)
      image(i, j) = {az_scale.from_unit(rc_scale.to_unit(rc(i, j).re)),
                     az_scale.from_unit(rc_scale.to_unit(rc(i, j).im))};
  return image;
}

Cut azimuth_cut(ImageView image, Place place) {
  return cut_of(sar::impulse_cuts<float>(image, place.row, place.column, window).azimuth);
}
Cut range_cut(ImageView image, Place place) {
  return cut_of(sar::impulse_cuts<float>(image, place.row, place.column, window).range);
}

}  // namespace longwave::examples::sar_focus
