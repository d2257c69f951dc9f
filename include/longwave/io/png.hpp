// png.hpp - PNG images of 8 bits per channel, without palette and interlacing: gray, gray with alpha, RGB, RGBA.
// Needs longwave::zlib.
//
//   const Image image = read_png("sample_0.png");         // pixels (C, height, width)
//
// Checksums of all chunks and of the pixels are verified; memory is asked for only as far as the file's own size
// allows. Written here rather than taken from libpng: the images of the data sets are of these kinds, zlib is there
// already, and libpng reports errors by longjmp, across C++ objects.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/io/inflate.hpp"

namespace longwave {

struct Image {
  Tensor<std::uint8_t, 3> pixels;  // (C, height, width): gray; gray, alpha; red, green, blue; and alpha

  index_t channels() const { return pixels.size(0); }
  index_t height() const { return pixels.size(1); }
  index_t width() const { return pixels.size(2); }
};

namespace detail {

class PngReader {
 public:
  PngReader(Bytes content, const std::string& name) : content_(content), name_(name) {}

  Image read() {
    constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
    if (content_.size() < 8 || text(0, 8) != signature) throw_io_error(name_, "not a PNG file", 0);
    std::size_t at = 8;
    bool ended = false;
    while (!ended) ended = read_chunk(at);
    if (channels_ == 0) throw_io_error(name_, "has no chunk IHDR; the file is damaged");
    return unpack();
  }

 private:
  std::string_view text(std::size_t at, std::size_t n) const {
    return {reinterpret_cast<const char*>(content_.data()) + at, n};
  }
  std::uint32_t big(std::size_t at) const { return load_element<std::uint32_t>(content_.data() + at, true); }
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what, std::size_t at) const {
    throw_io_error(name_, what, static_cast<std::int64_t>(at));
  }

  // Moves `at` behind the chunk; whether it was the last.
  bool read_chunk(std::size_t& at) {
    const std::size_t left = content_.size() - at;
    if (left < 12 || big(at) > left - 12) fail("ends within a chunk; copy or download it again", at);
    const std::size_t size = big(at), begin = at + 8;
    const std::string_view type = text(at + 4, 4);
    const auto* checked = reinterpret_cast<const Bytef*>(content_.data() + at + 4);
    if (crc32_z(0, checked, size + 4) != big(begin + size))
      fail("a chunk's checksum is wrong; the file is damaged", at);
    if (type == "IHDR") {
      read_header(begin, size);
    } else if (type == "IDAT") {
      packed_.insert(packed_.end(), content_.begin() + static_cast<std::ptrdiff_t>(begin),
                     content_.begin() + static_cast<std::ptrdiff_t>(begin + size));
    } else if (type != "IEND" && type != "PLTE" && (type[0] & 32) == 0) {
      fail("the chunk's type is not known, and it cannot be passed over", at);
    }
    at = begin + size + 4;
    return type == "IEND";
  }

  void read_header(std::size_t at, std::size_t size) {
    if (size != 13 || channels_ != 0) fail("the chunk IHDR is damaged or comes twice", at);
    width_ = big(at), height_ = big(at + 4);
    const auto field = [&](std::size_t i) { return std::to_integer<int>(content_[at + i]); };
    constexpr int channels[] = {1, 0, 3, 0, 2, 0, 4};
    if (field(8) != 8 || field(9) > 6 || channels[field(9)] == 0)
      fail("holds pixels of type " + std::to_string(field(9)) + " with " + std::to_string(field(8)) +
               " bits, 8 bits of gray or colour without a palette are read; convert it",
           at);
    if (field(12) != 0) fail("is interlaced, which is not read; save it without", at);
    if (field(10) != 0 || field(11) != 0 || width_ == 0 || height_ == 0 || width_ > 1 << 24 || height_ > 1 << 24)
      fail("the chunk IHDR is damaged", at);
    channels_ = static_cast<std::size_t>(channels[field(9)]);
  }

  // Rows of a filter byte and width * channels bytes.
  Image unpack() {
    const std::size_t row = width_ * channels_, total = height_ * (row + 1);
    if (total / deflate_ratio > packed_.size())
      fail("an image of " + std::to_string(width_) + " x " + std::to_string(height_) + " cannot come from " +
               std::to_string(packed_.size()) + " compressed bytes; the file is damaged",
           8);
    Inflater inflater(name_, packed_, 15);
    std::vector<std::byte> bytes;
    inflate_to(inflater, bytes, total, name_);
    inflater.expect_end("the image's size says");
    Image out;
    const auto C = static_cast<index_t>(channels_), H = static_cast<index_t>(height_), W = static_cast<index_t>(width_);
    out.pixels = Tensor<std::uint8_t, 3>::uninitialized({C, H, W});
    std::vector<std::uint8_t> above(row), line(row);
    for (index_t y = 0; y < H; ++y) {
      const std::byte* from = bytes.data() + static_cast<std::size_t>(y) * (row + 1);
      unfilter(line, above, from + 1, std::to_integer<int>(*from), y);
      for (index_t x = 0; x < W; ++x)
        for (index_t c = 0; c < C; ++c) out.pixels(c, y, x) = line[static_cast<std::size_t>(x * C + c)];
      above.swap(line);
    }
    return out;
  }

  // line = what the filter predicts from the pixel to the left, the row above and its left neighbour, plus the byte.
  void unfilter(std::vector<std::uint8_t>& line, const std::vector<std::uint8_t>& above, const std::byte* from,
                int filter, index_t y) const {
    if (filter > 4)
      throw_io_error(name_,
                     "row " + std::to_string(y) + " has the filter " + std::to_string(filter) + ", there are 0 to 4");
    for (std::size_t i = 0; i < line.size(); ++i) {
      const int left = i >= channels_ ? line[i - channels_] : 0, up = above[i],
                corner = i >= channels_ ? above[i - channels_] : 0;
      int predicted = 0;
      if (filter == 1) predicted = left;
      if (filter == 2) predicted = up;
      if (filter == 3) predicted = (left + up) / 2;
      if (filter == 4) predicted = paeth(left, up, corner);
      line[i] = static_cast<std::uint8_t>(std::to_integer<int>(from[i]) + predicted);
    }
  }
  static int paeth(int left, int up, int corner) {
    const int to_left = std::abs(up - corner), to_up = std::abs(left - corner),
              to_corner = std::abs(left + up - 2 * corner);
    if (to_left <= to_up && to_left <= to_corner) return left;
    return to_up <= to_corner ? up : corner;
  }

  Bytes content_;
  const std::string& name_;
  std::size_t width_ = 0, height_ = 0, channels_ = 0;
  std::vector<std::byte> packed_;
};

}  // namespace detail

// From the content of a file; name appears in errors.
inline Image read_png(Bytes content, const std::string& name) { return detail::PngReader(content, name).read(); }
inline Image read_png(const std::string& path) {
  const MappedFile file(path);
  return read_png(file.bytes(), path);
}

}  // namespace longwave
