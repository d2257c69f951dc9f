// mfcc.hpp - sound as mel-frequency cepstral coefficients, in the conventions of torchaudio: x (L) -> y (K, frames).
//
//   frames   n_fft samples every hop, centred on 0, hop, 2 hop, ..; the ends mirrored without the first and last sample
//   power    |Rfft(Hann window times frame)|^2, the window periodic: sin^2(pi j / n_fft)
//   mel      sums under `mels` triangles whose corners are evenly spaced in mel = 2595 log10(1 + f / 700), 0 to rate /
//   2 dB       10 log10(max(mel, 1e-10)), at least its largest value less 80 DCT-II   y_k = s_k sum_m dB_m cos(pi k (m
//   + 1/2) / mels),  s_0 = sqrt(1 / mels), else sqrt(2 / mels)
//
// The published Speech Commands runs: 20 coefficients of 64 triangles, n_fft 200, hop 100: 161 frames of 16000 samples.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "longwave/data/dataset.hpp"
#include "longwave/ops/fft.hpp"

namespace longwave {

struct MfccOptions {
  index_t rate = 16000;
  index_t coefficients = 20;
  index_t mels = 64;
  index_t n_fft = 200;
  index_t hop = 100;
};

class Mfcc {
 public:
  explicit Mfcc(const MfccOptions& o = {}) : options_(checked(o)) {
    const index_t bins = o.n_fft / 2 + 1;
    const auto hertz = [](double mel) { return 700 * (std::pow(10, mel / 2595) - 1); };
    const double top = 2595 * std::log10(1 + static_cast<double>(o.rate) / 2 / 700);
    const auto corner = [&](index_t m) {
      return hertz(top * static_cast<double>(m) / static_cast<double>(o.mels + 1));
    };
    triangles_ = Tensor<double, 2>(o.mels, bins);
    for (index_t m = 0; m < o.mels; ++m)
      for (index_t k = 0; k < bins; ++k) {
        const double f = static_cast<double>(o.rate) / 2 * static_cast<double>(k) / static_cast<double>(bins - 1);
        const double up = (f - corner(m)) / (corner(m + 1) - corner(m));
        const double down = (corner(m + 2) - f) / (corner(m + 2) - corner(m + 1));
        triangles_(m, k) = std::max(0.0, std::min(up, down));
      }
    cosines_ = Tensor<double, 2>(o.coefficients, o.mels);
    for (index_t k = 0; k < o.coefficients; ++k)
      for (index_t m = 0; m < o.mels; ++m)
        cosines_(k, m) = std::sqrt((k == 0 ? 1.0 : 2.0) / static_cast<double>(o.mels)) *
                         std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(m) + 0.5) /
                                  static_cast<double>(o.mels));
  }

  index_t frames(index_t L) const { return 1 + L / options_.hop; }

  // x (L), y (coefficients, frames(L)).
  template <class T>
  void operator()(TensorView<const T, 1> x, TensorView<T, 2> y) const {
    const index_t L = x.size(0), F = frames(L), n = options_.n_fft, mels = options_.mels;
    if (L <= n / 2 || y.sizes() != Extents<2>{options_.coefficients, F})
      throw_shape_error("Mfcc: x is " + to_string(x.sizes(), "L") + ", more than half of n_fft = " + std::to_string(n) +
                        " is needed; y is " + to_string(y.sizes(), "KF") + ", expected " +
                        to_string(Extents<2>{options_.coefficients, F}, "KF"));
    Tensor<double, 2> framed(F, n), level(F, mels);
    Tensor<complex<double>, 2> bins(F, n / 2 + 1);
    for (index_t f = 0; f < F; ++f)
      for (index_t j = 0; j < n; ++j) {
        index_t at = f * options_.hop + j - n / 2;
        if (at < 0) at = -at;
        if (at >= L) at = 2 * (L - 1) - at;
        const double window = std::sin(std::numbers::pi * static_cast<double>(j) / static_cast<double>(n));
        framed(f, j) = window * window * static_cast<double>(x(at));
      }
    ops::Rfft::forward(bins.view(), framed.view(), n);
    double loudest = -1e300;
    for (index_t f = 0; f < F; ++f)
      for (index_t m = 0; m < mels; ++m) {
        double sum = 0;
        for (index_t k = 0; k < bins.size(1); ++k)
          sum += triangles_(m, k) * (bins(f, k).re * bins(f, k).re + bins(f, k).im * bins(f, k).im);
        level(f, m) = 10 * std::log10(std::max(sum, 1e-10));
        loudest = std::max(loudest, level(f, m));
      }
    for (index_t f = 0; f < F; ++f)
      for (index_t k = 0; k < options_.coefficients; ++k) {
        double sum = 0;
        for (index_t m = 0; m < mels; ++m) sum += cosines_(k, m) * std::max(level(f, m), loudest - 80);
        y(k, f) = static_cast<T>(sum);
      }
  }

  // Every sound of one channel.
  template <class T>
  Dataset<T> operator()(const Dataset<T>& data) const {
    if (data.channels() != 1)
      throw_shape_error(data.name + ": Mfcc takes one channel, not " + std::to_string(data.channels()));
    Dataset<T> out{data.name, Tensor<T, 3>(data.size(), options_.coefficients, frames(data.length())), data.y.clone(),
                   data.classes};
    for (index_t i = 0; i < data.size(); ++i) (*this)(data.x.view()[i][0], out.x.view()[i]);
    return out;
  }

 private:
  static const MfccOptions& checked(const MfccOptions& o) {
    if (o.rate < 1 || o.coefficients < 1 || o.mels < o.coefficients || o.n_fft < 2 || o.hop < 1)
      throw_value_error("Mfcc: " + std::to_string(o.coefficients) + " coefficients of " + std::to_string(o.mels) +
                        " mels, n_fft " + std::to_string(o.n_fft) + ", hop " + std::to_string(o.hop) + ", rate " +
                        std::to_string(o.rate) +
                        "; all must be 1 or more, n_fft 2, and mels not fewer than coefficients");
    return o;
  }

  MfccOptions options_;
  Tensor<double, 2> triangles_, cosines_;  // (mels, bins), (coefficients, mels)
};

}  // namespace longwave
