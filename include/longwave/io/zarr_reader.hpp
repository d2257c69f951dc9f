// zarr_reader.hpp - the metadata of a Zarr array from its file, checked: .zarray or zarr.json. What zarr_metadata.hpp
// does not know is an IoError that names the file and the key.
#pragma once

#include "longwave/io/zarr_metadata.hpp"

namespace longwave {

namespace detail {

// Reads one file of metadata; every complaint names it and the key.
class ZarrReader {
 public:
  using Json = nlohmann::json;

  ZarrReader(std::string file, const std::string& text) : file_(std::move(file)), root_(parse_json(text, file_)) {
    if (!root_.is_object()) fail("is not a JSON object");
  }

  ZarrMetadata array(int version) const {
    try {
      return version == 2 ? array_v2() : array_v3();
    } catch (const Json::exception& error) {  // a value of another type than the specification says
      const std::string what = error.what();
      const std::size_t end = what.find("] ");
      fail("not the metadata of an array: " + (end == std::string::npos ? what : what.substr(end + 2)));
    }
  }

 private:
  ZarrMetadata array_v2() const {
    ZarrMetadata m;
    m.version = version(2);
    m.shape = sizes(get(root_, "shape"), "shape", 0);
    m.chunks = sizes(get(root_, "chunks"), "chunks", 1);
    type_v2(m, get(root_, "dtype"));
    const std::string order = root_.value("order", std::string("C"));
    if (order != "C" && order != "F") fail("order is \"" + order + "\", expected C or F");
    if (order == "F")
      for (int axis = m.rank(); axis-- > 0;) m.order.push_back(axis);
    const Json& filters = root_.contains("filters") ? root_["filters"] : Json();
    if (!filters.is_null() && !(filters.is_array() && filters.empty()))
      fail("filters " + filters.dump() + " are not supported; write the array without them");
    const Json& compressor = get(root_, "compressor");
    if (!compressor.is_null()) m.codecs.push_back(codec(compressor, text(compressor, "id"), compressor, m));
    m.separator = separator(root_.value("dimension_separator", std::string(".")));
    m.fill = fill(get(root_, "fill_value"), m);
    return checked(m);
  }

  ZarrMetadata array_v3() const {
    if (root_.value("node_type", std::string("array")) != "array") fail("is the metadata of a group, not of an array");
    ZarrMetadata m;
    m.version = version(3);
    m.shape = sizes(get(root_, "shape"), "shape", 0);
    const Json& grid = get(root_, "chunk_grid");
    if (text(grid, "name") != "regular") fail("chunk_grid " + grid.dump() + " is not supported, expected regular");
    m.chunks = sizes(get(get(grid, "configuration"), "chunk_shape"), "chunk_shape", 1);
    type_v3(m, get(root_, "data_type"));
    key_encoding(m);
    for (const Json& entry : get(root_, "codecs")) {
      const std::string name = entry.is_string() ? entry.get<std::string>() : text(entry, "name");
      const Json options = entry.is_object() ? entry.value("configuration", Json::object()) : Json::object();
      if (name == "bytes")
        m.swap_bytes = options.value("endian", std::string("little")) == "big";
      else if (name == "transpose")
        transpose(m, get(options, "order"));
      else
        m.codecs.push_back(codec(entry, name, options, m));
    }
    m.fill = fill(get(root_, "fill_value"), m);
    return checked(m);
  }

  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what) const { throw_io_error(file_, what); }

  const Json& get(const Json& at, const char* key) const {
    if (!at.is_object() || !at.contains(key)) fail(std::string("\"") + key + "\" is missing");
    return at[key];
  }
  std::string text(const Json& at, const char* key) const {
    const Json& value = get(at, key);
    if (!value.is_string()) fail(std::string("\"") + key + "\" is " + value.dump() + ", expected a text");
    return value.get<std::string>();
  }
  int version(int expected) const {
    const Json& value = get(root_, "zarr_format");
    if (value != expected) fail("zarr_format is " + value.dump() + ", expected " + std::to_string(expected));
    return expected;
  }

  std::vector<index_t> sizes(const Json& value, const char* key, index_t least) const {
    std::vector<index_t> out;
    if (!value.is_array() || value.size() > 32) fail(std::string(key) + " is " + value.dump() + ", expected sizes");
    for (const Json& size : value) {
      if (!size.is_number_integer() || size.get<double>() < static_cast<double>(least) || size.get<double>() > 9e15)
        fail(std::string(key) + " is " + value.dump() + ", expected whole numbers of at least " +
             std::to_string(least));
      out.push_back(size.get<index_t>());
    }
    return out;
  }

  void type_v2(ZarrMetadata& m, const Json& value) const {
    const std::string name = value.is_string() ? value.get<std::string>() : "";
    for (const auto& [suffix, dtype] : zarr_v2_types) {
      if (name.size() < 2 || name.substr(1) != suffix || std::string("<>|").find(name[0]) == std::string::npos)
        continue;
      m.dtype = dtype;
      m.swap_bytes = name[0] == '>';
      return;
    }
    fail("dtype " + value.dump() + " is not supported, expected a type of numbers such as \"<f4\" or \"<c8\"");
  }

  void type_v3(ZarrMetadata& m, const Json& value) const {
    for (const auto& [name, dtype] : zarr_v3_types) {
      if (value != name) continue;
      m.dtype = dtype;
      return;
    }
    fail("data_type " + value.dump() + " is not supported, expected a type of numbers such as \"float32\"");
  }

  char separator(const std::string& value) const {
    if (value != "." && value != "/") fail("the separator of chunk names is \"" + value + "\", expected . or /");
    return value[0];
  }

  void key_encoding(ZarrMetadata& m) const {
    const Json encoding = root_.value("chunk_key_encoding", Json{{"name", "default"}});
    const std::string name = text(encoding, "name");
    if (name != "default" && name != "v2") fail("chunk_key_encoding \"" + name + "\" is not supported");
    m.key_prefix = name == "default";
    const Json options = encoding.value("configuration", Json::object());
    m.separator = separator(options.value("separator", std::string(m.key_prefix ? "/" : ".")));
  }

  void transpose(ZarrMetadata& m, const Json& value) const {
    const std::vector<index_t> order = sizes(value, "order", 0);
    std::vector<bool> seen(m.shape.size(), false);
    if (order.size() != m.shape.size()) fail("transpose: order " + value.dump() + " does not fit the shape");
    for (const index_t axis : order) {
      if (axis >= m.rank() || seen[static_cast<std::size_t>(axis)])
        fail("transpose: order " + value.dump() + " is no permutation of the axes");
      seen[static_cast<std::size_t>(axis)] = true;
      m.order.push_back(static_cast<int>(axis));
    }
  }

  ChunkCodec codec(const Json& entry, const std::string& name, const Json& options, const ZarrMetadata& m) const {
    using Kind = ChunkCodec::Kind;
    const auto number = [&](const char* key, int fallback) {
      const Json value = options.value(key, Json(fallback));
      if (!value.is_number_integer()) fail("codec " + entry.dump() + ": " + key + " is no whole number");
      return value.get<int>();
    };
    if (name == "zlib") return {.kind = Kind::zlib, .level = number("level", 1)};
    if (name == "gzip") return {.kind = Kind::gzip, .level = number("level", 1)};
    if (name == "zstd") return {.kind = Kind::zstd, .level = number("level", 1)};
    if (name == "crc32c") return {.kind = Kind::crc32c};
    if (name != "blosc")
      fail("codec \"" + name +
           "\" is not supported, expected zlib, gzip, zstd, blosc or crc32c; write the array with one");
    const Json shuffle = options.value("shuffle", Json(1));
    const auto kind = shuffle.is_number_integer() ? shuffle.get<int>()
                      : shuffle == "noshuffle"    ? 0
                      : shuffle == "shuffle"      ? 1
                                                  : 2;
    // -1: bits for elements of one byte, bytes for others
    const int bytes = static_cast<int>(dtype_bytes(m.dtype));
    return {.kind = Kind::blosc,
            .level = number("clevel", 5),
            .compressor = options.value("cname", std::string("lz4")),
            .shuffle = kind >= 0    ? kind
                       : bytes == 1 ? 2
                                    : 1,
            .element_bytes = number("typesize", bytes)};
  }

  double real_fill(const Json& value) const {
    if (value.is_number()) return value.get<double>();
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (value == "Infinity") return std::numeric_limits<double>::infinity();
    if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
    fail("fill_value " + value.dump() + " is not supported, expected a number, \"NaN\" or \"Infinity\"");
  }

  // No value (null): zeros.
  std::vector<std::byte> fill(const Json& value, const ZarrMetadata& m) const {
    std::vector<std::byte> element(static_cast<std::size_t>(dtype_bytes(m.dtype)));
    if (value.is_null()) return element;
    with_element_type(m.dtype, [&]<class S>(S) {
      const bool pair = value.is_array() && value.size() == 2;
      if constexpr (is_complex<S>) {
        using R = decltype(S().re);
        const S z(static_cast<R>(real_fill(pair ? value[0] : value)),
                  pair ? static_cast<R>(real_fill(value[1])) : R(0));
        std::memcpy(element.data(), &z, sizeof z);
      } else if constexpr (std::is_integral_v<S>) {
        if (!value.is_number_integer() && real_fill(value) != std::floor(real_fill(value)))
          fail("fill_value " + value.dump() + " is no whole number");
        const double wide = real_fill(value);
        if (!(wide >= static_cast<double>(std::numeric_limits<S>::min()) &&
              wide <= static_cast<double>(std::numeric_limits<S>::max())))
          fail("fill_value " + value.dump() + " does not fit into " + dtype_name(m.dtype));
        const S x = value.is_number_integer() ? value.get<S>() : static_cast<S>(wide);
        std::memcpy(element.data(), &x, sizeof x);
      } else if constexpr (std::is_floating_point_v<S>) {
        const auto x = static_cast<S>(real_fill(value));
        std::memcpy(element.data(), &x, sizeof x);
      } else {  // half precision and booleans: only what is exact in any of them
        const double x = real_fill(value);
        if (x != 0 && !(m.dtype == DType::boolean && x == 1))
          fail("fill_value " + value.dump() + " of a " + dtype_name(m.dtype) + " array is not supported");
        element[0] = static_cast<std::byte>(x);
      }
    });
    if (m.swap_bytes) {
      const auto part = element.size() / (m.dtype == DType::c64 || m.dtype == DType::c128 ? 2 : 1);
      for (std::size_t at = 0; at < element.size(); at += part)
        std::reverse(element.begin() + static_cast<std::ptrdiff_t>(at),
                     element.begin() + static_cast<std::ptrdiff_t>(at + part));
    }
    return element;
  }

  ZarrMetadata checked(ZarrMetadata m) const {
    if (m.chunks.size() != m.shape.size())
      fail("the chunks " + shape_text(m.chunks) + " and the shape " + shape_text(m.shape) + " differ in rank");
    if (shape_bytes(m.shape, m.dtype) < 0 || shape_bytes(m.chunks, m.dtype) < 0 ||
        shape_bytes(m.chunks, m.dtype) > (index_t(1) << 32))
      fail("the shape " + shape_text(m.shape) + " in chunks of " + shape_text(m.chunks) + " is too large");
    if (std::count_if(m.codecs.begin(), m.codecs.end(), [](const ChunkCodec& c) { return c.compresses(); }) > 1)
      fail("more than one codec compresses; write the array with one");
    return m;
  }

  std::string file_;
  Json root_;
};

}  // namespace detail

// file: <folder>/.zarray or <folder>/zarr.json
inline ZarrMetadata read_zarr_metadata(const std::string& file) {
  const MappedFile mapped(file);
  const std::string text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.size());
  const bool v3 = file.size() >= 9 && file.compare(file.size() - 9, 9, "zarr.json") == 0;
  return detail::ZarrReader(file, text).array(v3 ? 3 : 2);
}

}  // namespace longwave
