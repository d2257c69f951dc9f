// simulate - products whose image is known: scatterers over speckle and the columns that focus to it; or raw echoes of
// scatterers over noise, for compress.
#include "longwave/sar/simulate.hpp"

#include <cstdio>
#include <filesystem>

#include "longwave/io/npy.hpp"
#include "longwave/sar/beam.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/scene.hpp"

namespace longwave::examples::sar_focus {

namespace {

// X band from orbit at a low pulse rate: apertures of some 190 rows, a little squint, and a focus that hardly changes
// over the columns.
sar::Radar default_radar() {
  sar::Radar radar;
  radar.carrier = 9.6e9;
  radar.range_rate = 60e6;
  radar.chirp_rate = 3e13;
  radar.chirp_duration = 1.5e-6;
  radar.prf = 1000;
  radar.velocity = 7062;
  radar.first_range = 600e3;
  radar.doppler_centroid = 400;
  return radar;
}

struct Part {
  const char* folder;
  index_t columns, first_column;
};

// The first part's scales serve for all.
void write_part(const SimulateArguments& a, const Part& part, Scene& scene, Generator& gen) {
  const sar::Radar of_scene = scene.radar;
  scene.first_column = part.first_column;
  scene.radar.first_range = of_scene.range(static_cast<double>(part.first_column));
  // Rows count modulo n in the simulation: the product is cut from its middle.
  const auto aperture = static_cast<index_t>(sar::aperture_rows(scene.radar, 0)) + 1;
  const index_t n = longwave::impl::smooth_length(a.rows + 2 * aperture);
  Image image(n, part.columns), columns(n, part.columns);
  simulate_scene(image.view(), columns.view(), scene.radar, {.scatterers = a.scatterers, .brightest = a.brightest},
                 gen);
  ColumnPair pair = column_pair(columns.view(), n, scene);
  const auto rc = pair.rc.view().slice(0, aperture, aperture + a.rows);
  const auto az = pair.az.view().slice(0, aperture, aperture + a.rows);
  if (part.first_column == 0) {
    scene.rc_scale = scale_into(rc, 3000, a.scale_share);
    scene.az_scale = scale_into(az, 12000, a.scale_share);
  }
  multiply(rc, scene.rc_scale);
  multiply(az, scene.az_scale);
  const std::string folder = a.out + "/" + part.folder;
  make_folders(folder);
  const std::string name = folder + "/s1a-s" + std::to_string(a.mode) + "-simulated.zarr";
  write_product(name, rc, az, scene, {}, a.force);
  std::printf("%s: %lld rows, %lld columns\n", name.c_str(), static_cast<long long>(a.rows),
              static_cast<long long>(part.columns));
  scene.radar = of_scene;
}

int write_echoes(const SimulateArguments& a, const sar::Radar& radar) {
  const std::string parameters = a.echoes + ".json";
  refuse_to_replace({a.echoes, parameters}, a.force);
  const index_t W = a.columns, R = W + radar.chirp_samples() - 1;
  Generator gen(static_cast<std::uint64_t>(a.seed));
  Tensor<float, 3> noise(a.rows, R, 2);
  gen.normal(noise.view());
  Image raw(a.rows, R);
  for (index_t i = 0; i < raw.count(); ++i) raw.data()[i] = {noise.data()[2 * i], noise.data()[2 * i + 1]};
  Tensor<double, 2> place(a.scatterers, 3);
  gen.uniform(place.view());
  std::vector<sar::Scatterer> scatterers;
  for (index_t k = 0; k < a.scatterers; ++k) {
    const double column = place(k, 0) * static_cast<double>(W - 1), turn = 2 * std::numbers::pi * place(k, 1);
    const double row = place(k, 2) * static_cast<double>(a.rows - 1) + sar::rows_to_zero_doppler(radar, column);
    const double size = a.brightest / static_cast<double>(k + 1);
    scatterers.push_back(
        {radar.closest_range(column), row, complex<double>(size * std::cos(turn), size * std::sin(turn))});
  }
  simulate_echoes(raw.view(), radar, scatterers);
  write_npy(a.echoes, raw);
  write_radar(parameters, radar);
  std::printf("%s: %lld pulses of %lld samples\n%s\n", a.echoes.c_str(), static_cast<long long>(a.rows),
              static_cast<long long>(R), parameters.c_str());
  return 0;
}

}  // namespace

int simulate(const SimulateArguments& a) {
  const sar::Radar radar = a.radar.empty() ? default_radar() : read_radar(a.radar);
  if (!a.echoes.empty()) return write_echoes(a, radar);
  const std::string name = "/s1a-s" + std::to_string(a.mode) + "-simulated.zarr";
  refuse_to_replace({a.out + "/training" + name, a.out + "/validation" + name}, a.force);
  Generator gen(static_cast<std::uint64_t>(a.seed));
  Scene scene;
  scene.radar = radar;
  scene.delay = static_cast<double>(a.delay);
  write_part(a, {"training", a.columns, 0}, scene, gen);
  write_part(a, {"validation", a.validation_columns, a.columns}, scene, gen);
  return 0;
}

}  // namespace longwave::examples::sar_focus
