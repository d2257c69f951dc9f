// range_compression.hpp - echoes of a long chirp as if a short pulse had been sent: each row is correlated with the
// chirp, of either direction.
//
//   y_k = 1/P sum_{j<P} x_{k+j} conj(s_j),   s_j = e^{i pi K t_j^2},  t_j = (j - (P-1)/2) / F,   k = 0 .. R-P
//
// raw (A, R) -> y (A, R-P+1): only columns that hold whole pulses. A scatterer of amplitude a peaks at a.
// Source: Cumming, Wong 2005, section 3.3.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/each.hpp"
#include "longwave/ops/fft.hpp"
#include "longwave/sar/filters.hpp"

namespace longwave::sar {

// The columns that are left of R.
inline index_t compressed_columns(const Radar& radar, index_t R) { return R - radar.chirp_samples() + 1; }

template <class T, device D>
void compress_range(TensorView<complex<T>, 2, D> y, In<complex<T>, 2, D> raw, const Radar& radar) {
  check_radar("compress_range", radar);
  const index_t A = raw.size(0), R = raw.size(1), P = radar.chirp_samples();
  if (R < P)
    throw_shape_error("compress_range: raw is " + to_string(raw.sizes()) + ", shorter than the pulse of " +
                      std::to_string(P) + " samples");
  check_shape("compress_range", "y", y, Extents<2>{A, R - P + 1});
  // Sums that wrap around end up in the last P-1 places, which are left out.
  const index_t n = impl::padded_length(R);
  ScratchOn<D> scratch;
  const auto S = scratch.template tensor<complex<T>, 2>({1, n});
  for_each_index<D>(n, detail::ChirpSamples<T, D>{S.flat(), P, radar.chirp_rate, 1 / radar.range_rate}, 50);
  ops::Fft::forward(S, S);
  const auto X = scratch.template tensor<complex<T>, 2>({A, n});
  ops::Fft::forward(X, raw);
  for_each_index<D>(
      A * n, detail::TimesConjugate<T, D>{X, TensorView<const complex<T>, 1, D>(S.flat()), T(1) / static_cast<T>(P)},
      8);
  ops::Ifft::forward(y, X);
}

}  // namespace longwave::sar
