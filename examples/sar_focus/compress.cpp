// compress - raw echoes to products: range compression, migration correction with secondary range compression, and the
// classical image of the columns that are left.
#include <cstdio>

#include "longwave/data/zarr.hpp"
#include "longwave/io/npy.hpp"
#include "longwave/sar/beam.hpp"
#include "longwave/sar/doppler.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/scene.hpp"

namespace longwave::examples::sar_focus {

namespace {

Image complex_of(TensorView<const float, 3> parts, const std::string& path) {
  if (parts.size(2) != 2)
    throw IoError(path, "holds " + to_string(parts.sizes()) + ", expected I and Q along the last axis");
  Image raw(parts.size(0), parts.size(1));
  for (index_t i = 0; i < raw.size(0); ++i)
    for (index_t j = 0; j < raw.size(1); ++j) raw(i, j) = {parts(i, j, 0), parts(i, j, 1)};
  return raw;
}

template <class Array>
Image image_of(const Array& array, std::size_t rank, const std::string& path) {
  if (rank == 2) return array.template read<complex<float>, 2>();
  if (rank == 3) return complex_of(array.template read<float, 3>().view(), path);
  throw IoError(path,
                "has " + std::to_string(rank) + " axes, expected pulses and samples, and I and Q where it is real");
}

Image read_echoes(const std::string& path) {
  Image raw;
  if (file_exists(path + "/.zarray") || file_exists(path + "/zarr.json")) {
    const ZarrArray array(path);
    raw = image_of(array, array.shape().size(), path);
  } else {
    const NpyArray array(path);
    raw = image_of(array, array.shape().size(), path);
  }
  for (index_t i = 0; i < raw.size(0); ++i)
    for (index_t j = 0; j < raw.size(1); ++j)
      if (!std::isfinite(raw(i, j).re) || !std::isfinite(raw(i, j).im))
        throw IoError(path, "the echo " + std::to_string(i) + " holds no number at sample " + std::to_string(j));
  return raw;
}

// The fraction of the PRF as the echoes say, next to the centroid that was given.
double estimated_centroid(const Image& rc, const sar::Radar& radar) {
  const double fraction = sar::baseband_centroid<float>(rc.view(), radar.prf);
  return fraction + radar.prf * std::round((radar.doppler_centroid - fraction) / radar.prf);
}

void write_columns(const CompressArguments& a, const std::string& path, const ColumnPair& pair, Scene scene,
                   index_t first, index_t end) {
  scene.first_column = first;
  scene.radar.first_range = scene.radar.range(static_cast<double>(first));
  make_folders(detail::folder_of(path));
  write_product(path, pair.rc.view().slice(1, first, end), pair.az.view().slice(1, first, end), scene,
                {a.chunk_rows, a.chunk_columns}, a.force);
  std::printf("%s: %lld rows, columns %lld to %lld\n", path.c_str(), static_cast<long long>(pair.rc.size(0)),
              static_cast<long long>(first), static_cast<long long>(end - 1));
}

}  // namespace

int compress(const CompressArguments& a) {
  const std::string training = a.out + "/training/" + a.name + ".zarr";
  const std::string validation = a.out + "/validation/" + a.name + ".zarr";
  refuse_to_replace({training}, a.force);
  if (a.validation_columns > 0) refuse_to_replace({validation}, a.force);
  Scene scene;
  scene.radar = read_radar(a.radar);
  scene.at_beam = a.rows_of == "beam";
  scene.baseband = !a.keep_carrier;
  scene.delay = static_cast<double>(a.delay);
  if (!scene.at_beam && a.delay != 0) throw UsageError("--delay goes with --rows_of beam alone");

  const Image raw = read_echoes(a.raw);
  const index_t A = raw.size(0), P = scene.radar.chirp_samples();
  if (raw.size(1) < P)
    throw IoError(a.raw, "holds echoes of " + std::to_string(raw.size(1)) + " samples, shorter than the pulse of " +
                             std::to_string(P));
  const index_t W = sar::compressed_columns(scene.radar, raw.size(1)), end = W - a.validation_columns - a.gap;
  if (a.validation_columns > 0 && end < 1)
    throw UsageError("--validation_columns " + std::to_string(a.validation_columns) + " and --gap " +
                     std::to_string(a.gap) + " leave none of the " + std::to_string(W) + " columns for training");
  Image rc(A, W);
  sar::compress_range<float, Host>(rc.view(), raw, scene.radar);
  if (a.estimate_doppler) scene.radar.doppler_centroid = estimated_centroid(rc, scene.radar);
  const auto room = static_cast<index_t>(sar::aperture_rows(scene.radar, 0) / 2) + 1 + std::abs(a.delay);
  const index_t n = a.fft_rows > 0 ? a.fft_rows : longwave::impl::smooth_length(A + room);
  if (n < A)
    throw UsageError("--fft_rows is " + std::to_string(n) + ", expected at least the " + std::to_string(A) + " pulses");
  Image image(n, W), columns(n, W);
  sar::range_doppler<float, Host>(image.view(), rc, scene.radar, columns.view());
  std::printf("contrast of the classical image: %.0f (range-compressed: %.1f)\nDoppler centroid: %.1f Hz\n",
              sar::contrast<float>(image.view()), sar::contrast<float>(rc.view()), scene.radar.doppler_centroid);

  ColumnPair pair = column_pair(columns.view(), scene.at_beam ? A : n, scene);
  const index_t learnt = a.validation_columns > 0 ? end : W;  // the scales know nothing of the columns left out
  scene.rc_scale = scale_into(pair.rc.view().slice(1, 0, learnt), 3000, a.scale_share);
  scene.az_scale = scale_into(pair.az.view().slice(1, 0, learnt), 12000, a.scale_share);
  multiply(pair.rc.view(), scene.rc_scale);
  multiply(pair.az.view(), scene.az_scale);
  write_columns(a, training, pair, scene, 0, learnt);
  if (a.validation_columns > 0) write_columns(a, validation, pair, scene, W - a.validation_columns, W);
  return 0;
}

}  // namespace longwave::examples::sar_focus
