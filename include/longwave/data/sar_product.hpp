// sar_product.hpp - pairs of radar images for a network that focuses: a Zarr group with the arrays `rc`
// (range-compressed) and `az` (focused), both (H azimuth rows, W range columns), and the patches that are taken from
// it. Needs longwave::zarr and longwave::json.
//
//   SarProduct product("scene/training/s1a-s3-vancouver.zarr", SarSampling{});
//   const std::vector<SarPatch> patches = sar_patches(product, sampling);
//   product.read(x, target, patches[7], sampling);      // x (columns, rows, 3), target (columns, rows, 2)
//
// A column is a sequence. Its I and Q become v' = (v - low) / (high - low), each by itself, so that no signal is 0.5;
// they are clipped to [0, 1] only if asked. The third number of the input tells where the column lies:
//   column   (c + 1) / 20000
//   mode     (c + m W) / (6 W), m = 1 .. 6 the stripmap mode, the second digit of the name s1a-s3-...zarr
//   none     0
// c counts from the attribute first_column of the group where there is one, so that the parts of a scene fit together.
#pragma once

#include <dirent.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "longwave/data/zarr.hpp"

namespace longwave {

struct SarRanges {
  double rc_low = -3000, rc_high = 3000;
  double az_low = -12000, az_high = 12000;
};

// broad, medium, tight, extra_tight (the default), extra_extra_tight
inline SarRanges sar_ranges(const std::string& name) {
  static constexpr struct {
    const char* name;
    double rc, az;
  } known[] = {{"broad", 10000, 40000},
               {"medium", 6000, 24000},
               {"tight", 4000, 16000},
               {"extra_tight", 3000, 12000},
               {"extra_extra_tight", 2000, 9000}};
  std::string names;
  for (const auto& pair : known) {
    if (name == pair.name) return {-pair.rc, pair.rc, -pair.az, pair.az};
    names += (names.empty() ? "" : ", ") + std::string(pair.name);
  }
  throw_value_error("sar_ranges: there is no pair of ranges \"" + name + "\"; known are " + names);
}

enum class SarPosition { column, mode, none };

struct SarSampling {
  std::string level_from = "rc", level_to = "az";     // names of the arrays
  index_t patch_rows = 10000, patch_columns = 1;      // columns of one patch lie side by side in a batch
  index_t buffer_rows = 1000, buffer_columns = 1000;  // margin left out on each side
  index_t stride_rows = 10000, stride_columns = 1;
  bool rows_first = true;               // order of the patches: y runs fastest
  index_t samples_per_product = 20000;  // patches, the first ones
  index_t max_products = 1;             // the first ones by name
  SarPosition position = SarPosition::column;
  SarRanges ranges;
  bool clip = false;
  bool shuffle = true;
  index_t cache = 100;  // unpacked chunks of each array
  index_t workers = 1;  // threads that read ahead
};

struct SarPatch {
  index_t product = 0, row = 0, column = 0;
};

// v' = (v - low) / (high - low) and back.
struct SarScale {
  float low, high;
  float to_unit(float v) const { return (v - low) / (high - low); }
  float from_unit(float u) const { return u * (high - low) + low; }
};

inline SarScale sar_scale(const SarRanges& ranges, bool focused) {
  const double low = focused ? ranges.az_low : ranges.rc_low, high = focused ? ranges.az_high : ranges.rc_high;
  if (!(low < high && std::isfinite(low) && std::isfinite(high)))
    throw_value_error("sar_scale: the range of " + std::string(focused ? "az" : "rc") + " is [" + std::to_string(low) +
                      ", " + std::to_string(high) + "], expected two numbers, the smaller one first");
  return {static_cast<float>(low), static_cast<float>(high)};
}

class SarProduct {
 public:
  SarProduct(const std::string& folder, const SarSampling& sampling)
      : group_(folder),
        from_(open(sampling.level_from, sampling.cache)),
        to_(open(sampling.level_to, sampling.cache)),
        from_scale_(sar_scale(sampling.ranges, sampling.level_from == "az")),
        to_scale_(sar_scale(sampling.ranges, sampling.level_to == "az")) {
    if (from_.shape() != to_.shape())
      detail::throw_io_error(folder, sampling.level_from + " is " + detail::shape_text(from_.shape()) + " and " +
                                         sampling.level_to + " is " + detail::shape_text(to_.shape()) +
                                         "; a pair of images has one shape");
    read_name();
    if (sampling.position == SarPosition::mode && mode_ == 0)
      detail::throw_io_error(folder,
                             "the name tells no stripmap mode (s1a-s<1..6>-...); rename it or take another position");
    first_column_ = attributes(folder).get("first_column", index_t(0));
  }

  const std::string& folder() const { return group_.folder(); }
  index_t rows() const { return from_.shape()[0]; }
  index_t columns() const { return from_.shape()[1]; }
  int mode() const { return mode_; }  // 0: the name tells none
  index_t first_column() const { return first_column_; }
  const ZarrArray& from() const { return from_; }
  const ZarrArray& to() const { return to_; }

  double position(index_t column, SarPosition kind) const {
    const auto c = static_cast<double>(column + first_column_), W = static_cast<double>(columns());
    if (kind == SarPosition::column) return (c + 1) / 20000;
    return kind == SarPosition::mode ? (c + mode_ * W) / (6 * W) : 0;
  }

  // x (columns, rows, 3), target (columns, rows, 2): a block of whole or partial columns from (row, column) on.
  void read(TensorView<float, 3> x, TensorView<float, 3> target, const SarPatch& at,
            const SarSampling& sampling) const {
    read_input(x, at, sampling);
    check_shape("SarProduct", "target", target, Extents<3>{x.size(0), x.size(1), 2});
    read_parts(target, to_, to_scale_, at, sampling.clip);
  }
  void read_input(TensorView<float, 3> x, const SarPatch& at, const SarSampling& sampling) const {
    check_shape("SarProduct", "x", x, Extents<3>{x.size(0), x.size(1), 3});
    read_parts(x, from_, from_scale_, at, sampling.clip);
    for (index_t c = 0; c < x.size(0); ++c) {
      const auto position = static_cast<float>(this->position(at.column + c, sampling.position));
      for (index_t i = 0; i < x.size(1); ++i) x(c, i, 2) = position;
    }
  }

  // The attributes of a group; empty where it has none.
  static Config attributes(const std::string& folder) {
    if (file_exists(folder + "/.zattrs")) return Config::read(folder + "/.zattrs");
    if (file_exists(folder + "/zarr.json")) return Config::read(folder + "/zarr.json").section("attributes");
    return Config::parse("{}");
  }

 private:
  ZarrArray open(const std::string& name, index_t cache) const {
    if (cache < 0) throw_value_error("SarProduct: a cache of " + std::to_string(cache) + " chunks");
    ZarrArray array = group_.array(name, static_cast<std::size_t>(cache));
    if (array.shape().size() != 2)
      detail::throw_io_error(array.folder(), "is " + detail::shape_text(array.shape()) + ", expected rows and columns");
    return array;
  }

  // s1a-s3-anything.zarr: mode 3.
  void read_name() {
    std::string name = folder();
    while (!name.empty() && name.back() == '/') name.pop_back();
    name = name.substr(name.rfind('/') + 1);
    if (name.size() > 6 && name[0] == 's' && std::isdigit(static_cast<unsigned char>(name[1])) != 0 && name[3] == '-' &&
        name[4] == 's' && name[5] >= '1' && name[5] <= '6' && name[6] == '-')
      mode_ = name[5] - '0';
  }

  void read_parts(TensorView<float, 3> out, const ZarrArray& array, SarScale scale, const SarPatch& at,
                  bool clip) const {
    thread_local std::vector<complex<float>> room;
    const Extents<2> sizes{out.size(0), out.size(1)};
    room.resize(static_cast<std::size_t>(sizes.count()));
    const TensorView<complex<float>, 2> z(room.data(), sizes);
    array.read(z.transpose(0, 1), {at.row, at.column});
    for (index_t c = 0; c < sizes[0]; ++c)
      for (index_t i = 0; i < sizes[1]; ++i) {
        const complex<float> v = z(c, i);
        if (!std::isfinite(v.re) || !std::isfinite(v.im))
          detail::throw_io_error(array.folder(), "the sample at row " + std::to_string(at.row + i) + ", column " +
                                                     std::to_string(at.column + c) +
                                                     " is not a number; mend the product or leave it out");
        out(c, i, 0) = scale.to_unit(v.re);
        out(c, i, 1) = scale.to_unit(v.im);
        if (!clip) continue;
        out(c, i, 0) = std::clamp(out(c, i, 0), 0.0f, 1.0f);
        out(c, i, 1) = std::clamp(out(c, i, 1), 0.0f, 1.0f);
      }
  }

  ZarrGroup group_;
  ZarrArray from_, to_;
  SarScale from_scale_, to_scale_;
  int mode_ = 0;
  index_t first_column_ = 0;
};

// Where patches start: rows from buffer_rows on in steps of stride_rows, as long as the patch ends before the margin
// on the other side, and columns alike; `product` of each is the number given.
inline std::vector<SarPatch> sar_patches(const SarProduct& product, const SarSampling& s, index_t number = 0) {
  for (const index_t least_one :
       {s.patch_rows, s.patch_columns, s.stride_rows, s.stride_columns, s.samples_per_product})
    if (least_one < 1) throw_value_error("sar_patches: patch, stride and samples_per_product are at least 1");
  if (s.buffer_rows < 0 || s.buffer_columns < 0) throw_value_error("sar_patches: the margins are at least 0");
  const index_t last_row = product.rows() - s.buffer_rows - s.patch_rows;
  const index_t last_column = product.columns() - s.buffer_columns - s.patch_columns;
  if (last_row < s.buffer_rows || last_column < s.buffer_columns)
    throw_shape_error("sar_patches: " + product.folder() + " is (" + std::to_string(product.rows()) + ", " +
                      std::to_string(product.columns()) + "), smaller than a patch of (" +
                      std::to_string(s.patch_rows) + ", " + std::to_string(s.patch_columns) + ") with margins of (" +
                      std::to_string(s.buffer_rows) + ", " + std::to_string(s.buffer_columns) + ") on each side");
  const index_t rows = (last_row - s.buffer_rows) / s.stride_rows + 1;
  const index_t columns = (last_column - s.buffer_columns) / s.stride_columns + 1;
  std::vector<SarPatch> patches;
  for (index_t i = 0; i < std::min(rows * columns, s.samples_per_product); ++i) {
    const index_t y = s.rows_first ? i % rows : i / columns, x = s.rows_first ? i / rows : i % columns;
    patches.push_back({number, s.buffer_rows + y * s.stride_rows, s.buffer_columns + x * s.stride_columns});
  }
  return patches;
}

// The products of a folder (*.zarr) by name, at most max_products; a folder that is a product is itself the only one.
inline std::vector<std::string> sar_product_folders(const std::string& folder, index_t max_products) {
  if (file_exists(folder + "/.zgroup") || file_exists(folder + "/zarr.json")) return {folder};
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (open == nullptr) detail::throw_system_error(folder, "cannot open this folder");
  std::vector<std::string> found;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name.ends_with(".zarr")) found.push_back(folder + "/" + name);
  }
  if (found.empty()) detail::throw_io_error(folder, "holds no product, no folder *.zarr");
  std::sort(found.begin(), found.end());
  if (max_products < 1) throw_value_error("sar_product_folders: max_products is " + std::to_string(max_products));
  if (static_cast<index_t>(found.size()) > max_products) found.resize(static_cast<std::size_t>(max_products));
  return found;
}

}  // namespace longwave
