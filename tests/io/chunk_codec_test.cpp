#include "longwave/io/chunk_codec.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;
using Kind = ChunkCodec::Kind;

namespace {

std::vector<std::vector<ChunkCodec>> packings() {
  return {{},
          {{.kind = Kind::zlib, .level = 9}},
          {{.kind = Kind::gzip, .level = 1}},
          {{.kind = Kind::zstd, .level = 3}},
          {{.kind = Kind::blosc, .element_bytes = 4}},
          {{.kind = Kind::blosc, .compressor = "zlib", .shuffle = 0}},
          {{.kind = Kind::blosc, .compressor = "zstd", .shuffle = 2, .element_bytes = 8}},
          {{.kind = Kind::crc32c}},
          {{.kind = Kind::crc32c}, {.kind = Kind::zstd}, {.kind = Kind::crc32c}}};
}

std::string text_of(std::size_t bytes) {
  std::string text(bytes, 'a');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i * i % 7);
  return text;
}

}  // namespace

TEST_CASE("chunk codecs: what was packed comes back, of any size") {
  for (const auto& codecs : packings())
    for (const std::size_t bytes : {1, 2, 997, 100000}) {
      const std::string text = text_of(bytes);
      const auto packed = encode_chunk(codecs, as_bytes(text));
      const auto raw = decode_chunk(codecs, packed, bytes, "chunk");
      CHECK(std::equal(raw.begin(), raw.end(), as_bytes(text).begin(), as_bytes(text).end()));
      if (bytes == 100000 && std::any_of(codecs.begin(), codecs.end(), [](auto& c) { return c.compresses(); }))
        CHECK(packed.size() < bytes / 4);
    }
}

TEST_CASE("chunk codecs: another number of bytes than was promised is damage") {
  const std::string text = text_of(500);
  for (const auto& codecs : packings()) {
    const auto packed = encode_chunk(codecs, as_bytes(text));
    for (const std::size_t promised : {1, 499, 501, 5000})
      CHECK_THROWS_AS(decode_chunk(codecs, packed, promised, "chunk"), IoError);
  }
  CHECK_THROWS_WITH(decode_chunk({{.kind = Kind::crc32c}}, as_bytes("abc"), 0, "rc/0.1"),
                    "rc/0.1: the chunk is damaged (too short for its checksum); copy or write it again");
}

TEST_CASE("chunk codecs: settings that the libraries do not know are refused") {
  const std::string text = text_of(500);
  CHECK_THROWS_WITH(encode_chunk({{.kind = Kind::blosc, .compressor = "brotli"}}, as_bytes(text)),
                    "encode_chunk: blosc does not know \"brotli\" at level 5");
  CHECK_THROWS_WITH(encode_chunk({{.kind = Kind::zlib, .level = 77}}, as_bytes(text)),
                    "encode_chunk: zlib does not know level 77");
}
