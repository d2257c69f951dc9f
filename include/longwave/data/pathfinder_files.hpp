// pathfinder_files.hpp - the published Pathfinder images: a folder with metadata/*.npy and imgs/<n>/*.png.
// Needs longwave::zlib.
//
// In spite of their names the metadata files are text, a line for each image: folder, file, a number, label, and more.
// They are read by their numbers. Empty image files, of which the set of 32 x 32 has one, are left out and counted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "longwave/data/csv.hpp"
#include "longwave/data/image.hpp"
#include "longwave/data/pathfinder.hpp"
#include "longwave/io/folder.hpp"
#include "longwave/io/png.hpp"

namespace longwave {

namespace detail {

struct PathfinderEntry {
  std::string path;
  index_t label = 0;
};

// Fields between blanks: 0 the folder, 1 the file, 3 the label.
inline void read_pathfinder_metadata(Bytes content, const std::string& name, std::vector<PathfinderEntry>& out) {
  LineReader lines({reinterpret_cast<const char*>(content.data()), content.size()});
  for (std::string_view line; lines.next(line);) {
    std::string_view field[4], rest = trimmed(line);
    if (rest.empty()) continue;
    for (std::string_view& f : field) {
      const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
      f = rest.substr(0, end);
      rest = trimmed(rest.substr(end));
    }
    if (field[3] != "0" && field[3] != "1")
      throw_io_error(name, "line " + std::to_string(lines.number()) + ": field 3 is " + quoted_start(field[3]) +
                               ", expected the label 0 or 1");
    out.push_back({std::string(field[0]) + "/" + std::string(field[1]), field[3] == "1"});
  }
}

// One row of the set; RGB becomes gray, an alpha channel is not looked at.
inline void put_gray(const Image& image, std::uint8_t* out) {
  const index_t n = image.height() * image.width();
  const std::uint8_t* p = image.pixels.data();
  for (index_t i = 0; i < n; ++i) out[i] = image.channels() < 3 ? p[i] : gray_of(p[i], p[n + i], p[2 * n + i]);
}

}  // namespace detail

inline Pathfinder read_pathfinder(const std::string& folder) {
  std::vector<detail::PathfinderEntry> entries;
  for (const std::string& name : list_folder(folder + "/metadata", ".npy")) {
    const MappedFile file(folder + "/metadata/" + name);
    detail::read_pathfinder_metadata(file.bytes(), file.path(), entries);
  }
  if (entries.empty()) detail::throw_io_error(folder + "/metadata", "names no image");
  Pathfinder out{folder, 0, {}, {}};
  std::vector<index_t> labels;
  for (const detail::PathfinderEntry& entry : entries) {
    const MappedFile file(folder + "/" + entry.path);
    if (file.size() == 0) {
      ++out.dropped;
      continue;
    }
    const Image image = read_png(file.bytes(), file.path());
    if (labels.empty()) {
      out.side = image.width();
      out.image = Tensor<std::uint8_t, 2>::uninitialized({static_cast<index_t>(entries.size()), out.side * out.side});
    }
    if (image.width() != out.side || image.height() != out.side)
      detail::throw_io_error(file.path(),
                             "is " + std::to_string(image.width()) + " x " + std::to_string(image.height()) +
                                 " pixels, expected a square of the first one's width, " + std::to_string(out.side));
    detail::put_gray(image, &out.image(static_cast<index_t>(labels.size()), 0));
    labels.push_back(entry.label);
  }
  if (labels.empty()) detail::throw_io_error(folder, "holds empty images only");
  const auto n = static_cast<index_t>(labels.size());
  if (out.dropped > 0) {
    auto fitting = Tensor<std::uint8_t, 2>::uninitialized({n, out.side * out.side});
    std::copy_n(out.image.data(), fitting.count(), fitting.data());
    out.image = std::move(fitting);
  }
  out.y = Tensor<index_t, 1>::uninitialized({n});
  std::copy(labels.begin(), labels.end(), out.y.data());
  return out;
}

}  // namespace longwave
