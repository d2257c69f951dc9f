#include "longwave/data/sequence_set.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Lengths 1, 2, .. n; position l of sequence s is s + l; class s % 3.
TokenSet stairs(index_t n) {
  TokenSet set{.name = "stairs", .classes = 3, .vocabulary = 100};
  for (index_t s = 0; s < n; ++s) {
    for (index_t l = 0; l <= s; ++l) set.values.push_back(static_cast<Token>(s + l));
    set.end_sequence();
    set.y.push_back(s % 3);
  }
  return set;
}

}  // namespace

TEST_CASE("sequence_set: sequences keep their lengths, items their targets") {
  const TokenSet set = stairs(4);
  check_sequences(set);
  CHECK(set.size() == 4);
  CHECK(set.lengths() == std::vector<index_t>{1, 2, 3, 4});
  CHECK(set.longest() == 4);
  CHECK(set.sequence(2)(0, 1) == 3);
  CHECK(set.target(3)(0) == 0);
}

TEST_CASE("sequence_set: a pair is as long as its longer half") {
  TokenSet set = stairs(4);
  set.parts = 2;
  set.y = {1, 2};
  check_sequences(set);
  CHECK(set.size() == 2);
  CHECK(set.lengths() == std::vector<index_t>{2, 4});
  const TokenSet second = subset(set, {1}, "second");
  CHECK(second.sequences() == 2);
  CHECK(second.sequence(0)(0, 0) == 2);
  CHECK(second.y == std::vector<index_t>{2});
}

TEST_CASE("sequence_set: the split is the data set's") {
  const TokenSet set = stairs(10);
  Generator one(42), two(42);
  const auto parts = split(set, 0.2, one);
  const SplitPlaces places = split_places("stairs", 10, 0.2, two);
  CHECK(parts.validation.size() == 2);
  CHECK(parts.train.size() == 8);
  CHECK(parts.validation.length(1) == places.validation[1] + 1);
  CHECK(parts.train.name == "stairs (training part)");
}

TEST_CASE("sequence_set: as a data set, shorter sequences end in zeros, longer ones are cut") {
  SequenceSet<float> set{.name = "s", .channels = 2, .classes = 2};
  set.values = {1, 2, 3, 4, 5, 6, 7, 8};  // lengths 1 and 3
  set.offsets = {0, 1, 4};
  set.y = {0, 1};
  check_sequences(set);
  const Dataset<float> data = padded(set, 2);
  check_dataset(data);
  CHECK(data.x.sizes() == Extents<3>{2, 2, 2});
  CHECK(data.x(0, 0, 0) == 1);
  CHECK(data.x(0, 0, 1) == 0);
  CHECK(data.x(0, 1, 0) == 2);
  CHECK(data.x(1, 0, 1) == 4);
  CHECK(data.x(1, 1, 1) == 7);
}

TEST_CASE("sequence_set: windows of a stream, for the next token") {
  const TokenSet set = token_windows("stream", {5, 6, 7, 8, 9, 10}, 11, 3, 2);
  CHECK(set.size() == 2);
  CHECK(set.sequence(1)(0, 2) == 9);
  CHECK(set.target(1).size(0) == 0);
  CHECK(token_windows("stream", {1, 2}, 3, 2, 100).size() == 1);
  CHECK(contains(error_text([] { token_windows("stream", {1, 2}, 3, 3, 1); }), "windows of 3 every 1 of 2 tokens"));
  CHECK(contains(error_text([] { token_windows("stream", {1, 3}, 3, 1, 1); }), "sequence 1: token 0 is 3"));
}

TEST_CASE("sequence_set: what does not fit is refused with its place") {
  const auto refuses = [](const TokenSet& set, const std::string& part) {
    const std::string text = error_text([&] { check_sequences(set); });
    INFO(text);
    CHECK(contains(text, part));
  };
  refuses({.name = "none"}, "none: the data set is empty");
  TokenSet set = stairs(3);
  set.vocabulary = 4;
  refuses(set, "stairs: sequence 2: token 2 is 4, the vocabulary has 4 entries");
  set = stairs(3);
  set.y[1] = 3;
  refuses(set, "stairs: the target at (1, 0) is 3, expected 0 to 2");
  set.y.pop_back();
  refuses(set, "3 items of 1 targets but 2 targets");
  set = stairs(3);
  set.values.pop_back();
  refuses(set, "6 positions of 1 channels but 5 values");
  set = stairs(3);
  set.parts = 2;
  refuses(set, "3 sequences of 1 channels do not make items of 2");
  set = stairs(3);
  set.offsets = {0, 1, 1, 6};
  refuses(set, "stairs: sequence 1 is empty");
  CHECK(contains(error_text([&] { subset(stairs(2), {2}, "x"); }), "there is no item 2 of 2"));
  SequenceSet<float, float> numbers{.name = "numbers", .values = {1, NAN}, .offsets = {0, 1, 2}, .y = {1, 2}};
  CHECK(contains(error_text([&] { check_sequences(numbers); }), "numbers: sequence 1: the value at (0, 0) is nan"));
  numbers.values[1] = 0;
  numbers.y[1] = INFINITY;
  CHECK(error_text([&] { check_sequences(numbers); }) == "numbers: the target at (1, 0) is inf");
}
