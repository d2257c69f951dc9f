// png.hpp - PNG files for tests, written by hand.
#pragma once

#include <zlib.h>

#include <string>

#include "files.hpp"

namespace longwave::test {

inline std::string deflated(const std::string& text) {
  uLongf bytes = compressBound(text.size());
  std::string out(bytes, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &bytes, reinterpret_cast<const Bytef*>(text.data()), text.size());
  out.resize(bytes);
  return out;
}

inline std::string png_chunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big(content.size(), 4) + checked + big(crc, 4);
}

inline const std::string png_signature = "\x89PNG\r\n\x1a\n";

inline std::string png_header(unsigned width, unsigned height, int type, int bits = 8, int interlaced = 0) {
  return png_chunk("IHDR", big(width, 4) + big(height, 4) + static_cast<char>(bits) + static_cast<char>(type) +
                               std::string(2, '\0') + static_cast<char>(interlaced));
}

// rows: a filter byte and the filtered bytes of every row.
inline std::string png(unsigned width, unsigned height, int type, const std::string& rows) {
  return png_signature + png_header(width, height, type) + png_chunk("IDAT", deflated(rows)) + png_chunk("IEND", "");
}

}  // namespace longwave::test
