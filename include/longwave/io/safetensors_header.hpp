// safetensors_header.hpp - the header of a safetensors file, read without trust. The format: 8 bytes little-endian
// unsigned n, n bytes of JSON, the data. https://github.com/huggingface/safetensors
//
// The JSON is exactly
//   {"__metadata__": {string: string ...}, name: {"dtype": string, "shape": [n ...], "data_offsets": [begin, end]} ...}
// so the reader below knows this shape only. It does not recurse, and no size in the file leads to an allocation
// before it has been compared with the file's own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "longwave/io/json_cursor.hpp"

namespace longwave {

struct SafetensorsEntry {
  DType dtype = DType::f32;
  std::vector<index_t> shape;
  std::size_t begin = 0;  // bytes from the start of the data
  std::size_t end = 0;
};

namespace detail {

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
  std::size_t data_start = 0;
};

inline DType safetensors_dtype(const std::string& name, const JsonCursor& json) {
  for (const DTypeInfo& info : dtype_infos)
    if (name == info.name && info.dtype != DType::c128) return info.dtype;
  json.fail("dtype " + json_quoted(name) + " is not supported; convert the tensor to F32 or F16");
}

inline SafetensorsEntry read_safetensors_entry(JsonCursor& json, const std::string& name) {
  SafetensorsEntry entry;
  int given = 0;
  json.object("a tensor's description", [&](const std::string& key) {
    if (key == "dtype") {
      given |= 1;
      entry.dtype = safetensors_dtype(json.string("a dtype"), json);
    } else if (key == "shape") {
      given |= 2;
      json.array("a shape", [&] { entry.shape.push_back(static_cast<index_t>(json.integer("a size", INT64_MAX))); });
    } else if (key == "data_offsets") {
      given |= 4;
      json.expect('[', "at the start of data_offsets");
      entry.begin = json.integer("a data offset", INT64_MAX);
      json.expect(',', "between the two data_offsets");
      entry.end = json.integer("a data offset", INT64_MAX);
      json.expect(']', "after the two data_offsets");
    } else {
      json.fail("tensor " + json_quoted(name) + " has the unknown field " + json_quoted(key));
    }
  });
  if (given != 7) json.fail("tensor " + json_quoted(name) + " lacks its dtype, shape or data_offsets");
  return entry;
}

// Each tensor's byte range fits its shape, and together they fill the data without gap or overlap.
inline void check_safetensors_ranges(const std::string& file, const SafetensorsHeader& header, std::size_t file_size) {
  const std::size_t data_size = file_size - header.data_start;
  std::vector<const std::pair<const std::string, SafetensorsEntry>*> order;
  for (const auto& named : header.entries) {
    const auto& [name, entry] = named;
    const std::string tensor = "tensor " + json_quoted(name);
    if (entry.begin > entry.end || entry.end > data_size)
      throw_io_error(file, tensor + " claims the bytes " + std::to_string(entry.begin) + " to " +
                               std::to_string(entry.end) + " of " + std::to_string(data_size) +
                               "; the file is damaged or cut short: copy or download it again");
    const index_t bytes = shape_bytes(entry.shape, entry.dtype);
    if (bytes < 0) throw_io_error(file, tensor + ": the shape " + shape_text(entry.shape) + " overflows");
    if (entry.end - entry.begin != static_cast<std::size_t>(bytes))
      throw_io_error(file, tensor + ": " + dtype_name(entry.dtype) + " " + shape_text(entry.shape) + " takes " +
                               std::to_string(bytes) + " bytes, its data_offsets hold " +
                               std::to_string(entry.end - entry.begin));
    order.push_back(&named);
  }
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::size_t at = 0;
  for (const auto* named : order) {
    const SafetensorsEntry& entry = named->second;
    if (entry.begin != at)
      throw_io_error(file,
                     "tensor " + json_quoted(named->first) +
                         (entry.begin < at ? " overlaps the one before it" : " leaves a gap before it") +
                         "; write the file again with a safetensors writer",
                     static_cast<std::int64_t>(header.data_start + entry.begin));
    at = entry.end;
  }
  if (at != data_size)
    throw_io_error(file, std::to_string(data_size - at) + " bytes follow the last tensor; cut them off",
                   static_cast<std::int64_t>(header.data_start + at));
}

inline SafetensorsHeader read_safetensors_header(const std::string& file, Bytes bytes) {
  constexpr std::size_t limit = 100'000'000;  // of the header, as in the reference implementation
  if (bytes.size() < 8)
    throw_io_error(file, "not a safetensors file: " + std::to_string(bytes.size()) + " bytes, the least is 8", 0);
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  if (length > bytes.size() - 8)
    throw_io_error(file,
                   "the header claims " + std::to_string(length) + " bytes, the file has " +
                       std::to_string(bytes.size()) +
                       ": not a safetensors file, or cut short; copy or download it again",
                   0);
  if (length > limit)
    throw_io_error(file, "a header of " + std::to_string(length) + " bytes; the format allows " + std::to_string(limit),
                   0);

  SafetensorsHeader header;
  header.data_start = 8 + length;
  JsonCursor json(file, reinterpret_cast<const char*>(bytes.data()) + 8, length, 8);
  json.object("the header", [&](const std::string& name) {
    if (name == "__metadata__")
      json.object("__metadata__",
                  [&](const std::string& key) { header.metadata[key] = json.string("a metadata text"); });
    else
      header.entries.emplace(name, read_safetensors_entry(json, name));
  });
  if (!json.at_end()) json.fail("text after the header's last '}'");
  check_safetensors_ranges(file, header, bytes.size());
  return header;
}

}  // namespace detail
}  // namespace longwave
