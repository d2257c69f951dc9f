// idx.hpp - the idx files of MNIST, plain or gzip-compressed (told apart by content), and sequential MNIST from a
// folder of them. Needs longwave::zlib.
//
//   auto images = read_idx<float, 3>("train-images-idx3-ubyte.gz");
//   Dataset<float> train = read_mnist(folder, MnistPart::train);            // x (60000, 1, 784), pixel / 255
//   permute_time(train, bit_reversal_order(train.length()));                // permuted MNIST
//
// The format: 0, 0, type, number of axes, the sizes (4 bytes each), the elements, all big-endian. A size is believed
// only as far as the file's own size allows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/data/dataset.hpp"
#include "longwave/io/dtype.hpp"
#include "longwave/io/inflate.hpp"

namespace longwave {

namespace detail {

struct IdxHeader {
  DType dtype = DType::u8;
  std::vector<index_t> shape;
  std::size_t data_start = 0;
};

inline DType idx_dtype(const std::string& file, int code) {
  switch (code) {
    case 0x08:
      return DType::u8;
    case 0x09:
      return DType::i8;
    case 0x0b:
      return DType::i16;
    case 0x0c:
      return DType::i32;
    case 0x0d:
      return DType::f32;
    case 0x0e:
      return DType::f64;
    default:
      throw_io_error(file, "the idx type " + std::to_string(code) + " is not known", 2);
  }
}

// `content` is the start of the file, at least its header.
inline IdxHeader read_idx_header(const std::string& file, Bytes content) {
  if (content.size() < 4 || content[0] != std::byte{0} || content[1] != std::byte{0})
    throw_io_error(file, "not an idx file", 0);
  IdxHeader header;
  header.dtype = idx_dtype(file, std::to_integer<int>(content[2]));
  const auto axes = std::to_integer<std::size_t>(content[3]);
  header.data_start = 4 + 4 * axes;
  if (content.size() < header.data_start)
    throw_io_error(file, "the idx header of " + std::to_string(axes) + " axes ends early; copy or download it again",
                   static_cast<std::int64_t>(content.size()));
  for (std::size_t i = 0; i < axes; ++i)
    header.shape.push_back(load_element<std::uint32_t>(content.data() + 4 + 4 * i, true));
  if (shape_bytes(header.shape, header.dtype) < 0)
    throw_io_error(file, "the idx shape " + shape_text(header.shape) + " overflows", 4);
  return header;
}

inline void check_idx_size(const std::string& file, const IdxHeader& header, std::size_t have) {
  const auto want = static_cast<std::size_t>(shape_bytes(header.shape, header.dtype));
  if (want != have)
    throw_io_error(file,
                   "an idx array of shape " + shape_text(header.shape) + " takes " + std::to_string(want) +
                       " bytes, the file holds " + std::to_string(have) +
                       (have < want ? ": cut short; copy or download it again" : ": cut off what follows the array"),
                   static_cast<std::int64_t>(header.data_start));
}

// Inflates header and elements; never more than the header's product, nor than the packed size could hold.
inline std::vector<std::byte> inflate_idx(const std::string& file, Bytes packed) {
  Inflater inflater(file, packed, 15 + 16);
  std::vector<std::byte> content;
  inflate_to(inflater, content, 4, file);
  inflate_to(inflater, content, 4 * std::to_integer<std::size_t>(content[3]), file);
  const IdxHeader header = read_idx_header(file, content);
  const auto bytes = static_cast<std::size_t>(shape_bytes(header.shape, header.dtype));
  if (bytes / deflate_ratio > packed.size())
    throw_io_error(file,
                   "the idx shape " + shape_text(header.shape) + " cannot come from " + std::to_string(packed.size()) +
                       " compressed bytes; the file is damaged",
                   4);
  inflate_to(inflater, content, bytes, file);
  inflater.expect_end("the idx header says");
  return content;
}

}  // namespace detail

// From the content of a file; `name` appears in errors.
template <class T, int N>
Tensor<T, N> read_idx(Bytes content, const std::string& name) {
  std::vector<std::byte> inflated;
  if (detail::is_gzip(content)) {
    inflated = detail::inflate_idx(name, content);
    content = inflated;
  }
  const detail::IdxHeader header = detail::read_idx_header(name, content);
  detail::check_idx_size(name, header, content.size() - header.data_start);
  Extents<N> sizes;
  if (!detail::to_extents(header.shape, sizes))
    detail::throw_io_error(
        name, "holds the shape " + detail::shape_text(header.shape) + ", expected " + std::to_string(N) + " axes", 3);
  auto out = Tensor<T, N>::uninitialized(sizes);
  const bool swap_bytes = dtype_bytes(header.dtype) > 1;
  const std::string wrong =
      detail::convert_elements(content.data() + header.data_start, header.dtype, swap_bytes, out.count(), out.data());
  if (!wrong.empty()) detail::throw_io_error(name, "cannot be read: " + wrong);
  return out;
}

template <class T, int N>
Tensor<T, N> read_idx(const std::string& path) {
  const MappedFile file(path);
  return read_idx<T, N>(file.bytes(), path);
}

enum class MnistPart { train, test };

namespace detail {

inline std::string find_idx(const std::string& folder, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (file_exists(folder + "/" + name + ending)) return folder + "/" + name + ending;
  throw_io_error(folder, "holds neither " + name + " nor " + name + ".gz; name the folder of the MNIST idx files");
}

}  // namespace detail

// Sequential MNIST: the pixels row by row, divided by 255, no mean taken off: x (n, 1, 784).
template <class T = float>
Dataset<T> read_mnist(const std::string& folder, MnistPart part) {
  const std::string stem = part == MnistPart::train ? "train" : "t10k";
  const std::string images_path = detail::find_idx(folder, stem + "-images-idx3-ubyte");
  const Tensor<T, 3> images = read_idx<T, 3>(images_path);
  Dataset<T> data{part == MnistPart::train ? "MNIST (train)" : "MNIST (test)", {}, {}, 10};
  data.x = Tensor<T, 3>::uninitialized({images.size(0), 1, images.size(1) * images.size(2)});
  for (index_t i = 0; i < data.x.count(); ++i) data.x.data()[i] = images.data()[i] / T(255);
  data.y = read_idx<index_t, 1>(detail::find_idx(folder, stem + "-labels-idx1-ubyte"));
  check_dataset(data);
  return data;
}

}  // namespace longwave
