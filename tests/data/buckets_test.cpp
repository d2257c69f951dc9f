#include "longwave/data/buckets.hpp"

#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Item i has 1 + 7 i % 20 positions, all of token i + 1, and the class i.
TokenSet uneven(index_t n) {
  TokenSet set{.name = "uneven", .classes = n, .vocabulary = n + 1};
  for (index_t i = 0; i < n; ++i) {
    set.values.insert(set.values.end(), static_cast<std::size_t>(1 + 7 * i % 20), static_cast<Token>(i + 1));
    set.end_sequence();
    set.y.push_back(i);
  }
  return set;
}

// The items of an epoch in order; every batch is checked for its padding.
std::vector<index_t> items(SequenceLoader<Token>& loader, const TokenSet& set, index_t epoch, index_t first = 0) {
  std::vector<index_t> out;
  for (const auto [x, y, lengths] : loader.epoch(epoch, first))
    for (index_t b = 0; b < y.size(0); ++b) {
      const index_t item = y(b, 0);
      out.push_back(item);
      REQUIRE(lengths(b) == set.length(item));
      for (index_t l = 0; l < x.size(2); ++l) REQUIRE(x(b, 0, l) == (l < lengths(b) ? item + 1 : 0));
    }
  return out;
}

}  // namespace

TEST_CASE("buckets: every item comes once an epoch, padded to the longest of its batch") {
  const TokenSet set = uneven(37);
  SequenceLoader loader(set, {.batch = 5, .bounds = equal_buckets(set.lengths(), 4)}, Generator(1));
  const auto zero = items(loader, set, 0), one = items(loader, set, 1);
  CHECK(std::set<index_t>(zero.begin(), zero.end()).size() == 37);
  CHECK(zero.size() == 37);
  CHECK(zero != one);
}

TEST_CASE("buckets: a batch holds lengths of one bucket") {
  const TokenSet set = uneven(200);
  SequenceLoader loader(set, {.batch = 8, .bounds = {5, 10, 20}}, Generator(3));
  std::vector<index_t> widths;
  for (const auto [x, y, lengths] : loader.epoch(0)) {
    const auto bucket = [](index_t length) { return length <= 5 ? 0 : length <= 10 ? 1 : 2; };
    index_t longest = 0;
    for (index_t b = 0; b < lengths.size(0); ++b) {
      CHECK(bucket(lengths(b)) == bucket(lengths(0)));
      longest = std::max(longest, lengths(b));
    }
    CHECK(x.size(2) == longest);
    widths.push_back(bucket(longest));
  }
  CHECK(!std::is_sorted(widths.begin(), widths.end()));  // short ones do not come first
}

TEST_CASE("buckets: padded to the bound there are as many shapes as buckets") {
  const TokenSet set = uneven(64);
  SequenceLoader loader(set, {.batch = 4, .bounds = {8, 32}, .pad_to_bound = true}, Generator(3));
  std::set<index_t> widths;
  for (const auto [x, y, lengths] : loader.epoch(0)) widths.insert(x.size(2));
  CHECK(widths == std::set<index_t>{8, 32});
}

// [snippet: buckets_resume]
TEST_CASE("buckets: an epoch may be entered in its middle, by a loader that saw nothing before") {
  const TokenSet set = uneven(50);
  const SequenceLoaderOptions options{.batch = 4, .bounds = equal_buckets(set.lengths(), 3)};
  SequenceLoader first(set, options, Generator(1, 4)), resumed(set, options, Generator(1, 4));
  for (index_t epoch = 0; epoch < 3; ++epoch) items(first, set, epoch);
  std::vector<index_t> whole = items(first, set, 2);
  for (index_t i = 0; i < 7; ++i) whole.erase(whole.begin(), whole.begin() + first.places(i).size(0));
  CHECK(items(resumed, set, 2, 7) == whole);
}
// [/snippet]

TEST_CASE("buckets: one bucket gives the order of Loader") {
  const index_t n = 31;
  const TokenSet set = uneven(n);
  Dataset<float> data{"same", Tensor<float, 3>(n, 1, 1), Tensor<index_t, 1>(n), n};
  Loader<float> plain(data, {.batch = 4}, Generator(9, 2));
  SequenceLoader loader(set, {.batch = 4}, Generator(9, 2));
  plain.start_epoch(5);
  loader.start_epoch(5);
  CHECK(loader.batches() == plain.batches());
  for (index_t i = 0; i < loader.batches(); ++i)
    for (index_t b = 0; b < loader.places(i).size(0); ++b) CHECK(loader.places(i)(b) == plain.places(i)(b));
}

TEST_CASE("buckets: rows i and B + i of a batch of pairs belong together, all of one length") {
  TokenSet set = uneven(20);
  set.parts = 2;
  set.y.resize(10);
  SequenceLoader loader(set, {.batch = 4}, Generator(1));
  for (const auto [x, y, lengths] : loader.epoch(0)) {
    const index_t B = y.size(0);
    CHECK(x.size(0) == 2 * B);
    for (index_t b = 0; b < B; ++b) {
      CHECK(x(b, 0, 0) == 2 * y(b, 0) + 1);
      CHECK(x(B + b, 0, 0) == 2 * y(b, 0) + 2);
      CHECK(lengths(B + b) == set.sequence_length(2 * y(b, 0) + 1));
    }
  }
}

TEST_CASE("buckets: numbers of several channels with a target per step") {
  SequenceSet<float, float> set{.name = "numbers", .channels = 2, .targets = 3};
  set.values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};  // lengths 2 and 3
  set.offsets = {0, 2, 5};
  set.y = {1, 2, 3, 4, 5, 6};
  SequenceLoader loader(set, {.batch = 2, .shuffle = false, .pad = -1}, Generator(1));
  const auto [x, y, lengths] = loader.batch(0);
  CHECK(x.sizes() == Extents<3>{2, 2, 3});
  CHECK(x(0, 1, 1) == 4);
  CHECK(x(0, 1, 2) == -1);
  CHECK(x(1, 1, 2) == 10);
  CHECK(y(1, 2) == 6);
  CHECK(lengths(0) == 2);
}

TEST_CASE("buckets: drop_last leaves out the small batch of every bucket; buffers stay") {
  const TokenSet set = uneven(40);  // every length twice
  SequenceLoader loader(set, {.batch = 3, .drop_last = true, .bounds = {10, 20}}, Generator(1));
  CHECK(loader.batches() == 12);
  const auto* data = loader.batch(0).x.data();
  loader.start_epoch(4);
  CHECK(loader.batch(11).x.data() == data);
  CHECK(loader.batch(11).tokens().sizes() == Extents<2>{3, loader.batch_sizes(11)[2]});
}

TEST_CASE("buckets: bounds of equal shares") {
  CHECK(equal_buckets({1, 2, 3, 4, 5, 6}, 3) == std::vector<index_t>{2, 4, 6});
  CHECK(equal_buckets({5, 5, 5, 9}, 4) == std::vector<index_t>{5, 9});
  CHECK(equal_buckets({7}, 3) == std::vector<index_t>{7});
  CHECK(equal_buckets({}, 3).empty());
}

TEST_CASE("buckets: what cannot be batched is refused") {
  const TokenSet set = uneven(8);
  const auto refuses = [&](SequenceLoaderOptions options, const std::string& part) {
    const std::string text = error_text<ValueError>([&] { SequenceLoader(set, options, Generator(1)); });
    INFO(text);
    CHECK(contains(text, part));
  };
  refuses({.batch = 0}, "a batch of 0 items; take 1 or more");
  refuses({.bounds = {5, 5}}, "must ascend from 1 on; number 1 is 5");
  refuses({.bounds = {4}}, "uneven has a sequence of 16, the last bucket ends at 4");
  refuses({.batch = 9, .drop_last = true}, "drop_last is on; take a smaller batch");
  SequenceLoader loader(set, {.batch = 4}, Generator(1));
  CHECK(contains(error_text([&] { loader.batch(2); }), "there is no batch 2 of 2"));
  CHECK(contains(error_text([&] { loader.start_epoch(-1); }), "there is no epoch -1"));
  CHECK(contains(error_text([&] { loader.epoch(0, 3); }), "cannot start at batch 3"));
  Tensor<index_t, 3> x(1, 1, 1);
  Tensor<index_t, 2> y(1, 1);
  Tensor<index_t, 1> lengths(1);
  CHECK(contains(error_text<ShapeError>([&] { loader.fill(0, x.view(), y.view(), lengths.view()); }),
                 "fill needs dense memory of batch 0"));
  CHECK(contains(error_text([&] { equal_buckets({1}, 0); }), "0 buckets; take 1 or more"));
}
