// quality.hpp - how well an image is focused: contrast, entropy, the impulse response of a scatterer; and the images
// people look at.
//
//   contrast   E[p^2] / E[p]^2,  p = |z|^2: 2 for speckle, more the sharper the scatterers
//   entropy    -sum q ln q,  q = p / sum p: less the sharper
//   impulse response: a window around a peak, interpolated by zeros in its spectrum; width at half power, the highest
//   side lobe (PSLR) and the energy of all side lobes against the main lobe's (ISLR), along rows and columns
// Source: Cumming, Wong 2005, section 2.8; contrast and entropy as in autofocus.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/ops/fft.hpp"

namespace longwave::sar {

template <class T>
double contrast(TensorView<const complex<T>, 2> z) {
  double first = 0, second = 0;
  for (index_t i = 0; i < z.size(0); ++i)
    for (index_t j = 0; j < z.size(1); ++j) {
      const double p = norm2(complex<double>(z(i, j)));
      first += p;
      second += p * p;
    }
  return first > 0 ? second * static_cast<double>(z.count()) / (first * first) : 0;
}

template <class T>
double entropy(TensorView<const complex<T>, 2> z) {
  double sum = 0, weighted = 0;  // of p and p ln p
  for (index_t i = 0; i < z.size(0); ++i)
    for (index_t j = 0; j < z.size(1); ++j) {
      const double p = norm2(complex<double>(z(i, j)));
      sum += p;
      if (p > 0) weighted += p * std::log(p);
    }
  return sum > 0 ? std::log(sum) - weighted / sum : 0;
}

// Mean power over looks of rows x columns samples: image (A, W) -> power (A/rows, W/columns); what is left over at the
// ends is left out.
template <class T>
Tensor<float, 2> multilook(TensorView<const complex<T>, 2> image, index_t rows, index_t columns) {
  if (rows < 1 || columns < 1)
    throw_value_error("multilook: " + std::to_string(rows) + " x " + std::to_string(columns) +
                      " looks, expected at least 1");
  Tensor<float, 2> power(image.size(0) / rows, image.size(1) / columns);
  for (index_t i = 0; i < power.size(0); ++i)
    for (index_t j = 0; j < power.size(1); ++j) {
      double sum = 0;
      for (index_t a = 0; a < rows; ++a)
        for (index_t c = 0; c < columns; ++c) sum += norm2(complex<double>(image(i * rows + a, j * columns + c)));
      power(i, j) = static_cast<float>(sum / static_cast<double>(rows * columns));
    }
  return power;
}

// 10 log10 of power over its largest value, not below -range.
inline Tensor<float, 2> decibels(TensorView<const float, 2> power, double range = 60) {
  float largest = 0;
  for (index_t i = 0; i < power.size(0); ++i)
    for (index_t j = 0; j < power.size(1); ++j) largest = std::max(largest, power(i, j));
  Tensor<float, 2> db(power.sizes());
  for (index_t i = 0; i < power.size(0); ++i)
    for (index_t j = 0; j < power.size(1); ++j) {
      const double ratio = largest > 0 ? static_cast<double>(power(i, j) / largest) : 0;
      db(i, j) = static_cast<float>(ratio > 0 ? std::max(-range, 10 * std::log10(ratio)) : -range);
    }
  return db;
}

// Along one axis, in samples of the image and decibels.
struct LobeWidths {
  double width = 0;  // at half power
  double pslr = 0;   // highest side lobe over the peak
  double islr = 0;   // energy outside the main lobe over the energy inside; the main lobe ends at its first minima
};

namespace detail {

inline constexpr index_t upsampling = 16;

// Power along a line of n samples around the peak, between the samples too.
inline std::vector<double> interpolated_power(const std::vector<complex<double>>& line) {
  const auto n = static_cast<index_t>(line.size()), m = n * upsampling;
  Tensor<complex<double>, 2> x(1, n), X(1, n), wide(1, m);
  std::copy(line.begin(), line.end(), x.data());
  ops::Fft::forward(X.view(), x);
  // The spectrum of squinted data sits anywhere: the zeros go where it is weakest, half a turn from its centre.
  complex<double> turn;
  for (index_t j = 0; j < n; ++j)
    turn += conj(line[static_cast<std::size_t>(j)]) * line[static_cast<std::size_t>((j + 1) % n)];
  const double centre = std::atan2(turn.im, turn.re) / (2 * std::numbers::pi) * static_cast<double>(n);
  const auto first = static_cast<index_t>(std::llround(centre)) - n / 2;
  for (index_t k = first; k < first + n; ++k) wide(0, ((k % m) + m) % m) = X(0, ((k % n) + n) % n);
  ops::Ifft::forward(wide.view(), wide);
  std::vector<double> power(static_cast<std::size_t>(m));
  for (index_t j = 0; j < m; ++j) power[static_cast<std::size_t>(j)] = norm2(wide(0, j));
  return power;
}

inline LobeWidths lobe_widths(const std::vector<double>& p) {
  const auto peak = static_cast<std::ptrdiff_t>(std::max_element(p.begin(), p.end()) - p.begin());
  const auto n = static_cast<std::ptrdiff_t>(p.size());
  const auto at = [&](std::ptrdiff_t i) { return p[static_cast<std::size_t>(i)]; };
  std::ptrdiff_t left = peak, right = peak;  // first minima
  while (left > 0 && at(left - 1) < at(left)) --left;
  while (right + 1 < n && at(right + 1) < at(right)) ++right;
  // Where the power falls through one half, between two samples.
  const auto half = [&](std::ptrdiff_t step) {
    std::ptrdiff_t i = peak;
    while (i + step >= 0 && i + step < n && at(i + step) > at(peak) / 2) i += step;
    if (i + step < 0 || i + step >= n) return std::abs(static_cast<double>(i - peak));
    return std::abs(static_cast<double>(i - peak)) + (at(i) - at(peak) / 2) / (at(i) - at(i + step));
  };
  double inside = 0, outside = 0, side = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    if (i >= left && i <= right) {
      inside += at(i);
    } else {
      outside += at(i);
      side = std::max(side, at(i));
    }
  }
  const auto db = [](double ratio) { return 10 * std::log10(std::max(ratio, 1e-30)); };
  return {(half(1) + half(-1)) / static_cast<double>(upsampling), db(side / at(peak)), db(outside / inside)};
}

}  // namespace detail

struct ImpulseResponse {
  LobeWidths azimuth, range;
};

// Power through a scatterer, 16 values for each sample of the window.
struct ImpulseCuts {
  std::vector<double> azimuth, range;
};

// Around (row, column). Rows and columns count modulo the size of the image.
template <class T>
ImpulseCuts impulse_cuts(TensorView<const complex<T>, 2> image, index_t row, index_t column, index_t window = 32) {
  const index_t A = image.size(0), W = image.size(1);
  if (row < 0 || row >= A || column < 0 || column >= W || window < 4)
    throw_value_error("impulse_response: (" + std::to_string(row) + ", " + std::to_string(column) +
                      ") with a window of " + std::to_string(window) + " in an image " + to_string(image.sizes()));
  std::vector<complex<double>> along, across;
  for (index_t i = -window / 2; i < window - window / 2; ++i) {
    along.emplace_back(image(((row + i) % A + A) % A, column));
    across.emplace_back(image(row, ((column + i) % W + W) % W));
  }
  return {detail::interpolated_power(along), detail::interpolated_power(across)};
}

// Of the scatterer whose brightest sample is (row, column).
template <class T>
ImpulseResponse impulse_response(TensorView<const complex<T>, 2> image, index_t row, index_t column,
                                 index_t window = 32) {
  const ImpulseCuts cuts = impulse_cuts<T>(image, row, column, window);
  return {detail::lobe_widths(cuts.azimuth), detail::lobe_widths(cuts.range)};
}

}  // namespace longwave::sar
