#include "longwave/data/loader.hpp"

#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Sequence i holds i, its label is i.
Dataset<float> numbered(index_t n) {
  Dataset<float> data{"numbered", Tensor<float, 3>(n, 1, 2), Tensor<index_t, 1>(n), n};
  for (index_t i = 0; i < n; ++i) {
    data.y(i) = i;
    data.x(i, 0, 0) = data.x(i, 0, 1) = static_cast<float>(i);
  }
  return data;
}

std::vector<index_t> labels(Loader<float>& loader, index_t epoch, index_t first = 0) {
  std::vector<index_t> out;
  for (const auto [x, y] : loader.epoch(epoch, first)) {
    for (index_t b = 0; b < y.size(0); ++b) {
      CHECK(x(b, 0, 1) == static_cast<float>(y(b)));
      out.push_back(y(b));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("loader: an epoch shows every sequence once, in another order each epoch") {
  const auto data = numbered(31);
  Loader<float> loader(data, {.batch = 8}, Generator(1));
  const auto zero = labels(loader, 0), one = labels(loader, 1);
  CHECK(zero.size() == 31);
  CHECK(std::set<index_t>(zero.begin(), zero.end()).size() == 31);
  CHECK(zero != one);
}

TEST_CASE("loader: an epoch's order depends on seed, stream and number alone, so a resumed run repeats it") {
  const auto data = numbered(31);
  Generator used(1, 4);
  used.next();
  Loader<float> first(data, {.batch = 8}, Generator(1, 4)), resumed(data, {.batch = 8}, used);
  for (index_t epoch = 0; epoch < 5; ++epoch) labels(first, epoch);
  const auto whole = labels(first, 5);
  CHECK(labels(resumed, 5) == whole);
  CHECK(labels(resumed, 5, 2) == std::vector<index_t>(whole.begin() + 16, whole.end()));
  CHECK(labels(resumed, 5, 4).empty());
  Loader<float> stream(data, {.batch = 8}, Generator(1, 5)), seed(data, {.batch = 8}, Generator(2, 4));
  CHECK(labels(stream, 5) != whole);
  CHECK(labels(seed, 5) != whole);
}

TEST_CASE("loader: without shuffling the order is the data's") {
  const auto data = numbered(5);
  Loader<float> loader(data, {.batch = 2, .shuffle = false}, Generator(1));
  CHECK(labels(loader, 3) == std::vector<index_t>{0, 1, 2, 3, 4});
  CHECK(loader.places(2).size(0) == 1);
  CHECK(loader.places(1)(1) == 3);
}

TEST_CASE("loader: drop_last leaves out the small batch") {
  const auto data = numbered(7);
  Loader<float> all(data, {.batch = 3}, Generator(1)), full(data, {.batch = 3, .drop_last = true}, Generator(1));
  CHECK(all.batches() == 3);
  CHECK(all.batch(2).x.size(0) == 1);
  CHECK(full.batches() == 2);
  CHECK(labels(full, 0).size() == 6);
  Loader<float> wide(data, {.batch = 100}, Generator(1));
  CHECK(wide.batches() == 1);
  CHECK(wide.batch(0).y.size(0) == 7);
}

TEST_CASE("loader: batches keep one buffer") {
  const auto data = numbered(100);
  Loader<float> loader(data, {.batch = 8}, Generator(1));
  const auto first = loader.batch(0);
  loader.start_epoch(3);
  const auto later = loader.batch(5);
  CHECK(first.x.data() == later.x.data());
  CHECK(first.y.data() == later.y.data());
}

TEST_CASE("loader: empty data, empty batches and places that do not exist are refused") {
  const auto data = numbered(3), none = numbered(0);
  CHECK(contains(error_text<ValueError>([&] { Loader<float>(data, {.batch = 0}, Generator(1)); }),
                 "a batch of 0 sequences; take 1 or more"));
  CHECK(contains(error_text<ValueError>([&] { Loader<float>(none, {}, Generator(1)); }), "the data set is empty"));
  CHECK(contains(error_text<ValueError>([&] { Loader<float>(data, {.batch = 4, .drop_last = true}, Generator(1)); }),
                 "fewer than a batch of 4, and drop_last is on; take a smaller batch"));
  Loader<float> loader(data, {.batch = 2}, Generator(1));
  CHECK(contains(error_text([&] { loader.batch(2); }), "there is no batch 2 of 2"));
  CHECK(contains(error_text([&] { loader.start_epoch(-1); }), "there is no epoch -1"));
  CHECK(contains(error_text([&] { loader.epoch(0, 3); }), "cannot start at batch 3"));
}

TEST_CASE("loader: a batch may be written into memory of the caller, as on the way to a device") {
  const auto data = numbered(10);
  Loader<float> loader(data, {.batch = 4}, Generator(1));
  CHECK(loader.batch_sizes() == Extents(4, 1, 2));
  Tensor<float, 3> x(loader.batch_sizes());
  Tensor<index_t, 1> y(4);
  for (index_t i = 0; i < 3; ++i) {
    const Batch<float> batch = loader.batch(i);
    const index_t B = loader.fill(i, x.view(), y.view());
    REQUIRE(B == batch.y.size(0));
    CHECK(B == (i < 2 ? 4 : 2));
    for (index_t b = 0; b < B; ++b) {
      CHECK(y(b) == batch.y(b));
      CHECK(x(b, 0, 1) == batch.x(b, 0, 1));
    }
  }
  Tensor<float, 3> small(3, 1, 2);
  CHECK(error_text<ShapeError>([&] { loader.fill(0, small.view(), y.view()); }) ==
        "Loader: fill needs dense memory of a batch, (B=4, C=1, L=2); x is (B=3, C=1, L=2), y (B=4)");
}
