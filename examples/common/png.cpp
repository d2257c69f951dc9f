#include "common/png.hpp"

#include <zlib.h>

#include <vector>

#include "longwave/core/error.hpp"
#include "longwave/core/extents.hpp"

namespace longwave::examples {

namespace {

std::string big_endian(std::uint32_t x) {
  return {static_cast<char>(x >> 24), static_cast<char>(x >> 16 & 255), static_cast<char>(x >> 8 & 255),
          static_cast<char>(x & 255)};
}

// Length, type, data, CRC-32 of type and data.
std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(static_cast<std::uint32_t>(crc));
}

}  // namespace

std::string png_bytes(TensorView<const unsigned char, 2> pixels) {
  const index_t h = pixels.size(0), w = pixels.size(1);
  constexpr index_t most = index_t(1) << 16;
  if (h < 1 || w < 1 || h > most || w > most)
    throw_shape_error("png_bytes: the picture is " + to_string(pixels.sizes()) + ", expected 1 to " +
                      std::to_string(most) + " pixels on each side");
  // Rows, each after its filter: 2 stores the difference from the row above.
  std::vector<unsigned char> rows;
  rows.reserve(static_cast<std::size_t>(h * (w + 1)));
  for (index_t i = 0; i < h; ++i) {
    rows.push_back(i > 0 ? 2 : 0);
    for (index_t j = 0; j < w; ++j)
      rows.push_back(static_cast<unsigned char>(pixels(i, j) - (i > 0 ? pixels(i - 1, j) : 0)));
  }
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size, rows.data(), static_cast<uLong>(rows.size()), 6) !=
      Z_OK)
    throw_value_error("png_bytes: zlib has no memory");
  packed.resize(size);
  const std::string header = big_endian(static_cast<std::uint32_t>(w)) + big_endian(static_cast<std::uint32_t>(h)) +
                             std::string("\x08\x00\x00\x00\x00", 5);  // 8 bits, grey, deflate, filters, no interlace
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

std::string png_data_uri(const std::string& png) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = "data:image/png;base64,";
  for (std::size_t i = 0; i < png.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < png.size() ? static_cast<unsigned char>(png[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += i + k > png.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
  }
  return text;
}

}  // namespace longwave::examples
