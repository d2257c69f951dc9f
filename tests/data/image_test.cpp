#include "longwave/data/image.hpp"

#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("image: every order shows every pixel once") {
  for (const auto& [name, order] : image_order_names)
    for (const index_t side : {1, 2, 8, 32}) {
      const auto pixels = image_order(parse_image_order(name), side, side);
      CHECK(static_cast<index_t>(pixels.size()) == side * side);
      CHECK(std::set<index_t>(pixels.begin(), pixels.end()).size() == pixels.size());
      CHECK(pixels == image_order(order, side, side));
    }
}

TEST_CASE("image: the orders of small images") {
  CHECK(image_order(ImageOrder::snake, 3, 2) == std::vector<index_t>{0, 1, 3, 2, 4, 5});
  CHECK(image_order(ImageOrder::transpose, 2, 3) == std::vector<index_t>{0, 3, 1, 4, 2, 5});
  CHECK(image_order(ImageOrder::bit_reversal, 2, 2) == std::vector<index_t>{0, 2, 1, 3});
  CHECK(image_order(ImageOrder::hilbert, 2, 2) == std::vector<index_t>{0, 1, 3, 2});
  CHECK(image_order(ImageOrder::hilbert, 4, 4) ==
        std::vector<index_t>{0, 4, 5, 1, 2, 3, 7, 6, 10, 11, 15, 14, 13, 9, 8, 12});
}

TEST_CASE("image: along the Hilbert curve and the snake every step goes to a neighbour") {
  for (const ImageOrder order : {ImageOrder::hilbert, ImageOrder::snake}) {
    const auto pixels = image_order(order, 64, 64);
    for (std::size_t l = 1; l < pixels.size(); ++l) {
      const index_t down = std::abs(pixels[l] / 64 - pixels[l - 1] / 64),
                    right = std::abs(pixels[l] % 64 - pixels[l - 1] % 64);
      REQUIRE(down + right == 1);
    }
  }
}

TEST_CASE("image: orders that cannot be are refused") {
  CHECK(contains(error_text<ShapeError>([] { image_order(ImageOrder::hilbert, 28, 28); }),
                 "a power of two a side, not 28 x 28"));
  CHECK(contains(error_text<ShapeError>([] { image_order(ImageOrder::rows, 0, 4); }), "an image of 0 x 4"));
  CHECK(contains(error_text<ValueError>([] { parse_image_order("zigzag"); }), "expected one of rows, snake, hilbert"));
}

TEST_CASE("image: crops and flips move whole images, and depend on the key alone") {
  const index_t h = 6, w = 5, B = 200;
  const auto image = random<float>(Extents<3>{1, 2, h * w}, 5);
  const auto moved = [&](const CropFlip& how, PhiloxKey key) {
    Tensor<float, 3> x(B, 2, h * w);
    for (index_t b = 0; b < B; ++b) std::copy_n(image.data(), image.count(), &x(b, 0, 0));
    crop_flip(x.view(), h, w, how, key);
    return x;
  };
  const CropFlip how{.pad = 2, .border = {10, 20}};
  const auto x = moved(how, {1, 2, 3});
  std::set<index_t> seen;  // which of the 50 moves
  for (index_t b = 0; b < B; ++b) {
    index_t found = -1;
    for (index_t m = 0; m < 50; ++m) {
      const index_t down = m / 10 - 2, right = m / 2 % 5 - 2;
      bool same = true;
      for (index_t c = 0; c < 2; ++c)
        for (index_t r = 0; r < h; ++r)
          for (index_t k = 0; k < w; ++k) {
            const index_t row = r + down, column = (m % 2 == 1 ? w - 1 - k : k) + right;
            const bool inside = row >= 0 && row < h && column >= 0 && column < w;
            same &= x(b, c, r * w + k) == (inside ? image(0, c, row * w + column) : c == 0 ? 10.f : 20.f);
          }
      if (same) found = m;
    }
    REQUIRE(found >= 0);
    seen.insert(found);
  }
  CHECK(seen.size() > 40);
  CHECK(same_bits(x, moved(how, {1, 2, 3})));
  CHECK(!same_bits(x, moved(how, {1, 2, 4})));
  Tensor<float, 3> other(1, 3, h * w);
  CHECK(contains(error_text<ShapeError>([&] {
                   crop_flip(other.view(), h, w, how, {1, 0, 0});
                 }),
                 "with 2 border values; take one or one per channel"));
  CHECK(contains(error_text<ShapeError>([&] { crop_flip(other.view(), h, h, {}, {1, 0, 0}); }), "for images of 6 x 6"));
}

TEST_CASE("image: pixels in another order are moved as images all the same") {
  const index_t h = 8, w = 8, B = 20;
  const auto rows = random<float>(Extents<3>{B, 2, h * w}, 6);
  for (const ImageOrder order : {ImageOrder::snake, ImageOrder::hilbert, ImageOrder::bit_reversal}) {
    const auto pixels = image_order(order, h, w);
    Tensor<float, 3> x = rows.clone(), y(B, 2, h * w), back(B, 2, h * w);
    const auto ordered = [&](auto&& f) {
      for (index_t b = 0; b < B; ++b)
        for (index_t c = 0; c < 2; ++c)
          for (index_t l = 0; l < h * w; ++l) f(b, c, l, pixels[static_cast<std::size_t>(l)]);
    };
    ordered([&](index_t b, index_t c, index_t l, index_t p) { y(b, c, l) = rows(b, c, p); });
    crop_flip(x.view(), h, w, {.pad = 3}, {1, 2, 3});
    crop_flip(y.view(), h, w, {.pad = 3, .order = pixels}, {1, 2, 3});
    ordered([&](index_t b, index_t c, index_t l, index_t p) { back(b, c, p) = y(b, c, l); });
    CHECK(same_bits(x, back));
  }
  Tensor<float, 3> x(1, 1, 4);
  CHECK(contains(error_text<ShapeError>([&] {
                   crop_flip(x.view(), 2, 2, {.order = {0, 1, 2}}, {1, 0, 0});
                 }),
                 "an order of 3 for 4 pixels"));
  CHECK(contains(error_text<ValueError>([&] {
                   crop_flip(x.view(), 2, 2, {.order = {0, 1, 2, 4}}, {1, 0, 0});
                 }),
                 "the order names pixel 4 of 4"));
}
