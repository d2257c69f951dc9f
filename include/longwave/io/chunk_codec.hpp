// chunk_codec.hpp - how the chunks of a Zarr array are packed: zlib, gzip, zstd, blosc and a CRC-32C, in the order of
// writing. Needs longwave::zarr (zlib, libzstd, c-blosc).
//
//   std::vector<std::byte> packed = encode_chunk({{.kind = ChunkCodec::Kind::zstd, .level = 3}}, raw);
//   std::vector<std::byte> raw = decode_chunk(codecs, packed, bytes, "rc/0.3");
//
// Decoding gives exactly the number of bytes that the array's metadata promise or throws an IoError that names the
// chunk: sizes in the data are never believed beyond that.
#pragma once

#include <blosc.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "longwave/io/crc32c.hpp"
#include "longwave/io/inflate.hpp"

namespace longwave {

struct ChunkCodec {
  enum class Kind { zlib, gzip, zstd, blosc, crc32c };

  Kind kind = Kind::blosc;
  int level = 5;
  // Of blosc alone: lz4, lz4hc, zstd, zlib, blosclz; 0 no shuffle, 1 of bytes, 2 of bits; bytes of an element.
  std::string compressor = "lz4";
  int shuffle = 1;
  int element_bytes = 1;

  const char* name() const {
    static constexpr const char* names[] = {"zlib", "gzip", "zstd", "blosc", "crc32c"};
    return names[static_cast<int>(kind)];
  }
  bool compresses() const { return kind != Kind::crc32c; }
};

namespace detail {

[[noreturn]] LONGWAVE_COLD inline void throw_damaged_chunk(const std::string& chunk, const std::string& how) {
  throw_io_error(chunk, "the chunk is damaged (" + how + "); copy or write it again");
}

inline std::vector<std::byte> deflated(Bytes raw, int level, int window_bits) {
  z_stream stream = {};
  if (deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw_value_error("encode_chunk: zlib does not know level " + std::to_string(level));
  std::vector<std::byte> out(deflateBound(&stream, static_cast<uLong>(raw.size())));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(raw.data()));
  stream.avail_in = static_cast<uInt>(raw.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::vector<std::byte> inflated(Bytes packed, std::size_t bytes, int window_bits, const std::string& chunk) {
  Inflater inflater(chunk, packed, window_bits);
  std::vector<std::byte> raw;
  inflate_to(inflater, raw, bytes, chunk);
  inflater.expect_end("the array's chunks hold");
  return raw;
}

inline std::vector<std::byte> zstd_packed(Bytes raw, int level) {
  std::vector<std::byte> out(ZSTD_compressBound(raw.size()));
  const std::size_t n = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), level);
  if (ZSTD_isError(n) != 0) throw_value_error(std::string("encode_chunk: zstd: ") + ZSTD_getErrorName(n));
  out.resize(n);
  return out;
}

inline std::vector<std::byte> zstd_unpacked(Bytes packed, std::size_t bytes, const std::string& chunk) {
  std::vector<std::byte> raw(bytes);
  const std::size_t n = ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size());
  if (ZSTD_isError(n) != 0) throw_damaged_chunk(chunk, ZSTD_getErrorName(n));
  if (n != bytes) throw_damaged_chunk(chunk, "it ends " + std::to_string(bytes - n) + " bytes early");
  return raw;
}

inline std::vector<std::byte> blosc_packed(Bytes raw, const ChunkCodec& codec) {
  if (raw.size() > BLOSC_MAX_BUFFERSIZE) throw_value_error("encode_chunk: blosc takes chunks below 2 GiB");
  std::vector<std::byte> out(raw.size() + BLOSC_MAX_OVERHEAD);
  const int n = blosc_compress_ctx(codec.level, codec.shuffle, static_cast<std::size_t>(codec.element_bytes),
                                   raw.size(), raw.data(), out.data(), out.size(), codec.compressor.c_str(), 0, 1);
  if (n <= 0)
    throw_value_error("encode_chunk: blosc does not know \"" + codec.compressor + "\" at level " +
                      std::to_string(codec.level));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

inline std::vector<std::byte> blosc_unpacked(Bytes packed, std::size_t bytes, const std::string& chunk) {
  std::size_t promised = 0;
  if (blosc_cbuffer_validate(packed.data(), packed.size(), &promised) != 0)
    throw_damaged_chunk(chunk, "no blosc buffer");
  if (promised != bytes)
    throw_damaged_chunk(chunk, std::to_string(promised) + " bytes inside, expected " + std::to_string(bytes));
  std::vector<std::byte> raw(bytes);
  const int n = blosc_decompress_ctx(packed.data(), raw.data(), raw.size(), 1);
  if (n < 0 || static_cast<std::size_t>(n) != bytes) throw_damaged_chunk(chunk, "blosc cannot unpack it");
  return raw;
}

inline std::vector<std::byte> with_crc(Bytes raw) {
  const std::uint32_t crc = crc32c(raw.data(), raw.size());
  std::vector<std::byte> out(raw.begin(), raw.end());
  out.resize(raw.size() + 4);
  std::memcpy(out.data() + raw.size(), &crc, 4);
  return out;
}

inline std::vector<std::byte> without_crc(Bytes packed, const std::string& chunk) {
  if (packed.size() < 4) throw_damaged_chunk(chunk, "too short for its checksum");
  const Bytes raw = packed.first(packed.size() - 4);
  std::uint32_t stored;
  std::memcpy(&stored, packed.data() + raw.size(), 4);
  if (crc32c(raw.data(), raw.size()) != stored) throw_damaged_chunk(chunk, "its checksum differs");
  return {raw.begin(), raw.end()};
}

}  // namespace detail

inline std::vector<std::byte> encode_chunk(const std::vector<ChunkCodec>& codecs, Bytes raw) {
  using Kind = ChunkCodec::Kind;
  if (codecs.empty()) return {raw.begin(), raw.end()};
  std::vector<std::byte> out;
  for (const ChunkCodec& codec : codecs) {
    if (codec.kind == Kind::zlib || codec.kind == Kind::gzip)
      out = detail::deflated(raw, codec.level, codec.kind == Kind::gzip ? 15 + 16 : 15);
    else if (codec.kind == Kind::zstd)
      out = detail::zstd_packed(raw, codec.level);
    else if (codec.kind == Kind::blosc)
      out = detail::blosc_packed(raw, codec);
    else
      out = detail::with_crc(raw);
    raw = out;
  }
  return out;
}

// bytes: of the raw chunk. chunk: its name in messages. At most one of the codecs compresses.
inline std::vector<std::byte> decode_chunk(const std::vector<ChunkCodec>& codecs, Bytes packed, std::size_t bytes,
                                           const std::string& chunk) {
  using Kind = ChunkCodec::Kind;
  std::vector<std::byte> raw;
  if (codecs.empty()) raw.assign(packed.begin(), packed.end());
  for (std::size_t i = codecs.size(); i-- > 0;) {
    // What comes out of this codec: the raw bytes and the checksums that were appended before it.
    const auto before = std::count_if(codecs.begin(), codecs.begin() + static_cast<std::ptrdiff_t>(i),
                                      [](const ChunkCodec& c) { return c.kind == Kind::crc32c; });
    const std::size_t room = bytes + 4 * static_cast<std::size_t>(before);
    if (codecs[i].kind == Kind::zlib || codecs[i].kind == Kind::gzip)
      raw = detail::inflated(packed, room, codecs[i].kind == Kind::gzip ? 15 + 16 : 15, chunk);
    else if (codecs[i].kind == Kind::zstd)
      raw = detail::zstd_unpacked(packed, room, chunk);
    else if (codecs[i].kind == Kind::blosc)
      raw = detail::blosc_unpacked(packed, room, chunk);
    else
      raw = detail::without_crc(packed, chunk);
    packed = raw;
  }
  if (raw.size() != bytes)
    detail::throw_damaged_chunk(chunk, std::to_string(raw.size()) + " bytes, expected " + std::to_string(bytes));
  return raw;
}

}  // namespace longwave
