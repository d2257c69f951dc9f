// filters.hpp - the samples and factors of the classical processor (range_compression.hpp, range_doppler.hpp,
// beam.hpp), one text for both devices. Phases are computed in double.
#pragma once

#include <cmath>
#include <numbers>

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"
#include "longwave/sar/radar.hpp"

namespace longwave::sar::detail {

// s_j of the chirp for j < P, then zeros.
template <class T, device D>
struct ChirpSamples {
  static constexpr const char* name = "chirp_samples";
  TensorView<complex<T>, 1, D> s;
  index_t P;
  double rate, duration_step;  // K, 1/F
  LONGWAVE_HD void operator()(index_t j) const {
    using std::cos, std::sin;
    const double t = (static_cast<double>(j) - static_cast<double>(P - 1) / 2) * duration_step;
    const double phase = std::numbers::pi * rate * t * t;
    s(j) = j < P ? complex<T>(static_cast<T>(cos(phase)), static_cast<T>(sin(phase))) : complex<T>();
  }
};

// X_k *= scale conj(S_k), rows of X alike.
template <class T, device D>
struct TimesConjugate {
  static constexpr const char* name = "times_conjugate";
  TensorView<complex<T>, 2, D> X;
  TensorView<const complex<T>, 1, D> S;
  T scale;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t k = i % X.size(1);
    auto& x = X(i / X.size(1), k);
    x = scale * (x * conj(S(k)));
  }
};

// Step 2 of range_doppler.hpp. X (n, m): azimuth frequency, range frequency.
template <class T, device D>
struct MigrationFilter {
  static constexpr const char* name = "migration_filter";
  TensorView<complex<T>, 2, D> X;
  Radar radar;
  double range;   // R_m
  double anchor;  // 1/D(f_c)
  LONGWAVE_HD void operator()(index_t i) const {
    using std::cos, std::fmod, std::sin, std::sqrt;
    const index_t n = X.size(0), m = X.size(1), k = i / m, j = i % m;
    const double f = radar.doppler(k, n);
    const double g = static_cast<double>(2 * j < m ? j : j - m) * radar.range_rate / static_cast<double>(m);
    const double bent = radar.light * f / (2 * radar.velocity), at = radar.carrier + g;
    // sqrt(at^2 - bent^2) - f0 D(f) without the difference of two numbers of 10^9
    const double whole = sqrt(at * at - bent * bent), middle = sqrt(radar.carrier * radar.carrier - bent * bent);
    const double path = g * (at + radar.carrier) / (whole + middle) - g * anchor;
    const double phase = 4 * std::numbers::pi * range / radar.light * path;
    X(k, j) = X(k, j) * complex<T>(static_cast<T>(cos(phase)), static_cast<T>(sin(phase)));
  }
};

// Step 3 of range_doppler.hpp. S (W, n): column, azimuth frequency.
template <class T, device D>
struct AzimuthFilter {
  static constexpr const char* name = "azimuth_filter";
  TensorView<complex<T>, 2, D> S;
  Radar radar;
  double squint;  // D(f_c)
  double sign;    // +1 focuses, -1 undoes it
  LONGWAVE_HD void operator()(index_t i) const {
    using std::cos, std::sin;
    const index_t n = S.size(1), c = i / n, k = i % n;
    const double closest = radar.range(static_cast<double>(c)) * squint;
    const double phase = sign * 4 * std::numbers::pi * closest * radar.squint(radar.doppler(k, n)) / radar.wavelength();
    S(c, k) = S(c, k) * complex<T>(static_cast<T>(cos(phase)), static_cast<T>(sin(phase)));
  }
};

// The filter of beam.hpp. S (W, n): column, azimuth frequency.
template <class T, device D>
struct BeamFilter {
  static constexpr const char* name = "beam_filter";
  TensorView<complex<T>, 2, D> S;
  Radar radar;
  double squint, slope;  // D(f_c), D'(f_c)
  double delay;          // rows
  LONGWAVE_HD void operator()(index_t i) const {
    using std::cos, std::sin;
    const index_t n = S.size(1), c = i / n, k = i % n;
    const double f = radar.doppler(k, n), off = f - radar.doppler_centroid;
    const double closest = radar.range(static_cast<double>(c)) * squint;
    const double bent = radar.squint(f) - squint - slope * off;
    const double phase = 2 * std::numbers::pi * (2 * closest * bent / radar.wavelength() - off * delay / radar.prf);
    S(c, k) = S(c, k) * complex<T>(static_cast<T>(cos(phase)), static_cast<T>(sin(phase)));
  }
};

// x(a, c) e^{-i 2 pi a step}.
template <class T, device D>
struct Demodulate {
  static constexpr const char* name = "demodulate";
  TensorView<complex<T>, 2, D> x;
  double step;  // turns per row
  LONGWAVE_HD void operator()(index_t i) const {
    using std::cos, std::floor, std::sin;
    const index_t a = i / x.size(1), c = i % x.size(1);
    const double turns = step * static_cast<double>(a), phase = -2 * std::numbers::pi * (turns - floor(turns));
    x(a, c) = x(a, c) * complex<T>(static_cast<T>(cos(phase)), static_cast<T>(sin(phase)));
  }
};

}  // namespace longwave::sar::detail
