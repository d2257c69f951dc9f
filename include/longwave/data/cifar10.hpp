// cifar10.hpp - CIFAR-10 (Krizhevsky 2009) as sequences of 1024 pixels, in colour or gray, as numbers or as bytes.
//
//   const Cifar10 images = read_cifar10(folder, Cifar10Part::train);        // data_batch_1.bin .. data_batch_5.bin
//   Dataset<float> train = cifar10_dataset<float>(images, {.gray = true});   // x (50000, 1, 1024)
//   const TokenSet bytes = cifar10_tokens(images, {.gray = true});           // for an embedding: 256 entries
//
// The binary version: records of a label and 3072 bytes, the red, green and blue plane row by row. Arrays: images
// (n, 32, 32, 3) and labels (n) as npy. Normalised as (pixel / 255 - mean) / deviation. Gray is
// (0.299 R + 0.587 G + 0.114 B) rounded to 8 bits, in the 16-bit fixed point of Pillow, which the published runs used.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "longwave/data/image.hpp"
#include "longwave/data/sequence_set.hpp"
#include "longwave/io/npy.hpp"

namespace longwave {

struct Cifar10 {
  static constexpr index_t side = 32, pixels = side * side, planes = 3;

  std::string name;
  Tensor<std::uint8_t, 3> image;  // (n, 3, 1024)
  Tensor<index_t, 1> y;           // 0 .. 9

  index_t size() const { return image.size(0); }
};

inline constexpr const char* cifar10_classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                  "dog",      "frog",       "horse", "ship", "truck"};

enum class Cifar10Part { train, test };

namespace detail {

inline constexpr std::size_t cifar10_record = 1 + Cifar10::planes * Cifar10::pixels;

// Appends the records of a file at image `first` on.
inline void read_cifar10_records(Cifar10& out, index_t first, Bytes content, const std::string& name) {
  const std::size_t n = content.size() / cifar10_record;
  for (std::size_t i = 0; i < n; ++i) {
    const std::byte* record = content.data() + i * cifar10_record;
    const auto label = std::to_integer<index_t>(record[0]);
    if (label > 9)
      throw_io_error(name,
                     "the label of image " + std::to_string(i) + " is " + std::to_string(label) + ", expected 0 to 9",
                     static_cast<std::int64_t>(i * cifar10_record));
    const index_t at = first + static_cast<index_t>(i);
    out.y(at) = label;
    std::memcpy(&out.image(at, 0, 0), record + 1, cifar10_record - 1);
  }
}

inline void check_cifar10_size(Bytes content, const std::string& name) {
  if (content.empty() || content.size() % cifar10_record != 0)
    throw_io_error(name, "holds " + std::to_string(content.size()) + " bytes, no multiple of the " +
                             std::to_string(cifar10_record) + " of a CIFAR-10 record; copy or download it again");
}

inline Cifar10 no_cifar10(std::string name, index_t n) {
  return {std::move(name), Tensor<std::uint8_t, 3>::uninitialized({n, Cifar10::planes, Cifar10::pixels}),
          Tensor<index_t, 1>::uninitialized({n})};
}

}  // namespace detail

// A file of the binary version; name appears in errors.
inline Cifar10 read_cifar10_batch(Bytes content, const std::string& name) {
  detail::check_cifar10_size(content, name);
  Cifar10 out = detail::no_cifar10(name, static_cast<index_t>(content.size() / detail::cifar10_record));
  detail::read_cifar10_records(out, 0, content, name);
  return out;
}

// The binary version's five training files or its test file, in folder or folder/cifar-10-batches-bin.
inline Cifar10 read_cifar10(const std::string& folder, Cifar10Part part) {
  std::vector<std::string> names = {"test_batch.bin"};
  if (part == Cifar10Part::train)
    names = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
  const std::string inside = folder + "/cifar-10-batches-bin";
  const std::string& place = !file_exists(folder + "/" + names[0]) && file_exists(inside) ? inside : folder;
  std::vector<MappedFile> files;
  index_t n = 0;
  for (const std::string& name : names) {
    files.emplace_back(place + "/" + name);
    detail::check_cifar10_size(files.back().bytes(), files.back().path());
    n += static_cast<index_t>(files.back().size() / detail::cifar10_record);
  }
  Cifar10 out = detail::no_cifar10(part == Cifar10Part::train ? "CIFAR-10 (train)" : "CIFAR-10 (test)", n);
  index_t first = 0;
  for (const MappedFile& file : files) {
    detail::read_cifar10_records(out, first, file.bytes(), file.path());
    first += static_cast<index_t>(file.size() / detail::cifar10_record);
  }
  return out;
}

// Images (n, 32, 32, 3) and labels (n) as npy.
inline Cifar10 read_cifar10_arrays(const std::string& images_path, const std::string& labels_path) {
  const auto images = read_npy<std::uint8_t, 4>(images_path);
  const index_t n = images.size(0);
  if (images.sizes() != Extents<4>{n, Cifar10::side, Cifar10::side, Cifar10::planes})
    throw_shape_error(images_path + ": the images are " + to_string(images.sizes()) + ", expected (n, 32, 32, 3)");
  Cifar10 out{images_path, {}, read_npy<index_t, 1>(labels_path)};
  if (n == 0 || out.y.size(0) != n)
    throw_shape_error(images_path + ": " + std::to_string(n) + " images but " + std::to_string(out.y.size(0)) +
                      " labels in " + labels_path);
  for (index_t i = 0; i < n; ++i)
    if (out.y(i) < 0 || out.y(i) > 9)
      detail::throw_io_error(labels_path, "the label of image " + std::to_string(i) + " is " +
                                              std::to_string(out.y(i)) + ", expected 0 to 9");
  out.image = Tensor<std::uint8_t, 3>::uninitialized({n, Cifar10::planes, Cifar10::pixels});
  for (index_t i = 0; i < n; ++i)
    for (index_t p = 0; p < Cifar10::pixels; ++p)
      for (index_t c = 0; c < Cifar10::planes; ++c)
        out.image(i, c, p) = images.data()[(i * Cifar10::pixels + p) * Cifar10::planes + c];
  return out;
}

// (n, 1, 1024)
inline Tensor<std::uint8_t, 3> gray_images(const Cifar10& data) {
  auto out = Tensor<std::uint8_t, 3>::uninitialized({data.size(), 1, Cifar10::pixels});
  for (index_t i = 0; i < data.size(); ++i)
    for (index_t p = 0; p < Cifar10::pixels; ++p)
      out(i, 0, p) = gray_of(data.image(i, 0, p), data.image(i, 1, p), data.image(i, 2, p));
  return out;
}

struct ChannelScale {
  double mean = 0, deviation = 1;
};
inline constexpr std::array<ChannelScale, 3> cifar10_rgb = {{{.4914, .247}, {.4822, .243}, {.4465, .261}}};
inline constexpr std::array<ChannelScale, 3> cifar10_rgb_small = {{{.4914, .2023}, {.4822, .1994}, {.4465, .2010}}};
inline constexpr std::array<ChannelScale, 1> cifar10_gray = {{{122.6 / 255, 61.0 / 255}}};

struct Cifar10Sequences {
  bool gray = false;
  bool small_program = false;  // the deviations of the S4 repository's small example, in colour
  ImageOrder order = ImageOrder::rows;
};

namespace detail {

inline std::vector<ChannelScale> cifar10_scale(const Cifar10Sequences& how) {
  if (how.gray) return {cifar10_gray.begin(), cifar10_gray.end()};
  const auto& rgb = how.small_program ? cifar10_rgb_small : cifar10_rgb;
  return {rgb.begin(), rgb.end()};
}

}  // namespace detail

// x (n, 3 or 1, 1024), normalised.
template <class T = float>
Dataset<T> cifar10_dataset(const Cifar10& images, const Cifar10Sequences& how = {}) {
  const std::vector<ChannelScale> scale = detail::cifar10_scale(how);
  const auto C = static_cast<index_t>(scale.size());
  Tensor<std::uint8_t, 3> gray;
  if (how.gray) gray = gray_images(images);
  const TensorView<const std::uint8_t, 3> from = how.gray ? std::as_const(gray).view() : images.image.view();
  Dataset<T> out{images.name, Tensor<T, 3>::uninitialized({images.size(), C, Cifar10::pixels}), images.y.clone(), 10};
  T value[3][256];
  for (index_t c = 0; c < C; ++c)
    for (int v = 0; v < 256; ++v) {
      const ChannelScale& s = scale[static_cast<std::size_t>(c)];
      value[c][v] = static_cast<T>((v / 255.0 - s.mean) / s.deviation);
    }
  const std::vector<index_t> order = image_order(how.order, Cifar10::side, Cifar10::side);
  parallel_blocks(images.size(), 64, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i)
      for (index_t c = 0; c < C; ++c) {
        const std::uint8_t* pixel = &from(i, c, 0);
        T* to = &out.x(i, c, 0);
        for (index_t l = 0; l < Cifar10::pixels; ++l) to[l] = value[c][pixel[order[static_cast<std::size_t>(l)]]];
      }
  });
  return out;
}

// Of the sequences that cifar10_dataset makes. What is outside of a normalised image when it is moved: black.
inline CropFlip cifar10_augmentation(const Cifar10Sequences& how = {}) {
  CropFlip out{.border = {}, .order = image_order(how.order, Cifar10::side, Cifar10::side)};
  for (const ChannelScale& s : detail::cifar10_scale(how)) out.border.push_back(-s.mean / s.deviation);
  return out;
}

// Bytes as tokens, 256 of them: 1 or 3 channels of 1024.
inline TokenSet cifar10_tokens(const Cifar10& images, const Cifar10Sequences& how = {}) {
  Tensor<std::uint8_t, 3> gray;
  if (how.gray) gray = gray_images(images);
  const TensorView<const std::uint8_t, 3> from = how.gray ? std::as_const(gray).view() : images.image.view();
  const std::vector<index_t> order = image_order(how.order, Cifar10::side, Cifar10::side);
  TokenSet set{.name = images.name, .channels = from.size(1), .classes = 10, .vocabulary = 256};
  set.values.reserve(static_cast<std::size_t>(from.count()));
  for (index_t i = 0; i < images.size(); ++i) {
    for (index_t c = 0; c < from.size(1); ++c)
      for (const index_t p : order) set.values.push_back(from(i, c, p));
    set.end_sequence();
    set.y.push_back(images.y(i));
  }
  return set;
}

}  // namespace longwave
