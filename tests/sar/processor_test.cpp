// The classical processor against scatterers whose place is known, direct sums, and a real block.
#include <cstdlib>

#include "check.hpp"
#include "longwave/io/npy.hpp"
#include "longwave/sar/doppler.hpp"
#include "longwave/sar/simulate.hpp"

using namespace longwave;
using sar::Radar;

namespace {

// A small airborne-like radar without much squint, whose aperture fits a few hundred pulses.
Radar small_radar(double chirp_rate = 3e13) {
  Radar radar;
  radar.carrier = 9.6e9;
  radar.range_rate = 60e6;
  radar.chirp_rate = chirp_rate;
  radar.chirp_duration = 1.5e-6;
  radar.prf = 400;
  radar.velocity = 100;
  radar.first_range = 1500;
  radar.doppler_centroid = 90;
  return radar;
}

Tensor<complex<double>, 2> echoes_of(const Radar& radar, const std::vector<sar::Scatterer>& scatterers, index_t A,
                                     index_t R) {
  Tensor<complex<double>, 2> raw(A, R);
  sar::simulate_echoes(raw.view(), radar, scatterers);
  return raw;
}

template <class T>
std::pair<index_t, index_t> brightest(TensorView<const complex<T>, 2> image) {
  std::pair<index_t, index_t> at = {0, 0};
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j)
      if (norm2(image(i, j)) > norm2(image(at.first, at.second))) at = {i, j};
  return at;
}

}  // namespace

TEST_CASE("compress_range: equals the direct correlation, for chirps of either direction") {
  for (const double rate : {3e13, -3e13}) {
    const Radar radar = small_radar(rate);
    const index_t A = 3, R = 131, P = radar.chirp_samples();
    const auto numbers = test::random<double>(Extents(A, R, 2), 7);
    Tensor<complex<double>, 2> raw(A, R), y(A, R - P + 1);
    for (index_t a = 0; a < A; ++a)
      for (index_t r = 0; r < R; ++r) raw(a, r) = {numbers(a, r, 0), numbers(a, r, 1)};
    CHECK(P == 90);
    CHECK(sar::compressed_columns(radar, R) == y.size(1));
    sar::compress_range<double, Host>(y.view(), raw, radar);
    for (index_t a = 0; a < A; ++a)
      for (index_t k = 0; k < y.size(1); ++k) {
        complex<double> sum;
        for (index_t j = 0; j < P; ++j) {
          const double t = (static_cast<double>(j) - 44.5) / radar.range_rate;
          const double phase = std::numbers::pi * rate * t * t;
          sum += raw(a, k + j) * complex<double>(std::cos(phase), -std::sin(phase));
        }
        CHECK(std::abs(y(a, k).re - sum.re / 90) < 1e-13);
        CHECK(std::abs(y(a, k).im - sum.im / 90) < 1e-13);
      }
  }
}

TEST_CASE("range_doppler: scatterers stand where they are, as sharp as theory says") {
  for (const double rate : {3e13, -3e13}) {
    const Radar radar = small_radar(rate);
    const index_t A = 512, R = 230;
    const index_t W = sar::compressed_columns(radar, R);
    // Seen around the centroid, so some rows after zero Doppler: time = -lambda R f_c / (2 V^2)
    for (const auto& [row, column] : {std::pair<double, double>{300, 40}, {420, 100}, {350.0, 70}}) {
      const double closest = radar.closest_range(column);
      const auto raw = echoes_of(radar, {{closest, row, 1}}, A, R);
      Tensor<complex<double>, 2> rc(A, W), image(A, W);
      sar::compress_range<double, Host>(rc.view(), raw, radar);
      sar::range_doppler<double, Host>(image.view(), rc, radar);
      const auto [at_row, at_column] = brightest<double>(image.view());
      CHECK(std::abs(static_cast<double>(at_row) - row) <= 1);
      CHECK(std::abs(static_cast<double>(at_column) - column) <= 1);
      const sar::ImpulseResponse response = sar::impulse_response<double>(image.view(), at_row, at_column, 48);
      // A rectangular spectrum of width B gives 0.886 / B: 80 % of the PRF, and 45 MHz of 60.
      CHECK(response.azimuth.width == Approx(0.886 / 0.8).epsilon(0.1));
      CHECK(response.range.width == Approx(0.886 * 60 / 45).epsilon(0.1));
      CHECK(response.azimuth.pslr == Approx(-13.3).margin(2));
    }
  }
}

TEST_CASE("range_doppler: corrected columns focus by themselves, and spread_azimuth undoes compress_azimuth") {
  const Radar radar = small_radar();
  const index_t n = 64, W = 9;
  Generator gen(3);
  Tensor<complex<double>, 2> image(n, W), columns(n, W), again(n, W), S(W, n);
  sar::simulate_scene(image.view(), columns.view(), radar, {.scatterers = 3}, gen);
  sar::azimuth_spectrum<double, Host>(S.view(), columns);
  sar::compress_azimuth<double, Host>(S.view(), radar);
  ops::Ifft::forward(again.view().transpose(0, 1), S);
  double difference = 0, largest = 0;
  for (index_t i = 0; i < image.count(); ++i) {
    difference = std::max(difference, norm2(image.data()[i] - again.data()[i]));
    largest = std::max(largest, norm2(image.data()[i]));
  }
  CHECK(std::sqrt(difference / largest) < 1e-9);  // phases of 10^5 rad in double
  CHECK(largest > 1000);                          // the brightest scatterer
}

TEST_CASE("range_doppler: what it hands out before azimuth compression leads to the same image") {
  const Radar radar = small_radar();
  const index_t A = 40, W = 11, n = 48;
  const auto numbers = test::random<double>(Extents(A, W, 2), 5);
  Tensor<complex<double>, 2> rc(A, W), image(n, W), corrected(n, W), S(W, n), again(n, W);
  for (index_t a = 0; a < A; ++a)
    for (index_t c = 0; c < W; ++c) rc(a, c) = {numbers(a, c, 0), numbers(a, c, 1)};
  sar::range_doppler<double, Host>(image.view(), rc, radar, corrected.view());
  sar::azimuth_spectrum<double, Host>(S.view(), corrected);
  sar::compress_azimuth<double, Host>(S.view(), radar);
  ops::Ifft::forward(again.view().transpose(0, 1), S);
  for (index_t i = 0; i < image.count(); ++i) CHECK(norm2(image.data()[i] - again.data()[i]) < 1e-20);
}

TEST_CASE("Doppler centroid: the phase of neighbouring pulses, and the multiple that focuses") {
  Radar radar = small_radar();
  radar.doppler_centroid = 90 - 400;  // baseband 90
  std::vector<sar::Scatterer> scatterers;
  for (const double column : {20.0, 60.0, 90.0}) {
    // Its zero Doppler so that the beam crosses it in the middle of the block.
    const double closest = radar.closest_range(column);
    const double offset = radar.doppler_centroid * radar.wavelength() * radar.range(column) / 2e4 * radar.prf;
    scatterers.push_back({closest, 256 + offset, 1});
  }
  const auto raw = echoes_of(radar, scatterers, 512, 220);
  CHECK(sar::baseband_centroid<double>(raw.view(), radar.prf) == Approx(90).margin(10));
  Tensor<complex<double>, 2> rc(512, sar::compressed_columns(radar, 220));
  sar::compress_range<double, Host>(rc.view(), raw, radar);
  const auto found = sar::doppler_ambiguity<double>(rc.view(), radar, 90, {-3, -2, -1, 0, 1});
  CHECK(found.best == -1);
  CHECK(found.contrast.size() == 5);
}

TEST_CASE("quality: speckle has contrast 2, one scatterer as much as there are samples") {
  Generator gen(5);
  Tensor<float, 3> parts(200, 200, 2);
  gen.normal(parts.view());
  Tensor<complex<float>, 2> z(200, 200), one(16, 16), none(3, 3);
  for (index_t i = 0; i < 200; ++i)
    for (index_t j = 0; j < 200; ++j) z(i, j) = {parts(i, j, 0), parts(i, j, 1)};
  CHECK(sar::contrast<float>(z.view()) == Approx(2).epsilon(0.03));
  one(3, 5) = 2;
  CHECK(sar::contrast<float>(one.view()) == Approx(256));
  CHECK(sar::entropy<float>(one.view()) == Approx(0).margin(1e-12));
  CHECK(sar::contrast<float>(none.view()) == 0);
  CHECK(sar::entropy<float>(none.view()) == 0);
  for (index_t i = 0; i < none.count(); ++i) none.data()[i] = {3, 4};
  CHECK(sar::entropy<float>(none.view()) == Approx(std::log(9)));
}

TEST_CASE("multilook, decibels: means of power, cut to a range below the largest") {
  Tensor<complex<float>, 2> z(5, 4);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 4; ++j) z(i, j) = {static_cast<float>(i), static_cast<float>(j)};
  const auto power = sar::multilook<float>(z.view(), 2, 4);
  CHECK(power.sizes() == Extents<2>{2, 1});
  CHECK(power(0, 0) == Approx((0 + 1 + 4 + 9 + 1 + 2 + 5 + 10) / 8.0));
  const auto db = sar::decibels(power.view(), 3);
  CHECK(db(1, 0) == 0);
  CHECK(db(0, 0) == -3);
  CHECK(sar::decibels(Tensor<float, 2>(2, 2).view())(0, 0) == -60);
}

TEST_CASE("processor: errors name what is wrong") {
  const Radar radar = small_radar();
  Tensor<complex<float>, 2> raw(2, 80), y(2, 10), wide(2, 100);
  CHECK_THROWS_WITH((sar::compress_range<float, Host>(y.view(), raw, radar)),
                    "compress_range: raw is (2, 80), shorter than the pulse of 90 samples");
  CHECK_THROWS_WITH((sar::compress_range<float, Host>(y.view(), wide, radar)),
                    "compress_range: y is (2, 10), expected (2, 11)");
  CHECK_THROWS_WITH((sar::range_doppler<float, Host>(y.view(), wide, radar)), Catch::Contains("as many columns"));
  Radar bad = radar;
  bad.prf = 0;
  CHECK_THROWS_WITH(sar::check_radar("x", bad), Catch::Contains("prf is 0.000000, expected more than 0"));
  bad = radar;
  bad.doppler_centroid = 7000;
  CHECK_THROWS_WITH(sar::check_radar("x", bad), Catch::Contains("echoes reach"));
  CHECK_THROWS_WITH(sar::baseband_centroid<float>(Tensor<complex<float>, 2>(1, 5).view(), 1),
                    Catch::Contains("two pulses"));
  CHECK_THROWS_WITH(sar::impulse_response<float>(raw.view(), 2, 0), Catch::Contains("impulse_response: (2, 0)"));
  CHECK_THROWS_WITH(sar::multilook<float>(raw.view(), 0, 1), Catch::Contains("0 x 1 looks"));
}

TEST_CASE("processor: the English Bay block focuses to known scatterers") {
  const char* data = std::getenv("LONGWAVE_DATA");
  if (data == nullptr) {
    WARN("LONGWAVE_DATA is not set: skipped");
    return;
  }
  const auto iq = read_npy<float, 3>(std::string(data) + "/sar_radarsat1/raw_iq.npy");
  Tensor<complex<float>, 2> raw(iq.size(0), iq.size(1));
  for (index_t i = 0; i < iq.size(0); ++i)
    for (index_t j = 0; j < iq.size(1); ++j) raw(i, j) = {iq(i, j, 0), iq(i, j, 1)};
  Radar radar;  // its default is this scene
  radar.light = 2.9979e8;
  Tensor<complex<float>, 2> rc(raw.size(0), sar::compressed_columns(radar, raw.size(1))), image(2048, rc.size(1));
  sar::compress_range<float, Host>(rc.view(), raw, radar);
  sar::range_doppler<float, Host>(image.view(), rc, radar);
  CHECK(sar::contrast<float>(image.view()) > 5000);
  CHECK(sar::baseband_centroid<float>(raw.view(), radar.prf) == Approx(487).margin(3));
  for (const auto& [row, column] :
       {std::pair<index_t, index_t>{2013, 144}, {1721, 370}, {1750, 490}, {336, 140}, {1879, 243}}) {
    const auto near = image.view().slice(0, row - 10, row + 11).slice(1, column - 10, column + 11);
    CHECK(brightest<float>(near) == std::pair<index_t, index_t>(10, 10));
  }
}
