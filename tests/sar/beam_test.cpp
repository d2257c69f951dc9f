#include "longwave/sar/beam.hpp"

#include "check.hpp"
#include "longwave/sar/quality.hpp"
#include "longwave/sar/simulate.hpp"

using namespace longwave;
using sar::Radar;

namespace {

Radar small_radar() {
  Radar radar;
  radar.carrier = 9.6e9;
  radar.range_rate = 60e6;
  radar.chirp_rate = 3e13;
  radar.chirp_duration = 1.5e-6;
  radar.prf = 400;
  radar.velocity = 100;
  radar.first_range = 1500;
  radar.doppler_centroid = 90;
  return radar;
}

struct Pair {
  Tensor<complex<double>, 2> classical, at_beam, columns;
};

// One scatterer of zero Doppler at `row`, in 512 pulses with room below for half an aperture.
Pair focused(const Radar& radar, double row, double column, double delay = 0) {
  const index_t A = 512, n = 864, W = 90;
  Tensor<complex<double>, 2> raw(A, W + radar.chirp_samples() - 1), rc(A, W);
  sar::simulate_echoes(raw.view(), radar, {{radar.closest_range(column), row, 1}});
  sar::compress_range<double, Host>(rc.view(), raw, radar);
  Pair pair{Tensor<complex<double>, 2>(n, W), Tensor<complex<double>, 2>(n, W), Tensor<complex<double>, 2>(n, W)};
  sar::range_doppler<double, Host>(pair.classical.view(), rc, radar, pair.columns.view());
  sar::focus_at_beam<double, Host>(pair.at_beam.view(), pair.columns, radar, delay);
  return pair;
}

std::pair<index_t, index_t> brightest(const Tensor<complex<double>, 2>& image) {
  std::pair<index_t, index_t> at = {0, 0};
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j)
      if (norm2(image(i, j)) > norm2(image(at.first, at.second))) at = {i, j};
  return at;
}

}  // namespace

TEST_CASE("focus_at_beam: a scatterer stands in the middle of its beam, as bright and sharp as at zero Doppler") {
  const Radar radar = small_radar();
  const double back = sar::rows_to_zero_doppler(radar, 40);
  CHECK(back == Approx(1500 * radar.wavelength() * 90 / (2 * 100 * 100) * 400).epsilon(0.1));
  const double row = 256 + back;
  const Pair pair = focused(radar, row, 40);
  const auto [zero_row, zero_column] = brightest(pair.classical);
  const auto [beam_row, beam_column] = brightest(pair.at_beam);
  CHECK(std::abs(static_cast<double>(zero_row) - row) <= 1);
  CHECK(std::abs(static_cast<double>(beam_row) - (row - back)) <= 1);
  CHECK(beam_column == zero_column);
  const double a = std::sqrt(norm2(pair.classical(zero_row, zero_column)));
  const double b = std::sqrt(norm2(pair.at_beam(beam_row, beam_column)));
  CHECK(b == Approx(a).epsilon(0.1));  // the samples lie elsewhere on the lobe
  const auto sharp = sar::impulse_response<double>(pair.classical.view(), zero_row, zero_column, 48);
  const auto beam = sar::impulse_response<double>(pair.at_beam.view(), beam_row, beam_column, 48);
  CHECK(beam.azimuth.width == Approx(sharp.azimuth.width).epsilon(0.02));
  CHECK(sar::contrast<double>(pair.at_beam.view()) ==
        Approx(sar::contrast<double>(pair.classical.view())).epsilon(0.05));
}

TEST_CASE("focus_at_beam: a delay moves the image down by whole rows") {
  const Radar radar = small_radar();
  const Pair now = focused(radar, 300, 30), later = focused(radar, 300, 30, 17);
  const index_t n = now.at_beam.size(0);
  // Up to the phase that the centroid turns by on the way.
  double difference = 0, largest = 0;
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < 90; ++c) {
      const double a = std::sqrt(norm2(now.at_beam(i, c))), b = std::sqrt(norm2(later.at_beam((i + 17) % n, c)));
      difference = std::max(difference, std::abs(a - b));
      largest = std::max(largest, a);
    }
  CHECK(difference < 1e-9 * largest);
}

TEST_CASE("demodulate: the centroid goes to 0 Hz, and one filter then focuses columns wherever they lie") {
  const Radar radar = small_radar();
  Pair pair = focused(radar, 300, 30, 17);
  sar::demodulate<double, Host>(pair.columns.view(), radar);
  sar::demodulate<double, Host>(pair.at_beam.view(), radar);
  complex<double> turn;
  for (index_t i = 0; i + 1 < pair.columns.size(0); ++i)
    for (index_t c = 0; c < 90; ++c) turn += conj(pair.columns(i, c)) * pair.columns(i + 1, c);
  CHECK(std::abs(std::atan2(turn.im, turn.re)) * radar.prf / 6.2831853 < 4);  // Hz, of 90 before
  // The filter of a column, from one position: at another the same within the change of the rate with range.
  const auto [row, column] = brightest(pair.at_beam);
  Pair other = focused(radar, 340, 31, 17);
  sar::demodulate<double, Host>(other.columns.view(), radar);
  sar::demodulate<double, Host>(other.at_beam.view(), radar);
  const index_t n = pair.columns.size(0);
  Tensor<complex<double>, 2> in(2, n), out(2, n), F(2, n), G(2, n);
  const auto [row2, column2] = brightest(other.at_beam);
  for (index_t i = 0; i < n; ++i) {
    in(0, i) = pair.columns(i, column);
    in(1, i) = other.columns(i, column2);
    out(0, i) = pair.at_beam(i, column);
    out(1, i) = other.at_beam(i, column2);
  }
  ops::Fft::forward(F.view(), in);
  ops::Fft::forward(G.view(), out);
  double agreement = 0, count = 0;  // mean cosine between the two filters' phases in the band
  for (index_t k = 0; k < n; ++k) {
    if (std::abs(static_cast<double>(2 * k < n ? k : k - n)) > 0.35 * static_cast<double>(n)) continue;
    const complex<double> a = G(0, k) * conj(F(0, k)), b = G(1, k) * conj(F(1, k));
    const complex<double> both = a * conj(b);
    agreement += both.re / std::sqrt(norm2(both));
    count += 1;
  }
  CHECK(agreement / count > 0.9);
  CHECK(sar::aperture_rows(radar, 40) == Approx(400.0 * 400 / radar.azimuth_rate(40)));
}

TEST_CASE("focus_at_beam, demodulate: float, empty images and bad arguments") {
  const Radar radar = small_radar();
  Tensor<complex<float>, 2> x(8, 3), y(8, 4), none(0, 0);
  x(2, 1) = {1, 0};
  sar::focus_at_beam<float, Host>(x.view(), x, radar);
  double energy = 0;
  for (index_t i = 0; i < x.count(); ++i) energy += norm2(x.data()[i]);
  CHECK(energy == Approx(1).epsilon(1e-5));
  sar::demodulate<float, Host>(none.view(), radar);
  CHECK_THROWS_WITH((sar::focus_at_beam<float, Host>(x.view(), y, radar)), Catch::Contains("focus_at_beam"));
  Radar bad = radar;
  bad.prf = 0;
  CHECK_THROWS_WITH((sar::demodulate<float, Host>(x.view(), bad)), Catch::Contains("prf"));
}
