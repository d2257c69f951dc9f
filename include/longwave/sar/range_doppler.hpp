// range_doppler.hpp - the classical processor: range-compressed echoes to a focused image by way of the range-Doppler
// domain.
//
//   1  S(c, f) = Fft over the rows of column c, padded to n                                    azimuth_spectrum
//   2  S(f, g) *= exp(i 4 pi R_m/c0 [ sqrt((f0+g)^2 - (c0 f/2V)^2) - f0 D(f) - g/D(f_c) ])      correct_migration
//      g: range frequency, R_m: closest range of the middle column. Exact there: linear walk, curvature and the
//      coupling of range and azimuth (secondary range compression) go, range stays what it is at the Doppler centroid
//      f_c
//   3  S(c, f) *= exp(i 4 pi R_0(c) D(f) / lambda)                                             compress_azimuth
//   4  Ifft over f
//
// After step 2 each column is a sequence of its own: what a learned filter starts from. Rows of the image count modulo
// n, and a scatterer stands at the row of its zero Doppler. Phases are computed in double: they reach 10^8 rad.
// Source: Cumming, Wong 2005, chapter 6; the bulk correction at one range is that of section 6.7.
#pragma once

#include "longwave/sar/range_compression.hpp"

namespace longwave::sar {

// rc (A, W) -> S (W, n), n >= A.
template <class T, device D>
void azimuth_spectrum(TensorView<complex<T>, 2, D> S, In<complex<T>, 2, D> rc) {
  ops::Fft::forward(S, rc.transpose(0, 1));
}

// Step 2, in place. Columns at the edges lose what migrated out of the block.
template <class T, device D>
void correct_migration(TensorView<complex<T>, 2, D> S, const Radar& radar) {
  check_radar("correct_migration", radar);
  const index_t W = S.size(0), n = S.size(1);
  if (W == 0 || n == 0) return;
  // Room for the longest walk, so that one edge does not wrap into the other.
  const double edge = std::abs(radar.doppler_centroid) + radar.prf / 2;
  const double middle = radar.closest_range(static_cast<double>(W - 1) / 2);
  const double walk = middle * (1 / radar.squint(edge) - 1 / radar.squint(std::max(0.0, edge - radar.prf)));
  const index_t m = impl::padded_length(W + static_cast<index_t>(std::ceil(walk / radar.range_step())));
  ScratchOn<D> scratch;
  const auto X = scratch.template tensor<complex<T>, 2>({n, m});
  ops::Fft::forward(X, S.transpose(0, 1));
  const detail::MigrationFilter<T, D> filter{X, radar, middle, 1 / radar.squint(radar.doppler_centroid)};
  for_each_index<D>(n * m, filter, 200);
  ops::Ifft::forward(S.transpose(0, 1), X);
}

// Step 3, in place.
template <class T, device D>
void compress_azimuth(TensorView<complex<T>, 2, D> S, const Radar& radar) {
  check_radar("compress_azimuth", radar);
  const detail::AzimuthFilter<T, D> filter{S, radar, radar.squint(radar.doppler_centroid), 1};
  for_each_index<D>(S.count(), filter, 200);
}

// The reverse of step 3: the columns that focus to a given spectrum.
template <class T, device D>
void spread_azimuth(TensorView<complex<T>, 2, D> S, const Radar& radar) {
  check_radar("spread_azimuth", radar);
  const detail::AzimuthFilter<T, D> filter{S, radar, radar.squint(radar.doppler_centroid), -1};
  for_each_index<D>(S.count(), filter, 200);
}

// rc (A, W), range-compressed -> image (n, W), n >= A. corrected (n, W), where wanted: the columns before step 3.
template <class T, device D>
void range_doppler(TensorView<complex<T>, 2, D> image, In<complex<T>, 2, D> rc, const Radar& radar,
                   Out<complex<T>, 2, D> corrected = {}) {
  const index_t n = image.size(0), W = image.size(1);
  if (rc.size(1) != W || rc.size(0) > n)
    throw_shape_error("range_doppler: image is " + to_string(image.sizes()) + " and rc is " + to_string(rc.sizes()) +
                      ", expected as many columns and at least as many rows as rc");
  ScratchOn<D> scratch;
  const auto S = scratch.template tensor<complex<T>, 2>({W, n});
  azimuth_spectrum<T, D>(S, rc);
  correct_migration<T, D>(S, radar);
  if (wanted(corrected)) ops::Ifft::forward(corrected.transpose(0, 1), S);
  compress_azimuth<T, D>(S, radar);
  ops::Ifft::forward(image.transpose(0, 1), S);
}

}  // namespace longwave::sar
