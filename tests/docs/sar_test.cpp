// The snippets of docs/course/20_sar.md and of the section about ssim.
#include "check.hpp"
#include "files.hpp"
#include "longwave/autograd/functions/ssim.hpp"
#include "longwave/data/zarr.hpp"
#include "longwave/sar/doppler.hpp"
#include "longwave/sar/simulate.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("sar: raw echoes of one scatterer become a point") {
  // [snippet: sar_process]
  sar::Radar radar;  // the defaults are RADARSAT-1 over Vancouver; this one flies low
  radar.carrier = 9.6e9;
  radar.range_rate = 60e6;
  radar.chirp_rate = 3e13;  // up
  radar.chirp_duration = 1.5e-6;
  radar.prf = 400;
  radar.velocity = 100;
  radar.first_range = 1500;
  radar.doppler_centroid = 90;

  Tensor<complex<float>, 2> raw(512, 230);  // pulses, samples
  sar::simulate_echoes(raw.view(), radar, {{.closest_range = radar.closest_range(40), .row = 300}});

  Tensor<complex<float>, 2> rc(512, sar::compressed_columns(radar, 230)), image(rc.sizes());
  sar::compress_range<float, Host>(rc.view(), raw, radar);
  sar::range_doppler<float, Host>(image.view(), rc, radar);

  const auto response = sar::impulse_response<float>(image.view(), /*row=*/300, /*column=*/40);
  CHECK(response.azimuth.width < 1.3);  // samples at half power: 0.886 / 0.8 of the PRF in use
  CHECK(response.range.width < 1.3);
  CHECK(sar::contrast<float>(image.view()) > 100 * sar::contrast<float>(raw.view()));
  // [/snippet]
}

TEST_CASE("sar: products in Zarr") {
  const TemporaryFolder folder;
  const std::string path = folder / "s1a-s3-example.zarr";
  // [snippet: sar_zarr]
  ZarrGroup::create(path);
  Tensor<complex<float>, 2> columns(100, 12);
  ZarrArray rc = ZarrArray::create(
      path + "/rc",
      {.shape = {100, 12}, .chunks = {64, 4}, .dtype = DType::c64, .codecs = {{.kind = ChunkCodec::Kind::zstd}}});
  columns(70, 5) = {1, 2};
  rc.write(columns.view(), {0, 0});

  Tensor<complex<float>, 2> line(40, 1);
  ZarrGroup(path).array("rc").read(line.view(), {50, 5});  // 40 rows of column 5, from row 50 on
  CHECK(line(20, 0).im == 2);
  // [/snippet]
}

TEST_CASE("ops: ssim of shifted images") {
  // [snippet: op_ssim]
  Tensor<double, 3> x(1, 32, 32), shifted(1, 32, 32);
  for (index_t i = 0; i < 32; ++i)
    for (index_t j = 0; j < 32; ++j) {
      x(0, i, j) = 0.5 + 0.4 * std::sin(0.9 * static_cast<double>(i + j));
      shifted(0, i, j) = 0.5 + 0.4 * std::sin(0.9 * static_cast<double>(i + j + 3));
    }
  Tape<double> tape;
  const auto same = ssim_loss(tape.input(x), tape.input(x)), other = ssim_loss(tape.input(x), tape.input(shifted));
  CHECK(same.value()() < 1e-8);
  CHECK(other.value()() > 0.5);  // waves against their troughs: S < 0
  // [/snippet]
}
