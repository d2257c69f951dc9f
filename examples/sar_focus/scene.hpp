// scene.hpp - products on the disk: what they say of themselves (attributes of the Zarr group), how they are written.
#pragma once

#include <string>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/io/json.hpp"
#include "longwave/sar/radar.hpp"

namespace longwave::examples::sar_focus {

using Image = Tensor<complex<float>, 2>;  // (azimuth rows, range columns)
using ImageView = TensorView<const complex<float>, 2>;

struct Scene {
  sar::Radar radar;                   // first_range is that of the product's own column 0
  index_t first_column = 0;           // of the product in its scene
  double rc_scale = 1, az_scale = 1;  // what the arrays were multiplied by
  bool at_beam = true;                // scatterers stand in the middle of their beam, else at zero Doppler
  bool baseband = true;               // the Doppler centroid is at 0 Hz in both arrays
  double delay = 0;                   // rows that az lies below rc
};

sar::Radar read_radar(const std::string& path);
void write_radar(const std::string& path, const sar::Radar& radar);

// Whether the product was written by this program, and what it then says.
bool has_scene(const std::string& folder);
Scene read_scene(const std::string& folder);

struct ChunkSizes {
  index_t rows = 2048, columns = 8;
};

// A group with rc and az. Replaces a product that is there only if asked, and as a whole: it is written beside it
// first.
void write_product(const std::string& folder, ImageView rc, ImageView az, const Scene& scene, ChunkSizes chunks,
                   bool replace);

// Throws UsageError where one of them is there already, unless `force`.
void refuse_to_replace(const std::vector<std::string>& paths, bool force);

// range / q, q below which `share` of all |I| and |Q| lie: what brings them into [-range, range].
double scale_into(ImageView image, double range, double share);

void multiply(TensorView<complex<float>, 2> image, double by);

// What one filter can learn: columns with migration corrected, (n, W) -> rc and az of the first `rows` rows, az at the
// beam and both at baseband as the scene says. Not scaled.
struct ColumnPair {
  Image rc, az;
};
ColumnPair column_pair(ImageView columns, index_t rows, const Scene& scene);

// The classical focus of a product's own rc, as it is in the product, in the units of az.
Image matched_filter(ImageView rc, const Scene& scene);

}  // namespace longwave::examples::sar_focus
