#include "fuzz.hpp"
#include "longwave/io/zarr_reader.hpp"

using namespace longwave;

// The first byte chooses: metadata of version 2 or 3, or a chunk under one of the codecs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    if (bytes.empty()) return;
    const int choice = static_cast<int>(bytes[0]) % 8;
    const Bytes rest = bytes.subspan(1);
    if (choice < 2) {
      const std::string text(reinterpret_cast<const char*>(rest.data()), rest.size());
      const ZarrMetadata m = detail::ZarrReader("input", text).array(choice + 2);
      if (choice == 1 || (m.codecs.size() <= 1 && (m.codecs.empty() || m.codecs[0].compresses())))
        static_cast<void>(zarr_metadata_text(m));
    } else {
      using Kind = ChunkCodec::Kind;
      static const std::vector<std::vector<ChunkCodec>> packings = {
          {},
          {{.kind = Kind::zlib}},
          {{.kind = Kind::gzip}},
          {{.kind = Kind::zstd}},
          {{.kind = Kind::blosc}},
          {{.kind = Kind::crc32c}, {.kind = Kind::zstd}, {.kind = Kind::crc32c}}};
      static_cast<void>(decode_chunk(packings[static_cast<std::size_t>(choice) - 2], rest, 64, "input"));
    }
  });
}
