#include "longwave/data/pathfinder.hpp"

#include <set>

#include "check.hpp"
#include "files.hpp"
#include "longwave/data/pathfinder_files.hpp"
#include "longwave/data/pathfinder_generate.hpp"
#include "png.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

std::string gray_png(unsigned side, char value) {
  return png(side, side, 0, [&] {
    std::string rows;
    for (unsigned y = 0; y < side; ++y) rows += '\0' + std::string(side, value);
    return rows;
  }());
}

// Which dashes touch when every bright pixel grows by `reach`: a number for each pixel, 0 where it is dark.
std::vector<int> connected(const std::uint8_t* image, index_t side, index_t reach) {
  std::vector<int> part(static_cast<std::size_t>(side * side));
  int parts = 0;
  std::vector<index_t> open;
  for (index_t start = 0; start < side * side; ++start) {
    if (image[start] < 128 || part[static_cast<std::size_t>(start)] != 0) continue;
    part[static_cast<std::size_t>(start)] = ++parts;
    open.push_back(start);
    while (!open.empty()) {
      const index_t at = open.back();
      open.pop_back();
      for (index_t r = std::max<index_t>(at / side - reach, 0); r <= std::min(at / side + reach, side - 1); ++r)
        for (index_t c = std::max<index_t>(at % side - reach, 0); c <= std::min(at % side + reach, side - 1); ++c) {
          const index_t next = r * side + c;
          const index_t dr = r - at / side, dc = c - at % side;
          if (dr * dr + dc * dc > reach * reach || image[next] < 128 || part[static_cast<std::size_t>(next)] != 0)
            continue;
          part[static_cast<std::size_t>(next)] = parts;
          open.push_back(next);
        }
    }
  }
  return part;
}

}  // namespace

TEST_CASE("pathfinder: the label of a drawn image can be told from its pixels") {
  // [snippet: pathfinder]
  const Pathfinder images = draw_pathfinder(60, {.side = 128, .seed = 5});
  const Dataset<float> data = pathfinder_dataset<float>(images);  // (60, 1, 16384), in [0, 1]
  // [/snippet]
  check_dataset(data);
  CHECK(data.length() == 128 * 128);
  index_t joined = 0;
  for (index_t i = 0; i < 60; ++i) {
    // Dashes of a curve are 2 pixels apart, curves 5 or more. A dot is where a disk of radius 4 fits in.
    const std::vector<int> part = connected(&images.image(i, 0), 128, 4);
    std::set<int> dots;
    for (index_t r = 4; r < 124; ++r)
      for (index_t c = 4; c < 124; ++c) {
        bool all = true;
        for (index_t dr = -4; dr <= 4; ++dr)
          for (index_t dc = -4; dc <= 4; ++dc)
            if (dr * dr + dc * dc <= 16) all &= images.image(i, (r + dr) * 128 + c + dc) >= 128;
        if (all) dots.insert(part[static_cast<std::size_t>(r * 128 + c)]);
      }
    CHECK(static_cast<index_t>(dots.size()) == 2 - images.y(i));
    CHECK(*std::max_element(part.begin(), part.end()) == 5);  // two curves and three distractors
    joined += images.y(i);
  }
  CHECK((joined > 15 && joined < 45));
}

TEST_CASE("pathfinder: images are those of the seed, in any number") {
  const Pathfinder ten = draw_pathfinder(10, {.seed = 1}), again = draw_pathfinder(30, {.seed = 1}),
                   other = draw_pathfinder(10, {.seed = 2});
  CHECK(std::equal(ten.image.data(), ten.image.data() + ten.image.count(), again.image.data()));
  CHECK(!same_bits(ten.image, other.image));
  CHECK(ten.side == 32);
}

TEST_CASE("pathfinder: scenes that cannot be are refused") {
  const auto refuses = [](index_t n, const PathfinderScene& scene, const std::string& part) {
    const std::string text = error_text<ValueError>([&] { draw_pathfinder(n, scene); });
    INFO(text);
    CHECK(contains(text, part));
  };
  refuses(0, {}, "0 images of side 32");
  refuses(1, {.side = 8}, "side 8 (16 or more)");
  refuses(1, {.gap = 0.8}, "the gap above the width");
  refuses(1, {.clearance = 2}, "the clearance, 2.000000, wide enough");
  refuses(1, {.dashes = 30, .clearance = 9}, "30 dashes and 3 distractors found no room in 2000 drafts");
}

TEST_CASE("pathfinder: centred pixels, and 80, 10 and 10 percent without a common image") {
  const Pathfinder images = draw_pathfinder(50, {.side = 16});
  const auto data = pathfinder_dataset<double>(images, true);
  CHECK(data.x(3, 0, 100) == Approx(2 * images.image(3, 100) / 255.0 - 1).margin(1e-12));
  const PathfinderParts parts = split_pathfinder(images);
  CHECK(parts.train.size() == 40);
  CHECK(parts.validation.size() == 5);
  CHECK(parts.test.size() == 5);
  std::set<std::string> seen;
  for (const Pathfinder* part : {&parts.train, &parts.validation, &parts.test})
    for (index_t i = 0; i < part->size(); ++i) seen.emplace(reinterpret_cast<const char*>(&part->image(i, 0)), 256);
  CHECK(seen.size() == 50);
  CHECK(contains(error_text([&] { split_pathfinder(parts.test); }), "a tenth of 5 images is none"));
  CHECK(contains(error_text([&] { subset(parts.test, {5}, "x"); }), "there is no image 5 of 5"));
}

TEST_CASE("pathfinder: the published folder, by the files' numbers, without empty ones") {
  const TemporaryFolder folder;
  make_folders(folder / "metadata");
  make_folders(folder / "imgs/0");
  write_text(folder / "metadata/10.npy", "imgs/0 c.png 0 1 0.5\n");
  write_text(folder / "metadata/9.npy", "imgs/0 a.png 0 1 0.5 2\nimgs/0 b.png 0 0\n\n");
  write_text(folder / "imgs/0/a.png", gray_png(4, 7));
  write_text(folder / "imgs/0/b.png", "");
  write_text(folder / "imgs/0/c.png", png(4, 4, 2, [] {
               std::string rows;
               for (int y = 0; y < 4; ++y)
                 rows += '\0' + std::string("\x0a\x14\x1e\x0a\x14\x1e\x0a\x14\x1e\x0a\x14\x1e");
               return rows;
             }()));
  const Pathfinder images = read_pathfinder(folder.path());
  CHECK(images.size() == 2);
  CHECK(images.dropped == 1);
  CHECK(images.image(0, 15) == 7);
  CHECK(images.image(1, 0) == gray_of(10, 20, 30));
  CHECK(images.y(1) == 1);
  const auto refuses = [&](const std::string& part) {
    const std::string text = error_text<IoError>([&] { read_pathfinder(folder.path()); });
    INFO(text);
    CHECK(contains(text, part));
  };
  write_text(folder / "imgs/0/c.png", gray_png(5, 7));
  refuses("imgs/0/c.png: is 5 x 5 pixels, expected a square of the first one's width, 4");
  write_text(folder / "metadata/10.npy", "\nimgs/0 c.png 0\n");
  refuses("metadata/10.npy: line 2: field 3 is '', expected the label 0 or 1");
  write_text(folder / "metadata/10.npy", "");
  write_text(folder / "metadata/9.npy", "imgs/0 b.png 0 0\n");
  refuses("holds empty images only");
  write_text(folder / "metadata/9.npy", "");
  refuses("/metadata: names no image");
}
