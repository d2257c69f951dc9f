#include "sar_focus/scene.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "common/settings.hpp"
#include "longwave/data/zarr.hpp"
#include "longwave/sar/beam.hpp"

namespace longwave::examples::sar_focus {

namespace {

using Json = nlohmann::ordered_json;

constexpr struct {
  const char* name;
  double sar::Radar::*value;
} radar_keys[] = {{"carrier", &sar::Radar::carrier},
                  {"range_rate", &sar::Radar::range_rate},
                  {"chirp_rate", &sar::Radar::chirp_rate},
                  {"chirp_duration", &sar::Radar::chirp_duration},
                  {"prf", &sar::Radar::prf},
                  {"velocity", &sar::Radar::velocity},
                  {"first_range", &sar::Radar::first_range},
                  {"doppler_centroid", &sar::Radar::doppler_centroid}};

sar::Radar radar_of(const Config& config) {
  sar::Radar radar;
  for (const auto& [name, value] : radar_keys) radar.*value = config.require<double>(name);
  radar.light = config.get("light", radar.light);
  check_radar("radar", radar);
  return radar;
}

Json json_of(const sar::Radar& radar) {
  Json json;
  for (const auto& [name, value] : radar_keys) json[name] = radar.*value;
  json["light"] = radar.light;
  return json;
}

void write_array(const ZarrGroup& group, const std::string& name, ImageView image, ChunkSizes chunks) {
  const std::vector<index_t> shape = {image.size(0), image.size(1)};
  ZarrArray array = ZarrArray::create(group.folder() + "/" + name,
                                      {.shape = shape,
                                       .chunks = {std::min(chunks.rows, shape[0]), std::min(chunks.columns, shape[1])},
                                       .dtype = DType::c64});
  array.write(image, {0, 0});
}

// Room for what half an aperture spreads beyond the last row.
index_t padded_rows(index_t rows, const Scene& scene) {
  const double aperture = sar::aperture_rows(scene.radar, 0);
  return longwave::impl::smooth_length(rows + static_cast<index_t>(std::ceil(aperture / 2 + std::abs(scene.delay))));
}

// Back from baseband: demodulate the other way.
void modulate(TensorView<complex<float>, 2> image, const sar::Radar& radar) {
  for_each_index<Host>(image.count(), sar::detail::Demodulate<float, Host>{image, -radar.doppler_centroid / radar.prf},
                       100);
}

Image first_rows(ImageView image, index_t rows) {
  Image part(rows, image.size(1));
  copy(part.view(), image.slice(0, 0, rows));
  return part;
}

}  // namespace

sar::Radar read_radar(const std::string& path) {
  const Config config = Config::read(path);
  const sar::Radar radar = radar_of(config);
  static_cast<void>(config.get("about", ""));
  config.check();
  return radar;
}

void write_radar(const std::string& path, const sar::Radar& radar) {
  replace_file(path, json_of(radar).dump(2) + "\n");
}

bool has_scene(const std::string& folder) {
  return file_exists(folder + "/.zattrs") && Config::read(folder + "/.zattrs").has("radar");
}

Scene read_scene(const std::string& folder) {
  const Config config = Config::read(folder + "/.zattrs");
  Scene scene;
  scene.radar = radar_of(config.section("radar"));
  scene.first_column = config.get("first_column", index_t(0));
  scene.rc_scale = config.require<double>("rc_scale");
  scene.az_scale = config.require<double>("az_scale");
  scene.at_beam = config.get("at_beam", true);
  scene.baseband = config.get("baseband", true);
  scene.delay = config.get("delay", 0.0);
  return scene;
}

void write_product(const std::string& folder, ImageView rc, ImageView az, const Scene& scene, ChunkSizes chunks,
                   bool replace) {
  refuse_to_replace({folder}, replace);
  const std::string part = folder + ".partial";
  std::filesystem::remove_all(part);
  const ZarrGroup group = ZarrGroup::create(part);
  write_array(group, "rc", rc, chunks);
  write_array(group, "az", az, chunks);
  const Json attributes = {{"first_column", scene.first_column}, {"rc_scale", scene.rc_scale},
                           {"az_scale", scene.az_scale},         {"at_beam", scene.at_beam},
                           {"baseband", scene.baseband},         {"delay", scene.delay},
                           {"radar", json_of(scene.radar)}};
  replace_file(part + "/.zattrs", attributes.dump(2) + "\n");
  if (file_exists(folder)) {
    if (!file_exists(folder + "/.zgroup") && !file_exists(folder + "/zarr.json"))
      throw IoError(folder, "is there and no Zarr group; remove it by hand");
    std::filesystem::remove_all(folder);
  }
  std::filesystem::rename(part, folder);
}

void refuse_to_replace(const std::vector<std::string>& paths, bool force) {
  for (const std::string& path : paths)
    if (!force && file_exists(path)) throw UsageError(path + " is there already; --force replaces it");
}

double scale_into(ImageView image, double range, double share) {
  std::vector<float> sizes;
  sizes.reserve(static_cast<std::size_t>(2 * image.count()));
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j) {
      sizes.push_back(std::abs(image(i, j).re));
      sizes.push_back(std::abs(image(i, j).im));
    }
  if (sizes.empty()) return 1;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(sizes.size() - 1));
  std::nth_element(sizes.begin(), sizes.begin() + at, sizes.end());
  const double q = sizes[static_cast<std::size_t>(at)];
  return q > 0 ? range / q : 1;
}

void multiply(TensorView<complex<float>, 2> image, double by) {
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j) image(i, j) = static_cast<float>(by) * image(i, j);
}

ColumnPair column_pair(ImageView columns, index_t rows, const Scene& scene) {
  Image focused(columns.sizes());
  if (scene.at_beam) {
    sar::focus_at_beam<float, Host>(focused.view(), columns, scene.radar, scene.delay);
  } else {
    Image S(columns.size(1), columns.size(0));
    sar::azimuth_spectrum<float, Host>(S.view(), columns);
    sar::compress_azimuth<float, Host>(S.view(), scene.radar);
    ops::Ifft::forward(focused.view().transpose(0, 1), S);
  }
  ColumnPair pair{first_rows(columns, rows), first_rows(focused.view(), rows)};
  if (scene.baseband) {
    sar::demodulate<float, Host>(pair.rc.view(), scene.radar);
    sar::demodulate<float, Host>(pair.az.view(), scene.radar);
  }
  return pair;
}

Image matched_filter(ImageView rc, const Scene& scene) {
  // Rows of zero Doppler count modulo the length that the product was made with, which are its own rows.
  Image columns(scene.at_beam ? padded_rows(rc.size(0), scene) : rc.size(0), rc.size(1));
  const auto top = columns.view().slice(0, 0, rc.size(0));
  copy(top, rc);
  if (scene.baseband) modulate(top, scene.radar);
  ColumnPair pair = column_pair(columns.view(), rc.size(0), scene);
  multiply(pair.az.view(), scene.az_scale / scene.rc_scale);
  return std::move(pair.az);
}

}  // namespace longwave::examples::sar_focus
