// A fuzzer does not find checksums by itself: those of its chunks are set right first.
#include "longwave/io/png.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> mended(data, data + size);
  const auto big = [&](std::size_t at) {
    return std::size_t(mended[at]) << 24 | std::size_t(mended[at + 1]) << 16 | std::size_t(mended[at + 2]) << 8 |
           mended[at + 3];
  };
  for (std::size_t at = 8; at + 12 <= size && big(at) <= size - at - 12; at += big(at) + 12) {
    const auto crc = crc32_z(0, mended.data() + at + 4, big(at) + 4);
    for (std::size_t i = 0; i < 4; ++i) mended[at + 8 + big(at) + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  }
  for (const bool as_it_is : {false, true})
    fuzz::refuse_or_read(as_it_is ? data : mended.data(), size, [](Bytes bytes) {
      const Image image = read_png(bytes, "input");
      if (image.pixels.count() < 1) std::abort();
    });
  return 0;
}
