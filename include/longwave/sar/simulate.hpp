// simulate.hpp - echoes and scenes that are known exactly: raw echoes of point scatterers, and range-compressed columns
// with the image they focus to.
//
//   simulate_echoes   x(a, r) += A e^{i pi K t^2 - i 4 pi R_a/lambda},  R_a^2 = R0^2 + V^2 (eta_a - eta_0)^2,
//                     where the pulse covers sample r and the Doppler frequency is within the antenna's beam
//   simulate_scene    an image of scatterers over speckle, and the columns that range_doppler's step 3 makes it from
#pragma once

#include <numbers>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/sar/range_doppler.hpp"

namespace longwave::sar {

struct Scatterer {
  double closest_range = 0;  // m
  double row = 0;            // pulse of zero Doppler; with squint it may lie outside of the block
  complex<double> amplitude = 1;
};

// Adds to raw (A, R). beam: processed share of the PRF around the centroid.
template <class T>
void simulate_echoes(TensorView<complex<T>, 2> raw, const Radar& radar, const std::vector<Scatterer>& scatterers,
                     double beam = 0.8) {
  check_radar("simulate_echoes", radar);
  const index_t A = raw.size(0), R = raw.size(1), P = radar.chirp_samples();
  const double lambda = radar.wavelength(), V = radar.velocity;
  parallel_for(
      A,
      [&](index_t a) {
        for (const Scatterer& s : scatterers) {
          const double eta = (static_cast<double>(a) - s.row) / radar.prf;
          const double range = std::sqrt(s.closest_range * s.closest_range + V * V * eta * eta);
          const double doppler = -2 * V * V * eta / (lambda * range);
          if (std::abs(doppler - radar.doppler_centroid) > beam * radar.prf / 2) continue;
          const double start = (range - radar.first_range) / radar.range_step();
          const auto first = static_cast<index_t>(std::ceil(start));
          const double echo = -4 * std::numbers::pi * range / lambda;
          for (index_t r = std::max<index_t>(first, 0); r < std::min(first + P, R); ++r) {
            const double t = (static_cast<double>(r) - start - static_cast<double>(P - 1) / 2) / radar.range_rate;
            const double phase = echo + std::numbers::pi * radar.chirp_rate * t * t;
            const complex<double> z = s.amplitude * complex<double>(std::cos(phase), std::sin(phase));
            raw(a, r) += complex<T>(z);
          }
        }
      },
      16);
}

struct SceneOptions {
  index_t scatterers = 40;
  double brightest = 100;  // over the speckle's deviation; amplitudes fall like 1/k
  double speckle = 1;
  double bandwidth = 0.8;  // share of the PRF that image and columns hold
};

// image, columns (n, W): one focuses to the other by step 3 of range_doppler alone.
template <class T>
void simulate_scene(TensorView<complex<T>, 2> image, TensorView<complex<T>, 2> columns, const Radar& radar,
                    const SceneOptions& options, Generator& gen) {
  check_radar("simulate_scene", radar);
  check_same_shape("simulate_scene", "columns", columns, "image", image);
  const index_t n = image.size(0), W = image.size(1);
  if (n < 1 || W < 1) throw_shape_error("simulate_scene: the image is " + to_string(image.sizes()));
  Tensor<T, 3> speckle(n, W, 2);
  gen.normal(speckle.view(), 0, static_cast<T>(options.speckle * std::numbers::sqrt2 / 2));
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < W; ++c) image(i, c) = {speckle(i, c, 0), speckle(i, c, 1)};
  Tensor<double, 2> place(options.scatterers, 3);
  gen.uniform(place.view());
  for (index_t k = 0; k < options.scatterers; ++k) {
    const double size = options.brightest / static_cast<double>(k + 1), turn = 2 * std::numbers::pi * place(k, 2);
    const auto row = static_cast<index_t>(place(k, 0) * static_cast<double>(n));
    const auto column = static_cast<index_t>(place(k, 1) * static_cast<double>(W));
    image(row, column) += complex<T>(complex<double>(size * std::cos(turn), size * std::sin(turn)));
  }
  Tensor<complex<T>, 2> S(W, n);
  azimuth_spectrum<T, Host>(S.view(), image);
  for (index_t k = 0; k < n; ++k)
    if (std::abs(radar.doppler(k, n) - radar.doppler_centroid) > options.bandwidth * radar.prf / 2)
      for (index_t c = 0; c < W; ++c) S(c, k) = {};
  ops::Ifft::forward(image.transpose(0, 1), S);
  spread_azimuth<T, Host>(S.view(), radar);
  ops::Ifft::forward(columns.transpose(0, 1), S);
}

}  // namespace longwave::sar
