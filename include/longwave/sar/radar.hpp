// radar.hpp - what a processor must know of a synthetic-aperture radar: its pulse, its clock and its path.
//
// Units: Hz, s, m. Rows of an image are pulses (azimuth, slow time), columns are samples of one echo (range, fast
// time). A scatterer at slant range R0 of closest approach is seen at R(eta)^2 = R0^2 + V^2 eta^2 and, at the Doppler
// frequency f, under D(f) = sqrt(1 - (lambda f / 2V)^2), the cosine of the squint angle.
// Source: Cumming, Wong 2005, "Digital Processing of Synthetic Aperture Radar Data", chapters 4 to 6.
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/config.hpp"
#include "longwave/core/error.hpp"
#include "longwave/core/extents.hpp"

namespace longwave::sar {

struct Radar {
  double carrier = 5.3e9;
  double range_rate = 32.317e6;     // samples per second of an echo
  double chirp_rate = -0.72135e12;  // Hz/s; negative: a down chirp. Pulse phase pi K t^2, t from its middle
  double chirp_duration = 41.74e-6;
  double prf = 1256.98;             // pulses per second
  double velocity = 7062;           // effective, m/s
  double first_range = 993513;      // slant range of column 0 after range compression, at the Doppler centroid
  double doppler_centroid = -7055;  // absolute: with its multiple of the PRF
  double light = 299792458;

  LONGWAVE_HD double wavelength() const { return light / carrier; }
  LONGWAVE_HD double range_step() const { return light / (2 * range_rate); }
  LONGWAVE_HD double range(double column) const { return first_range + column * range_step(); }
  // Samples of the pulse.
  index_t chirp_samples() const { return static_cast<index_t>(std::llround(chirp_duration * range_rate)); }
  // D(f); 0 beyond the largest Doppler frequency there is, 2V / lambda.
  LONGWAVE_HD double squint(double f) const {
    using std::sqrt;
    const double sine = wavelength() * f / (2 * velocity), square = 1 - sine * sine;
    return square > 0 ? sqrt(square) : 0;
  }
  // Slant range of closest approach of what lies in a column.
  LONGWAVE_HD double closest_range(double column) const { return range(column) * squint(doppler_centroid); }
  // Change of the Doppler frequency with time at the centroid, as a positive number of Hz/s.
  LONGWAVE_HD double azimuth_rate(double column) const {
    const double d = squint(doppler_centroid);
    return 2 * velocity * velocity * d * d * d / (wavelength() * closest_range(column));
  }
  // Bin k of n in azimuth as an absolute frequency, the one nearest the centroid.
  LONGWAVE_HD double doppler(index_t k, index_t n) const {
    using std::round;
    const double f = static_cast<double>(k) * prf / static_cast<double>(n);
    return f + prf * round((doppler_centroid - f) / prf);
  }
};

inline void check_radar(const char* op, const Radar& radar) {
  const auto positive = [&](const char* name, double value) {
    if (!(value > 0 && std::isfinite(value)))
      throw_value_error(std::string(op) + ": " + name + " is " + std::to_string(value) + ", expected more than 0");
  };
  positive("carrier", radar.carrier);
  positive("range_rate", radar.range_rate);
  positive("chirp_duration", radar.chirp_duration);
  positive("prf", radar.prf);
  positive("velocity", radar.velocity);
  positive("first_range", radar.first_range);
  positive("light", radar.light);
  positive("|chirp_rate|", std::abs(radar.chirp_rate));
  if (radar.chirp_samples() < 1) throw_value_error(std::string(op) + ": the pulse is shorter than a sample");
  const double fastest = 2 * radar.velocity / radar.wavelength();
  if (!(std::abs(radar.doppler_centroid) + radar.prf / 2 < fastest))
    throw_value_error(std::string(op) + ": doppler_centroid is " + std::to_string(radar.doppler_centroid) +
                      " Hz; at this velocity and wavelength, echoes reach " + std::to_string(fastest) + " Hz");
}

}  // namespace longwave::sar
