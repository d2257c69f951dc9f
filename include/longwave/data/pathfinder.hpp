// pathfinder.hpp - Pathfinder (Linsley et al. 2018) as sequences of pixels: are two dots joined by a dashed curve?
//
//   const Pathfinder images = draw_pathfinder(1000, {.side = 32});             // data/pathfinder_generate.hpp
//   const Pathfinder images = read_pathfinder(".../curv_contour_length_14");    // data/pathfinder_files.hpp
//   auto [train, validation, test] = split_pathfinder(images);                  // 80, 10 and 10 %, at random, seed 42
//   Dataset<float> data = pathfinder_dataset<float>(train);                     // x (n, 1, side^2), pixel / 255
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/data/dataset.hpp"

namespace longwave {

struct Pathfinder {
  std::string name;
  index_t side = 0;
  Tensor<std::uint8_t, 2> image;  // (n, side * side), row by row
  Tensor<index_t, 1> y;           // 1: joined
  index_t dropped = 0;            // empty files that were left out

  index_t size() const { return image.size(0); }
};

// center: pixels in [-1, 1] instead of [0, 1].
template <class T = float>
Dataset<T> pathfinder_dataset(const Pathfinder& images, bool center = false) {
  Dataset<T> out{images.name, Tensor<T, 3>::uninitialized({images.size(), 1, images.side * images.side}),
                 images.y.clone(), 2};
  const T scale = center ? T(2) / T(255) : T(1) / T(255), shift = center ? T(-1) : T(0);
  for (index_t i = 0; i < out.x.count(); ++i) out.x.data()[i] = scale * T(images.image.data()[i]) + shift;
  return out;
}

inline Pathfinder subset(const Pathfinder& images, const std::vector<index_t>& places, std::string name) {
  const auto n = static_cast<index_t>(places.size()), pixels = images.side * images.side;
  Pathfinder out{std::move(name), images.side, Tensor<std::uint8_t, 2>::uninitialized({n, pixels}),
                 Tensor<index_t, 1>::uninitialized({n})};
  for (index_t i = 0; i < n; ++i) {
    const index_t from = places[static_cast<std::size_t>(i)];
    if (from < 0 || from >= images.size())
      throw_value_error(images.name + ": there is no image " + std::to_string(from) + " of " +
                        std::to_string(images.size()));
    std::copy_n(images.image.data() + from * pixels, pixels, out.image.data() + i * pixels);
    out.y(i) = images.y(from);
  }
  return out;
}

struct PathfinderParts {
  Pathfinder train, validation, test;
};

// A tenth each for validation and testing, rounded down.
inline PathfinderParts split_pathfinder(const Pathfinder& images, std::uint64_t seed = 42) {
  const index_t n = images.size(), tenth = n / 10;
  if (tenth < 1) throw_value_error(images.name + ": a tenth of " + std::to_string(n) + " images is none");
  std::vector<index_t> order(static_cast<std::size_t>(n));
  Generator(seed).permutation(TensorView<index_t, 1>(order.data(), {n}));
  const auto part = [&](index_t begin, index_t end, const char* what) {
    std::vector<index_t> places(order.begin() + begin, order.begin() + end);
    std::sort(places.begin(), places.end());
    return subset(images, places, images.name + what);
  };
  return {part(2 * tenth, n, " (train)"), part(0, tenth, " (validation)"), part(tenth, 2 * tenth, " (test)")};
}

}  // namespace longwave
