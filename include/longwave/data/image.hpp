// image.hpp - images as sequences of pixels: orders in which they are read, and random crops and flips.
//
//   permute_time(data, image_order(ImageOrder::hilbert, 32, 32));
//
//   rows           row by row, as they are stored
//   snake          every second row backwards
//   hilbert        the Hilbert curve from the top left to the bottom left corner, first along the first row or column
//   as
//                  its order demands; a square of 2^k pixels a side
//   transpose      column by column
//   bit_reversal   of the pixel numbers: bit_reversal_order
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "longwave/core/names.hpp"
#include "longwave/data/dataset.hpp"

namespace longwave {

enum class ImageOrder { rows, snake, hilbert, transpose, bit_reversal };

inline constexpr Named<ImageOrder> image_order_names[] = {{"rows", ImageOrder::rows},
                                                          {"snake", ImageOrder::snake},
                                                          {"hilbert", ImageOrder::hilbert},
                                                          {"transpose", ImageOrder::transpose},
                                                          {"bit_reversal", ImageOrder::bit_reversal}};

inline ImageOrder parse_image_order(std::string_view name) {
  return value_of_name("image order", name, image_order_names);
}

namespace detail {

// Pixel number d of the Hilbert curve of a square of 2^k = side pixels: quadrants from coarse to fine, each turned so
// that its curve starts and ends beside its neighbours.
inline index_t hilbert_pixel(index_t side, index_t d) {
  index_t row = 0, column = 0;
  for (index_t s = 1; s < side; s *= 2, d /= 4) {
    const index_t r = d / 2 & 1, c = (d ^ r) & 1;
    if (c == 0) {
      if (r == 1) {
        row = s - 1 - row;
        column = s - 1 - column;
      }
      std::swap(row, column);
    }
    row += s * r;
    column += s * c;
  }
  return row * side + column;
}

}  // namespace detail

// order[l]: the pixel, counted row by row, that comes as number l.
inline std::vector<index_t> image_order(ImageOrder order, index_t height, index_t width) {
  const index_t pixels = height * width;
  if (height < 1 || width < 1)
    throw_shape_error("image_order: an image of " + std::to_string(height) + " x " + std::to_string(width) + " pixels");
  if (order == ImageOrder::bit_reversal) return bit_reversal_order(pixels);
  if (order == ImageOrder::hilbert && (height != width || (width & (width - 1)) != 0))
    throw_shape_error("image_order: hilbert needs a square with a power of two a side, not " + std::to_string(height) +
                      " x " + std::to_string(width));
  std::vector<index_t> out(static_cast<std::size_t>(pixels));
  for (index_t l = 0; l < pixels; ++l) {
    const index_t row = l / width, column = l % width;
    index_t pixel = l;
    if (order == ImageOrder::snake && row % 2 == 1) pixel = row * width + (width - 1 - column);
    if (order == ImageOrder::transpose) pixel = l % height * width + l / height;
    if (order == ImageOrder::hilbert) pixel = detail::hilbert_pixel(width, l);
    out[static_cast<std::size_t>(l)] = pixel;
  }
  return out;
}

// (0.299 R + 0.587 G + 0.114 B) rounded to 8 bits, in the 16-bit fixed point of Pillow.
inline std::uint8_t gray_of(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  return static_cast<std::uint8_t>((19595u * red + 38470u * green + 7471u * blue + 32768u) >> 16);
}

struct CropFlip {
  index_t pad = 4;                   // moved by up to so many pixels each way
  bool flip = true;                  // left and right exchanged, every second image
  std::vector<double> border = {0};  // what comes in from outside: one value, or one per channel
  std::vector<index_t> order = {};   // in which x has the pixels, as from image_order; empty: row by row
};

namespace detail {

template <class T>
void check_crop_flip(TensorView<T, 3> x, index_t height, index_t width, const CropFlip& how) {
  const index_t pixels = height * width;
  if (x.size(2) != pixels || how.pad < 0 ||
      (how.border.size() != 1 && static_cast<index_t>(how.border.size()) != x.size(1)))
    throw_shape_error("crop_flip: x is " + to_string(x.sizes(), "BCL") + " for images of " + std::to_string(height) +
                      " x " + std::to_string(width) + ", moved by " + std::to_string(how.pad) + ", with " +
                      std::to_string(how.border.size()) + " border values; take one or one per channel");
  if (!how.order.empty() && static_cast<index_t>(how.order.size()) != pixels)
    throw_shape_error("crop_flip: an order of " + std::to_string(how.order.size()) + " for " + std::to_string(pixels) +
                      " pixels");
  for (const index_t p : how.order)
    if (p < 0 || p >= pixels)
      throw_value_error("crop_flip: the order names pixel " + std::to_string(p) + " of " + std::to_string(pixels));
}

}  // namespace detail

// Moves and flips every image x (B, C, height * width) of a batch. Image b's draw is a function of key and b alone: a
// batch number as key.draw makes a resumed run repeat it. `image` is room to work in, kept from batch to batch.
template <class T>
void crop_flip(TensorView<T, 3> x, index_t height, index_t width, const CropFlip& how, PhiloxKey key,
               std::vector<T>& image) {
  detail::check_crop_flip(x, height, width, how);
  const index_t pixels = height * width;
  image.resize(static_cast<std::size_t>(pixels));
  const auto pixel = [&](index_t l) { return how.order.empty() ? l : how.order[static_cast<std::size_t>(l)]; };
  const auto shift = [&](std::uint32_t word) {
    const auto range = static_cast<std::uint64_t>(2 * how.pad + 1);
    return static_cast<index_t>(word * range >> 32) - how.pad;
  };
  for (index_t b = 0; b < x.size(0); ++b) {
    const PhiloxWords words = philox(key, static_cast<std::uint64_t>(b));
    const index_t down = shift(words.word[0]), right = shift(words.word[1]);
    const bool flip = how.flip && words.word[2] >> 31 != 0;
    for (index_t c = 0; c < x.size(1); ++c) {
      const T border = static_cast<T>(how.border[how.border.size() == 1 ? 0 : static_cast<std::size_t>(c)]);
      for (index_t l = 0; l < pixels; ++l) image[static_cast<std::size_t>(pixel(l))] = x(b, c, l);
      for (index_t l = 0; l < pixels; ++l) {
        const index_t p = pixel(l), at = p % width;
        const index_t row = p / width + down, column = (flip ? width - 1 - at : at) + right;
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        x(b, c, l) = inside ? image[static_cast<std::size_t>(row * width + column)] : border;
      }
    }
  }
}
template <class T>
void crop_flip(TensorView<T, 3> x, index_t height, index_t width, const CropFlip& how, PhiloxKey key) {
  std::vector<T> image;
  crop_flip(x, height, width, how, key, image);
}

}  // namespace longwave
