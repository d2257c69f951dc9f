#include "common/png.hpp"

#include <zlib.h>

#include "check.hpp"
#include "common/report.hpp"
#include "longwave/core/tensor.hpp"

using namespace longwave;
using namespace longwave::examples;

namespace {

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t x = 0;
  for (std::size_t i = 0; i < 4; ++i) x = x << 8 | static_cast<unsigned char>(bytes[at + i]);
  return x;
}

// Pixels back from the file, with every length and checksum on the way.
Tensor<unsigned char, 2> decoded(const std::string& png) {
  REQUIRE(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  std::string packed, types;
  std::uint32_t w = 0, h = 0;
  for (std::size_t at = 8; at < png.size();) {
    const std::size_t n = number_at(png, at);
    const std::string body = png.substr(at + 4, n + 4);
    REQUIRE(number_at(png, at + 8 + n) == crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size())));
    types += body.substr(0, 4);
    if (body.starts_with("IHDR")) {
      w = number_at(body, 4);
      h = number_at(body, 8);
      CHECK(body.substr(12) == std::string("\x08\x00\x00\x00\x00", 5));
    }
    if (body.starts_with("IDAT")) packed += body.substr(4);
    at += 12 + n;
  }
  CHECK(types == "IHDRIDATIEND");
  std::vector<unsigned char> rows(std::size_t(h) * (w + 1));
  uLongf size = uLongf(rows.size());
  REQUIRE(uncompress(rows.data(), &size, reinterpret_cast<const Bytef*>(packed.data()), uLong(packed.size())) == Z_OK);
  REQUIRE(size == rows.size());
  Tensor<unsigned char, 2> pixels(static_cast<index_t>(h), static_cast<index_t>(w));
  for (index_t i = 0; i < pixels.size(0); ++i)
    for (index_t j = 0; j < pixels.size(1); ++j) {
      const unsigned char* row = rows.data() + i * (pixels.size(1) + 1);
      CHECK(row[0] == (i > 0 ? 2 : 0));
      pixels(i, j) = static_cast<unsigned char>(row[j + 1] + (i > 0 ? pixels(i - 1, j) : 0));
    }
  return pixels;
}

}  // namespace

TEST_CASE("png: pixels come back, chunk by chunk, whatever the size") {
  for (const auto& [h, w] : {std::pair<index_t, index_t>{1, 1}, {7, 5}, {2, 300}}) {
    Tensor<unsigned char, 2> pixels(h, w);
    for (index_t i = 0; i < pixels.count(); ++i) pixels.data()[i] = static_cast<unsigned char>(i * 37 % 256);
    const auto again = decoded(png_bytes(pixels.view()));
    REQUIRE(again.sizes() == pixels.sizes());
    CHECK(std::equal(again.data(), again.data() + again.count(), pixels.data()));
  }
  const Tensor<unsigned char, 2> none(0, 3);
  CHECK_THROWS_WITH(png_bytes(none.view()), Catch::Contains("(0, 3)"));
}

TEST_CASE("png: base64 with its padding, and pictures inside a page") {
  CHECK(png_data_uri("") == "data:image/png;base64,");
  CHECK(png_data_uri("f") == "data:image/png;base64,Zg==");
  CHECK(png_data_uri("fo") == "data:image/png;base64,Zm8=");
  CHECK(png_data_uri("foo") == "data:image/png;base64,Zm9v");
  CHECK(png_data_uri("\xff\xfe") == "data:image/png;base64,//4=");
  Report page("a page");
  page.pictures({{"two < three", "foo"}});
  CHECK(page.html().find("<img src=\"data:image/png;base64,Zm9v\" alt=\"two &lt; three\">") != std::string::npos);
}
