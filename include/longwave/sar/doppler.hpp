// doppler.hpp - the Doppler centroid from the echoes themselves: its fraction of the PRF from their phase, its multiple
// from which image is sharper.
// Source: Cumming, Wong 2005, sections 12.3 (average phase change of neighbouring pulses) and 12.5.
#pragma once

#include <vector>

#include "longwave/sar/quality.hpp"
#include "longwave/sar/range_doppler.hpp"

namespace longwave::sar {

// PRF/(2 pi) arg sum conj(x(a, r)) x(a+1, r), in [-PRF/2, PRF/2). Raw or range-compressed echoes.
template <class T>
double baseband_centroid(TensorView<const complex<T>, 2> echoes, double prf) {
  if (echoes.size(0) < 2 || echoes.size(1) < 1)
    throw_shape_error("baseband_centroid: echoes are " + to_string(echoes.sizes()) + ", expected two pulses or more");
  double re = 0, im = 0;
  for (index_t a = 0; a + 1 < echoes.size(0); ++a)
    for (index_t r = 0; r < echoes.size(1); ++r) {
      const complex<T> turn = conj(echoes(a, r)) * echoes(a + 1, r);
      re += static_cast<double>(turn.re);
      im += static_cast<double>(turn.im);
    }
  return prf * std::atan2(im, re) / (2 * std::numbers::pi);
}

struct DopplerAmbiguity {
  std::vector<int> multiple;     // those tried
  std::vector<double> contrast;  // of the image with each
  int best = 0;
};

// Focuses with the centroid at baseband + multiple PRF for each of the multiples; the right one gives most contrast.
template <class T>
DopplerAmbiguity doppler_ambiguity(TensorView<const complex<T>, 2> rc, Radar radar, double baseband,
                                   const std::vector<int>& multiples) {
  DopplerAmbiguity found;
  Tensor<complex<T>, 2> image(impl::smooth_length(rc.size(0)), rc.size(1));
  for (const int multiple : multiples) {
    radar.doppler_centroid = baseband + multiple * radar.prf;
    range_doppler<T, Host>(image.view(), rc, radar);
    found.multiple.push_back(multiple);
    found.contrast.push_back(contrast<T>(image.view()));
    if (found.contrast.back() >= *std::max_element(found.contrast.begin(), found.contrast.end())) found.best = multiple;
  }
  return found;
}

}  // namespace longwave::sar
