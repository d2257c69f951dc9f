// beam.hpp - focusing that leaves a scatterer where the beam saw it: the pair of columns for a filter that is to be
// learned.
//
//   focus_at_beam   range_doppler's step 3 without its linear and constant phase,
//                   S(c, f) *= exp(i 4 pi R_0(c)/lambda [ D(f) - D(f_c) - D'(f_c) (f - f_c) ] - i 2 pi (f - f_c) d/PRF)
//   demodulate      x(a, c) *= exp(-i 2 pi f_c a / PRF): the centroid f_c goes to 0 Hz
//
// The linear phase is the way from the middle of the beam to zero Doppler: thousands of rows for a squinted radar, more
// than a filter can reach. The constant one is a random number for every column. Without the two, one filter of the
// length of the aperture, the same but for its slowly varying rate, focuses all columns; amplitudes are those of
// range_doppler, rows apart. A delay of d rows makes it causal, as soon as 2 d is the aperture.
// Source: Cumming, Wong 2005, section 6.2 (the phase of the matched filter, expanded around the centroid).
#pragma once

#include "longwave/sar/range_doppler.hpp"

namespace longwave::sar {

// The row of a scatterer's zero Doppler less that of the middle of its beam.
inline double rows_to_zero_doppler(const Radar& radar, double column) {
  const double sine = radar.wavelength() * radar.doppler_centroid / (2 * radar.velocity);
  return radar.range(column) * sine / radar.velocity * radar.prf;
}

// Rows that a scatterer is seen in, where `bandwidth` of the PRF is lit.
inline double aperture_rows(const Radar& radar, double column, double bandwidth = 1) {
  return bandwidth * radar.prf / radar.azimuth_rate(column) * radar.prf;
}

// columns (n, W), the output `corrected` of range_doppler -> image (n, W). Rows count modulo n: leave as many zeros
// below as half an aperture.
template <class T, device D>
void focus_at_beam(TensorView<complex<T>, 2, D> image, In<complex<T>, 2, D> columns, const Radar& radar,
                   double delay = 0) {
  check_radar("focus_at_beam", radar);
  check_same_shape("focus_at_beam", "columns", columns, "image", image);
  const index_t n = image.size(0), W = image.size(1);
  ScratchOn<D> scratch;
  const auto S = scratch.template tensor<complex<T>, 2>({W, n});
  azimuth_spectrum<T, D>(S, columns);
  const double squint = radar.squint(radar.doppler_centroid);
  const double part = radar.wavelength() / (2 * radar.velocity);
  const detail::BeamFilter<T, D> filter{S, radar, squint, -part * part * radar.doppler_centroid / squint, delay};
  for_each_index<D>(S.count(), filter, 200);
  ops::Ifft::forward(image.transpose(0, 1), S);
}

// In place.
template <class T, device D>
void demodulate(TensorView<complex<T>, 2, D> x, const Radar& radar) {
  check_radar("demodulate", radar);
  for_each_index<D>(x.count(), detail::Demodulate<T, D>{x, radar.doppler_centroid / radar.prf}, 100);
}

}  // namespace longwave::sar
