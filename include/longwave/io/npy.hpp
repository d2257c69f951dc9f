// npy.hpp - NumPy's .npy arrays: versions 1 to 3, either byte order, C and Fortran order.
//
//   auto x = read_npy<float, 2>("x.npy");    // converted where that is exact or a rounding, see dtype.hpp
//   write_npy("y.npy", y.view());
//
// The format: "\x93NUMPY", major, minor, length of the header (2 bytes; 4 from version 2 on), the header, which is a
// Python dict {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, and the elements.
// Python objects (pickles) are refused by name: reading one would mean running it.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "longwave/io/arrays.hpp"
#include "longwave/io/file.hpp"

namespace longwave {

namespace detail {

struct NpyHeader {
  DType dtype = DType::f32;
  bool swap_bytes = false;
  bool fortran_order = false;
  std::vector<index_t> shape;
  std::size_t data_start = 0;
};

// Walks the dict of an npy header.
class NpyDict {
 public:
  NpyDict(const std::string& file, Bytes text, std::size_t offset_in_file)
      : file_(file), text_(reinterpret_cast<const char*>(text.data()), text.size()), start_(offset_in_file) {}

  NpyHeader read() {
    NpyHeader header;
    int given = 0;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      const int bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (bit == 0 || (given & bit) != 0) fail("the key '" + key + "' is unknown or comes twice");
      given |= bit;
      if (bit == 1) read_descr(header);
      if (bit == 2) header.fortran_order = read_bool();
      if (bit == 4) header.shape = read_tuple();
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (given != 7) fail("'descr', 'fortran_order' or 'shape' is missing");
    if (at_ != text_.size()) fail("text after the header's '}'");
    return header;
  }

 private:
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what) const {
    throw_io_error(file_, "npy header: " + what, static_cast<std::int64_t>(start_ + at_));
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'; the file is damaged");
  }
  std::string quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string::npos;
    if (end == std::string::npos) fail("expected a text in quotes; the file is damaged");
    const std::string value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }
  bool read_bool() {
    skip_blanks();
    for (const bool value : {true, false}) {
      const std::string word = value ? "True" : "False";
      if (text_.compare(at_, word.size(), word) != 0) continue;
      at_ += word.size();
      return value;
    }
    fail("fortran_order is neither True nor False");
  }
  std::vector<index_t> read_tuple() {
    std::vector<index_t> shape;
    expect('(');
    while (!take(')')) {
      index_t size = 0;
      const std::size_t first = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
        if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, text_[at_] - '0', &size))
          fail("a size in the shape is too large");
      if (at_ == first) fail("a size in the shape is not a whole number of zero or more");
      take('L');  // as Python 2 wrote it
      shape.push_back(size);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }
  void read_descr(NpyHeader& header) {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[')
      fail("a structured dtype is not read; save each field as an array of its own");
    const std::string descr = quoted();
    const std::string kind = descr.substr(descr.empty() ? 0 : 1);
    if (kind.starts_with("O"))
      fail("dtype object (pickled Python objects) is not read; save numbers, as in array.astype('f4')");
    constexpr std::pair<const char*, DType> kinds[] = {
        {"b1", DType::boolean}, {"u1", DType::u8},  {"i1", DType::i8},  {"u2", DType::u16},  {"i2", DType::i16},
        {"u4", DType::u32},     {"i4", DType::i32}, {"u8", DType::u64}, {"i8", DType::i64},  {"f2", DType::f16},
        {"f4", DType::f32},     {"f8", DType::f64}, {"c8", DType::c64}, {"c16", DType::c128}};
    const char order = descr.empty() ? '?' : descr[0];
    for (const auto& [name, dtype] : kinds) {
      if (kind != name || (order != '<' && order != '>' && order != '|' && order != '=')) continue;
      header.dtype = dtype;
      header.swap_bytes = order == '>' && dtype_bytes(dtype) > 1;
      return;
    }
    fail("dtype '" + descr + "' is not read; convert with array.astype, as in array.astype('f4')");
  }

  const std::string& file_;
  std::string text_;
  std::size_t start_;
  std::size_t at_ = 0;
};

inline NpyHeader read_npy_header(const std::string& file, Bytes bytes) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) throw_io_error(file, "not an npy file", 0);
  const auto major = std::to_integer<int>(bytes[6]);
  if (major < 1 || major > 3)
    throw_io_error(file, "npy version " + std::to_string(major) + " is not known (1 to 3 are)", 6);
  const std::size_t header_start = major == 1 ? 10 : 12;
  std::uint32_t length = 0;
  if (bytes.size() >= header_start) std::memcpy(&length, bytes.data() + 8, major == 1 ? 2 : 4);
  if (bytes.size() < header_start || length > bytes.size() - header_start)
    throw_io_error(file, "the npy header claims " + std::to_string(length) + " bytes, the file ends before", 8);

  NpyHeader header = NpyDict(file, bytes.subspan(header_start, length), header_start).read();
  header.data_start = header_start + length;
  const index_t want = shape_bytes(header.shape, header.dtype);
  const auto have = static_cast<index_t>(bytes.size() - header.data_start);
  if (want < 0) throw_io_error(file, "the npy shape " + shape_text(header.shape) + " overflows", 0);
  if (want != have)
    throw_io_error(file,
                   "an npy array of shape " + shape_text(header.shape) + " takes " + std::to_string(want) +
                       " bytes, the file holds " + std::to_string(have) +
                       (have < want ? ": cut short; copy it again" : ": cut off what follows the array"),
                   static_cast<std::int64_t>(header.data_start));
  return header;
}

}  // namespace detail

class NpyArray {
 public:
  explicit NpyArray(const std::string& path) : file_(path), name_(path), bytes_(file_.bytes()) {
    header_ = detail::read_npy_header(name_, bytes_);
  }
  // The content of a file that is in memory already and stays there; `name` appears in errors.
  NpyArray(Bytes content, std::string name) : name_(std::move(name)), bytes_(content) {
    header_ = detail::read_npy_header(name_, bytes_);
  }

  DType dtype() const { return header_.dtype; }
  const std::vector<index_t>& shape() const { return header_.shape; }

  template <class T, int N>
  Tensor<T, N> read() const {
    Extents<N> sizes;
    if (!detail::to_extents(header_.shape, sizes))
      detail::throw_io_error(
          name_, "holds the shape " + detail::shape_text(header_.shape) + ", expected " + std::to_string(N) + " axes");
    Extents<N> stored;  // Fortran order is row-major order of the axes reversed
    for (int i = 0; i < N; ++i) stored[i] = header_.fortran_order ? sizes[N - 1 - i] : sizes[i];
    auto out = Tensor<T, N>::uninitialized(stored);
    const Bytes from = bytes_.subspan(header_.data_start);
    const std::string wrong =
        detail::convert_elements(from.data(), header_.dtype, header_.swap_bytes, out.count(), out.data());
    if (!wrong.empty()) detail::throw_io_error(name_, "cannot be read: " + wrong);
    if (!header_.fortran_order) return out;
    Extents<N> strides;
    for (int i = 0; i < N; ++i) strides[i] = dense_strides(stored)[N - 1 - i];
    return detail::dense_copy(TensorView<const T, N>(out.data(), sizes, strides));
  }

 private:
  MappedFile file_;
  std::string name_;
  Bytes bytes_;
  detail::NpyHeader header_;
};

template <class T, int N>
Tensor<T, N> read_npy(const std::string& path) {
  return NpyArray(path).read<T, N>();
}

namespace detail {

// Magic to end of header, version 1, padded so that the elements start on 64 bytes.
inline std::string npy_header_text(const std::string& file, DType dtype, const std::vector<index_t>& shape) {
  const char* kinds[] = {"|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8",
                         "<i8", "<f2", "",    "<f4", "<f8", "<c8", "<c16"};
  const std::string descr = kinds[static_cast<int>(dtype)];
  if (descr.empty()) throw_io_error(file, "npy has no dtype for BF16; write F32");
  std::string dict = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (const index_t size : shape) dict += std::to_string(size) + (shape.size() == 1 ? "," : ", ");
  if (shape.size() > 1) dict.resize(dict.size() - 2);
  dict += "), }";
  dict.append(63 - (10 + dict.size()) % 64, ' ');
  dict += '\n';
  if (dict.size() > 65535)
    throw_io_error(file, "a shape of " + std::to_string(shape.size()) + " axes is too long for npy");
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(dict.size() & 255);
  text += static_cast<char>(dict.size() >> 8);
  return text + dict;
}

}  // namespace detail

// Replaces `path` as a whole (see AtomicFile).
template <class T, int N>
void write_npy(const std::string& path, TensorView<T, N> view) {
  if (!view.contiguous()) return write_npy(path, detail::dense_copy(view).view());
  AtomicFile file(path);
  const NamedArray array = named_array("", view);
  file.write(detail::npy_header_text(path, array.dtype, array.shape));
  file.write(array.data, static_cast<std::size_t>(detail::shape_bytes(array.shape, array.dtype)));
  file.commit();
}
template <class T, int N>
void write_npy(const std::string& path, const Tensor<T, N>& tensor) {
  write_npy(path, tensor.view());
}

}  // namespace longwave
