// safetensors.hpp - reading and writing safetensors files: named tensors and a map of texts.
//
//   SafetensorsFile file("model.safetensors");
//   auto w = file.tensor<float, 2>("weight");      // zero-copy view: lives as long as `file`, F32 and aligned only
//   auto v = file.read<double, 2>("weight");       // a Tensor, converted where that is exact or a rounding
//   const NamedArray arrays[] = {named_array("weight", w), named_array("bias", b)};
//   write_safetensors("copy.safetensors", arrays, {{"format", "pt"}});
//
// Written files are the same bytes for the same content: widest elements first, then by name, so that every
// tensor is aligned; the header is padded with blanks to a multiple of 8.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "longwave/io/arrays.hpp"
#include "longwave/io/file.hpp"
#include "longwave/io/safetensors_header.hpp"

namespace longwave {

class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path) : file_(path), name_(path), bytes_(file_.bytes()) {
    header_ = detail::read_safetensors_header(name_, bytes_);
  }
  // The content of a file that is in memory already and stays there; `name` appears in errors.
  SafetensorsFile(Bytes content, std::string name) : name_(std::move(name)), bytes_(content) {
    header_ = detail::read_safetensors_header(name_, bytes_);
  }

  const std::string& path() const { return name_; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  const std::map<std::string, SafetensorsEntry>& entries() const { return header_.entries; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, entry] : header_.entries) names.push_back(name);
    return names;
  }

  bool contains(const std::string& name) const { return header_.entries.count(name) > 0; }
  const std::vector<index_t>& shape(const std::string& name) const { return entry(name).shape; }
  DType dtype(const std::string& name) const { return entry(name).dtype; }
  Bytes raw(const std::string& name) const { return raw(entry(name)); }

  // A view of the file's memory. T must be the stored type; bool has no view, since a byte may hold anything.
  template <class T, int N>
  TensorView<const T, N> tensor(const std::string& name) const {
    static_assert(!std::is_same_v<T, bool>, "read<bool, N> copies; there is no view of booleans");
    const SafetensorsEntry& e = entry(name);
    const Extents<N> sizes = extents<N>(name, e);
    const std::byte* data = raw(e).data();
    if (e.dtype != dtype_of<T>)
      fail(name,
           std::string("is ") + dtype_name(e.dtype) + ", not " + dtype_name(dtype_of<T>) + "; use read() to convert");
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0) fail(name, "is not aligned; use read() to copy it");
    return {reinterpret_cast<const T*>(data), sizes};
  }

  template <class T, int N>
  Tensor<T, N> read(const std::string& name) const {
    const SafetensorsEntry& e = entry(name);
    Tensor<T, N> out = Tensor<T, N>::uninitialized(extents<N>(name, e));
    convert(name, e, out.data());
    return out;
  }

  // All elements in row-major order, whatever the rank. (No vector<bool>: use std::uint8_t.)
  template <class T>
  std::vector<T> values(const std::string& name) const {
    const SafetensorsEntry& e = entry(name);
    std::vector<T> out((e.end - e.begin) / static_cast<std::size_t>(dtype_bytes(e.dtype)));
    convert(name, e, out.data());
    return out;
  }

 private:
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& tensor, const std::string& what) const {
    throw IoError(name_, "tensor " + detail::json_quoted(tensor) + " " + what);
  }

  const SafetensorsEntry& entry(const std::string& name) const {
    const auto found = header_.entries.find(name);
    if (found != header_.entries.end()) return found->second;
    std::string known;
    for (const auto& [other, unused] : header_.entries) {
      if (known.size() > 400) {
        known += ", ...";
        break;
      }
      known += (known.empty() ? "" : ", ") + other;
    }
    fail(name, "is not in the file; it holds: " + (known.empty() ? "nothing" : known));
  }

  Bytes raw(const SafetensorsEntry& e) const { return bytes_.subspan(header_.data_start + e.begin, e.end - e.begin); }

  template <int N>
  Extents<N> extents(const std::string& name, const SafetensorsEntry& e) const {
    Extents<N> sizes;
    if (!detail::to_extents(e.shape, sizes))
      fail(name, "has the shape " + detail::shape_text(e.shape) + ", expected " + std::to_string(N) + " axes");
    return sizes;
  }

  template <class T>
  void convert(const std::string& name, const SafetensorsEntry& e, T* out) const {
    const Bytes from = raw(e);
    const auto n = static_cast<index_t>(from.size()) / dtype_bytes(e.dtype);
    const std::string wrong = detail::convert_elements(from.data(), e.dtype, false, n, out);
    if (!wrong.empty()) fail(name, "cannot be read: " + wrong);
  }

  MappedFile file_;
  std::string name_;
  Bytes bytes_;
  detail::SafetensorsHeader header_;
};

namespace detail {

inline std::vector<const NamedArray*> safetensors_layout(const std::string& path, std::span<const NamedArray> tensors) {
  std::vector<const NamedArray*> order;
  for (const NamedArray& t : tensors) {
    const std::string name = "tensor " + json_quoted(t.name);
    if (t.name == "__metadata__" || !valid_utf8(t.name)) throw_io_error(path, name + ": this name cannot be written");
    if (t.dtype == DType::c128)
      throw_io_error(path, name + " is C128, which the format lacks; write it real with a trailing axis of 2");
    const index_t bytes = shape_bytes(t.shape, t.dtype);
    if (bytes < 0) throw_io_error(path, name + ": the shape " + shape_text(t.shape) + " is not valid");
    if (bytes > 0 && t.data == nullptr) throw_io_error(path, name + " has no data");
    order.push_back(&t);
  }
  std::sort(order.begin(), order.end(), [](const NamedArray* a, const NamedArray* b) {
    const index_t a_bytes = dtype_bytes(a->dtype), b_bytes = dtype_bytes(b->dtype);
    return a_bytes != b_bytes ? a_bytes > b_bytes : a->name < b->name;
  });
  std::map<std::string, bool> seen;
  for (const NamedArray* t : order)
    if (!seen.emplace(t->name, true).second)
      throw_io_error(path, "tensor " + json_quoted(t->name) + " is given twice; rename one");
  return order;
}

inline std::string safetensors_header_text(const std::string& path, const std::vector<const NamedArray*>& order,
                                           const std::map<std::string, std::string>& metadata) {
  std::string json = "{", comma;
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, text] : metadata) {
      if (!valid_utf8(key) || !valid_utf8(text)) throw_io_error(path, "metadata " + json_quoted(key) + " is not UTF-8");
      json += std::exchange(comma, ",") + json_quoted(key) + ":" + json_quoted(text);
    }
    json += "}";
  }
  index_t at = 0;
  comma = metadata.empty() ? "" : ",";
  for (const NamedArray* t : order) {
    json +=
        std::exchange(comma, ",") + json_quoted(t->name) + ":{\"dtype\":\"" + dtype_name(t->dtype) + "\",\"shape\":[";
    for (std::size_t i = 0; i < t->shape.size(); ++i) (json += i > 0 ? "," : "") += std::to_string(t->shape[i]);
    const index_t end = at + shape_bytes(t->shape, t->dtype);
    json += "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(end) + "]}";
    at = end;
  }
  json += "}";
  json.append((8 - json.size() % 8) % 8, ' ');
  return json;
}

// Into a file that the caller commits.
inline void write_safetensors(AtomicFile& file, std::span<const NamedArray> tensors,
                              const std::map<std::string, std::string>& metadata) {
  const auto order = safetensors_layout(file.path(), tensors);
  const std::string json = safetensors_header_text(file.path(), order, metadata);
  const std::uint64_t length = json.size();
  file.write(&length, sizeof length);
  file.write(json);
  for (const NamedArray* t : order) file.write(t->data, static_cast<std::size_t>(shape_bytes(t->shape, t->dtype)));
}

}  // namespace detail

// Replaces `path` as a whole (see AtomicFile).
inline void write_safetensors(const std::string& path, std::span<const NamedArray> tensors,
                              const std::map<std::string, std::string>& metadata = {}) {
  AtomicFile file(path);
  detail::write_safetensors(file, tensors, metadata);
  file.commit();
}

}  // namespace longwave
