// zarr.hpp - Zarr arrays and groups, versions 2 and 3, chunk by chunk: patches are read with a cache of unpacked
// chunks, a chunk that is not there holds the fill value. Needs longwave::zarr and longwave::json.
//
//   ZarrArray rc(folder + "/rc");                            // or open_zarr_group(folder).array("rc")
//   Tensor<complex<float>, 2> line(10000, 1);
//   rc.read(line.view(), {1000, column});                    // origin
//   rc.read(thumbnail.view(), {0, 0}, {16, 16});             // every 16th sample of both axes
//   ZarrArray out = ZarrArray::create(path, {.shape = {H, W}, .chunks = {1024, 64}, .dtype = DType::c64});
//   out.write(image.view(), {0, 0});
//
// Reading is safe from several threads at once. Writing changes whole chunks by renaming, and is for one thread.
#pragma once

#include <string>
#include <utility>

#include "longwave/data/zarr_array.hpp"

namespace longwave {

// A folder of arrays and groups by name.
class ZarrGroup {
 public:
  explicit ZarrGroup(std::string folder) : folder_(std::move(folder)) {
    if (!file_exists(folder_)) detail::throw_io_error(folder_, "is not there");
    if (!file_exists(folder_ + "/.zgroup") && !file_exists(folder_ + "/zarr.json"))
      detail::throw_io_error(folder_, "holds no Zarr group: no .zgroup and no zarr.json");
  }
  static ZarrGroup create(const std::string& folder, int version = 2) {
    make_folders(folder);
    AtomicFile out(folder + (version == 3 ? "/zarr.json" : "/.zgroup"));
    out.write(version == 3 ? "{\"zarr_format\": 3, \"node_type\": \"group\", \"attributes\": {}}\n"
                           : "{\"zarr_format\": 2}\n");
    out.commit();
    return ZarrGroup(folder);
  }

  const std::string& folder() const { return folder_; }
  bool has(const std::string& name) const {
    return file_exists(folder_ + "/" + name + "/.zarray") || file_exists(folder_ + "/" + name + "/zarr.json");
  }
  ZarrArray array(const std::string& name, std::size_t cache = ZarrArray::default_cache) const {
    if (!has(name)) detail::throw_io_error(folder_, "the group holds no array \"" + name + "\"");
    return ZarrArray(folder_ + "/" + name, cache);
  }
  ZarrGroup group(const std::string& name) const { return ZarrGroup(folder_ + "/" + name); }

 private:
  std::string folder_;
};

}  // namespace longwave
