#include "longwave/io/png.hpp"

#include "check.hpp"
#include "longwave/core/random.hpp"
#include "png.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Image read(const std::string& content) { return read_png(as_bytes(content), "t.png"); }

void refuses(const std::string& content, const std::string& part) {
  const std::string text = error_text<IoError>([&] { read(content); });
  INFO(text);
  CHECK(contains(text, "t.png"));
  CHECK(contains(text, part));
}

// The filter as the standard writes it, from the raw bytes.
int filtered(const std::string& raw, std::size_t row, std::size_t pixel, std::size_t y, std::size_t i, int filter) {
  const auto at = [&](std::size_t r, std::size_t k) {
    return static_cast<int>(static_cast<unsigned char>(raw[r * row + k]));
  };
  const int a = i >= pixel ? at(y, i - pixel) : 0, b = y > 0 ? at(y - 1, i) : 0,
            c = y > 0 && i >= pixel ? at(y - 1, i - pixel) : 0;
  const int p = a + b - c, pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
  const int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  const int guess[] = {0, a, b, (a + b) / 2, paeth};
  return (at(y, i) - guess[filter]) & 255;
}

}  // namespace

TEST_CASE("png: every kind of pixel under every filter") {
  const int types[] = {0, 4, 2, 6};
  const std::size_t channels[] = {1, 2, 3, 4};
  for (int kind = 0; kind < 4; ++kind) {
    const std::size_t C = channels[kind], W = 7, H = 11, row = C * W;
    std::string raw(row * H, '\0'), rows;
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<char>(philox({3, 0, 0}, i).word[0]);
    for (std::size_t y = 0; y < H; ++y) {
      const int filter = static_cast<int>((y + 1) % 5);
      rows += static_cast<char>(filter);
      for (std::size_t i = 0; i < row; ++i) rows += static_cast<char>(filtered(raw, row, C, y, i, filter));
    }
    const Image image = read(png(W, H, types[kind], rows));
    REQUIRE(image.pixels.sizes() == Extents<3>{static_cast<index_t>(C), 11, 7});
    for (std::size_t y = 0; y < H; ++y)
      for (std::size_t x = 0; x < W; ++x)
        for (std::size_t c = 0; c < C; ++c)
          CHECK(image.pixels(c, y, x) == static_cast<unsigned char>(raw[y * row + x * C + c]));
  }
}

TEST_CASE("png: pixels in several chunks, and chunks that may be passed over") {
  const std::string data = deflated(std::string("\0ab\0cd", 6));
  const Image image =
      read(png_signature + png_header(2, 2, 0) + png_chunk("tEXt", "x") + png_chunk("PLTE", "abc") +
           png_chunk("IDAT", data.substr(0, 3)) + png_chunk("IDAT", data.substr(3)) + png_chunk("IEND", ""));
  CHECK(image.pixels(0, 1, 0) == 'c');
  CHECK(image.width() == 2);
}

TEST_CASE("png: damage and other kinds are refused with what is wrong") {
  const std::string rows("\0ab\0cd", 6), good = png(2, 2, 0, rows), end = png_chunk("IEND", "");
  refuses("", "(offset 0): not a PNG file");
  refuses("GIF89a..", "not a PNG file");
  refuses(good.substr(0, good.size() - 1), "ends within a chunk");
  refuses(png_signature, "(offset 8): ends within a chunk");
  refuses(png_signature + end, "has no chunk IHDR");
  std::string wrong = good;
  wrong[20] ^= 1;
  refuses(wrong, "(offset 8): a chunk's checksum is wrong");
  refuses(png_signature + png_header(2, 2, 0) + png_header(2, 2, 0) + end, "IHDR is damaged or comes twice");
  refuses(png_signature + png_header(2, 2, 3) + end, "pixels of type 3 with 8 bits");
  refuses(png_signature + png_header(2, 2, 0, 16) + end, "pixels of type 0 with 16 bits");
  refuses(png_signature + png_header(2, 2, 9) + end, "pixels of type 9");
  refuses(png_signature + png_header(2, 2, 0, 8, 1) + end, "is interlaced");
  refuses(png_signature + png_header(0, 2, 0) + end, "IHDR is damaged");
  refuses(png_signature + png_header(2, 2, 0) + png_chunk("ABCD", "") + end, "the chunk's type is not known");
  refuses(png_signature + png_header(2, 2, 0) + end, "the compressed data end early");
  refuses(png_signature + png_header(1 << 24, 1 << 24, 6) + png_chunk("IDAT", deflated(rows)) + end,
          "cannot come from");
  refuses(png(2, 3, 0, rows), "the data inside end 3 bytes early");
  refuses(png(2, 1, 0, rows), "more data than the image's size says");
  refuses(png(2, 2, 0, std::string("\0ab\5cd", 6)), "row 1 has the filter 5, there are 0 to 4");
  refuses(png_signature + png_header(2, 2, 0) + png_chunk("IDAT", "xx") + end, "the compressed data are damaged");
}
