// zarr_metadata.hpp - what a Zarr array says of itself: .zarray (version 2) and zarr.json (version 3), both ways.
// Needs longwave::zarr and longwave::json.
//
//   version 2   <folder>/.zarray, chunks <folder>/0.3 or 0/3 by dimension_separator; a group has .zgroup
//   version 3   <folder>/zarr.json, chunks <folder>/c/0/3 by chunk_key_encoding; a group has zarr.json as well
//
// Known: regular chunks of numbers of one type, either byte order, any order of the axes inside a chunk, the codecs of
// chunk_codec.hpp. Anything else (structured types, filters, sharding) is an error that names it.
// Source: the Zarr storage specifications, versions 2 and 3.
#pragma once

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "longwave/io/chunk_codec.hpp"
#include "longwave/io/dtype.hpp"
#include "longwave/io/json.hpp"

namespace longwave {

struct ZarrMetadata {
  int version = 2;
  std::vector<index_t> shape, chunks;
  DType dtype = DType::f32;
  bool swap_bytes = false;  // elements are big-endian
  std::vector<int> order;   // axes of a chunk from the outermost to the innermost in memory; empty: 0, 1, 2 ...
  std::vector<ChunkCodec> codecs;
  std::vector<std::byte> fill;  // one element, as it lies in a chunk
  char separator = '.';
  bool key_prefix = false;  // chunks lie in c/

  int rank() const { return static_cast<int>(shape.size()); }
  index_t chunk_count() const { return std::accumulate(chunks.begin(), chunks.end(), index_t(1), std::multiplies<>()); }
  std::size_t chunk_bytes() const { return static_cast<std::size_t>(detail::shape_bytes(chunks, dtype)); }

  // Elements between neighbours along each axis of a chunk.
  std::vector<index_t> chunk_strides() const {
    std::vector<index_t> strides(shape.size());
    index_t stride = 1;
    for (int at = rank(); at-- > 0;) {
      const auto axis = static_cast<std::size_t>(order.empty() ? at : order[static_cast<std::size_t>(at)]);
      strides[axis] = stride;
      stride *= chunks[axis];
    }
    return strides;
  }

  // The file of a chunk, relative to the array's folder.
  std::string chunk_key(const std::vector<index_t>& index) const {
    std::string key = key_prefix ? "c" : "";
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      if (axis > 0 || key_prefix) key += separator;
      key += std::to_string(index[axis]);
    }
    return index.empty() && !key_prefix ? "0" : key;
  }
};

namespace detail {

inline constexpr std::pair<const char*, DType> zarr_v3_types[] = {
    {"bool", DType::boolean},  {"uint8", DType::u8},       {"int8", DType::i8},     {"uint16", DType::u16},
    {"int16", DType::i16},     {"uint32", DType::u32},     {"int32", DType::i32},   {"uint64", DType::u64},
    {"int64", DType::i64},     {"float16", DType::f16},    {"float32", DType::f32}, {"float64", DType::f64},
    {"complex64", DType::c64}, {"complex128", DType::c128}};
inline constexpr std::pair<const char*, DType> zarr_v2_types[] = {
    {"b1", DType::boolean}, {"u1", DType::u8},  {"i1", DType::i8},  {"u2", DType::u16},  {"i2", DType::i16},
    {"u4", DType::u32},     {"i4", DType::i32}, {"u8", DType::u64}, {"i8", DType::i64},  {"f2", DType::f16},
    {"f4", DType::f32},     {"f8", DType::f64}, {"c8", DType::c64}, {"c16", DType::c128}};

template <std::size_t n>
const char* zarr_type(const std::pair<const char*, DType> (&types)[n], DType dtype) {
  for (const auto& [name, known] : types)
    if (known == dtype) return name;
  throw_value_error(std::string("zarr: there is no type for ") + dtype_name(dtype));
}

inline nlohmann::json zarr_number(double x) {
  if (std::isnan(x)) return "NaN";
  if (std::isinf(x)) return x > 0 ? "Infinity" : "-Infinity";
  return x;
}

inline nlohmann::json zarr_fill(const ZarrMetadata& m) {
  nlohmann::json value = 0;
  with_element_type(m.dtype, [&]<class S>(S) {
    const S x = load_element<S>(m.fill.data(), m.swap_bytes);
    if constexpr (is_complex<S>)
      value = {zarr_number(static_cast<double>(x.re)), zarr_number(static_cast<double>(x.im))};
    else if constexpr (std::is_integral_v<S>)
      value = x;
    else if constexpr (std::is_same_v<S, Boolean>)
      value = x != 0;
    else
      value = zarr_number(static_cast<double>(static_cast<std::conditional_t<sizeof(S) == 8, double, float>>(x)));
  });
  return value;
}

inline nlohmann::json zarr_codec(const ChunkCodec& codec, int version) {
  nlohmann::json options = nlohmann::json::object();
  if (codec.kind == ChunkCodec::Kind::blosc) {
    static constexpr const char* shuffles[] = {"noshuffle", "shuffle", "bitshuffle"};
    options = {{"cname", codec.compressor}, {"clevel", codec.level}, {"blocksize", 0}};
    options["shuffle"] = version == 2 ? nlohmann::json(codec.shuffle) : nlohmann::json(shuffles[codec.shuffle]);
    if (version == 3) options["typesize"] = codec.element_bytes;
  } else if (codec.compresses()) {
    options["level"] = codec.level;
    if (codec.kind == ChunkCodec::Kind::zstd && version == 3) options["checksum"] = false;
  }
  if (version == 2) {
    options["id"] = codec.name();
    return options;
  }
  nlohmann::json entry = {{"name", codec.name()}};
  if (!options.empty()) entry["configuration"] = options;
  return entry;
}

inline nlohmann::json zarr_json_v2(const ZarrMetadata& m) {
  if (m.codecs.size() > 1 || (m.codecs.size() == 1 && !m.codecs[0].compresses()))
    throw_value_error("zarr: version 2 has one compressor and no checksum; write version 3");
  const char mark = dtype_bytes(m.dtype) == 1 ? '|' : m.swap_bytes ? '>' : '<';
  return {{"zarr_format", 2},
          {"shape", m.shape},
          {"chunks", m.chunks},
          {"dtype", mark + std::string(zarr_type(zarr_v2_types, m.dtype))},
          {"compressor", m.codecs.empty() ? nlohmann::json() : zarr_codec(m.codecs[0], 2)},
          {"fill_value", zarr_fill(m)},
          {"order", m.order.empty() ? "C" : "F"},
          {"filters", nullptr},
          {"dimension_separator", std::string(1, m.separator)}};
}

inline nlohmann::json zarr_json_v3(const ZarrMetadata& m) {
  using Json = nlohmann::json;
  Json codecs = Json::array();
  if (!m.order.empty()) codecs.push_back({{"name", "transpose"}, {"configuration", {{"order", m.order}}}});
  codecs.push_back({{"name", "bytes"}, {"configuration", {{"endian", m.swap_bytes ? "big" : "little"}}}});
  for (const ChunkCodec& codec : m.codecs) codecs.push_back(zarr_codec(codec, 3));
  return {
      {"zarr_format", 3},
      {"node_type", "array"},
      {"shape", m.shape},
      {"data_type", zarr_type(zarr_v3_types, m.dtype)},
      {"chunk_grid", {{"name", "regular"}, {"configuration", {{"chunk_shape", m.chunks}}}}},
      {"chunk_key_encoding",
       {{"name", m.key_prefix ? "default" : "v2"}, {"configuration", {{"separator", std::string(1, m.separator)}}}}},
      {"fill_value", zarr_fill(m)},
      {"codecs", codecs},
      {"attributes", Json::object()}};
}

}  // namespace detail

// The text of .zarray or zarr.json.
inline std::string zarr_metadata_text(const ZarrMetadata& m) {
  return (m.version == 2 ? detail::zarr_json_v2(m) : detail::zarr_json_v3(m)).dump(2) + "\n";
}

}  // namespace longwave
