#include "longwave/data/traces.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Ids = Tensor<std::int32_t, 2>;

Traces parse(const std::string& text) { return read_traces(as_bytes(text), "t.txt"); }

Ids table(index_t rows, index_t columns, const std::vector<std::int32_t>& values) {
  Ids ids(rows, columns);
  std::copy(values.begin(), values.end(), ids.data());
  return ids;
}

bool equal(const Ids& a, const Ids& b) { return a.sizes() == b.sizes() && same_bits(a, b); }

std::string data_folder() {
  const char* root = std::getenv("LONGWAVE_DATA");
  const std::string folder = root == nullptr ? "" : std::string(root) + "/kernel_traces";
  if (root == nullptr || !file_exists(folder)) {
    WARN("LONGWAVE_DATA names no folder with kernel_traces in it: skipped");
    return "";
  }
  return folder;
}

}  // namespace

TEST_CASE("traces: text of any lengths, with or without a last newline") {
  for (const char* text : {"1,2,3\n4,5\n6", "1, 2 ,3\r\n4,5\r\n6\r\n"}) {
    const Traces t = parse(text);
    REQUIRE(t.size() == 3);
    CHECK(std::vector<std::int32_t>(t[0].begin(), t[0].end()) == std::vector<std::int32_t>{1, 2, 3});
    CHECK(t[1][1] == 5);
    CHECK(t[2].size() == 1);
    CHECK(t.sequences().size() == 3);
    CHECK(t.unparsable + t.blank == 0);
    CHECK_FALSE(t.stream);
  }
}

TEST_CASE("traces: blank and unparsable lines are left out and counted") {
  const Traces t = parse("1,2\n\n  \n3,x,5\n4,5\n,\n99999999999\n7,\n");
  CHECK(t.size() == 2);
  CHECK(t.ids == std::vector<std::int32_t>{1, 2, 4, 5});
  CHECK(t.blank == 2);
  CHECK(t.unparsable == 4);
  CHECK(t.first_unparsable == 4);
  CHECK(t.first_reason == "column 2: 'x' is not an event id");
}

TEST_CASE("traces: sequences of one length, and what is wrong where none is left") {
  const Ids ids = equal_lengths(parse("1,2,3,4\n5,6\n7,8,9\n"), 3);
  CHECK(equal(ids, table(2, 3, {1, 2, 3, 7, 8, 9})));
  CHECK(error_text<IoError>([] { equal_lengths(parse("1,2\n3\noops\n"), 3); }) ==
        "t.txt: holds no sequence of 3 events: 2 sequences, the longest of 2; 1 lines are no sequences, the first is "
        "line 3, column 1: 'oops' is not an event id");
  CHECK(contains(error_text<IoError>([] { equal_lengths(parse(""), 3); }), "0 sequences, the longest of 0"));
  CHECK(contains(error_text<ValueError>([] { equal_lengths(parse("1"), 0); }), "sequences of length 0"));
  CHECK(contains(error_text<IoError>([] { read_traces("/nowhere/t.txt"); }), "/nowhere/t.txt: cannot open it"));
}

TEST_CASE("traces: npy as (N, L), (N, L, 1) or one stream, of any integers") {
  const TemporaryFolder folder;
  const Ids ids = table(2, 3, {1, 2, 3, 4, 5, 6});
  write_npy(folder / "a.npy", ids);
  write_npy(folder / "b.npy", ids.view().reshape(Extents<3>{2, 3, 1}));
  Tensor<std::uint8_t, 1> stream(12);
  for (index_t i = 0; i < 12; ++i) stream(i) = static_cast<std::uint8_t>(i + 1);
  write_npy(folder / "s.npy", stream);
  CHECK(equal(equal_lengths(read_traces(folder / "a.npy"), 3), ids));
  CHECK(equal(equal_lengths(read_traces(folder / "b.npy"), 2), table(2, 2, {1, 2, 4, 5})));
  const Traces recording = read_traces(folder / "s.npy");
  CHECK(recording.stream);
  CHECK(equal(equal_lengths(recording, 2), table(3, 2, {1, 2, 6, 7, 11, 12})));
  CHECK(equal(equal_lengths(recording, 10, 1), stream_windows(recording.ids, 10, 1)));
  CHECK(contains(error_text<IoError>([&] { equal_lengths(recording, 13); }), "the longest of 12"));

  write_npy(folder / "wide.npy", ids.view().reshape(Extents<3>{1, 2, 3}));
  CHECK(
      contains(error_text<IoError>([&] { read_traces(folder / "wide.npy"); }), "holds the shape (1, 2, 3), expected"));
  write_npy(folder / "real.npy", Tensor<float, 1>(3));
  CHECK(contains(error_text<IoError>([&] { read_traces(folder / "real.npy"); }), "cannot be read"));
  write_npy(folder / "none.npy", Tensor<std::int32_t, 2>(0, 5));
  CHECK(read_traces(folder / "none.npy").size() == 0);
}

TEST_CASE("traces: what is written reads back") {
  const TemporaryFolder folder;
  const Ids ids = table(2, 3, {1, 20, 3, -4, 5, 6});
  write_traces(folder / "t.txt", ids);
  CHECK(read_text(folder / "t.txt") == "1,20,3\n-4,5,6");
  CHECK(equal(equal_lengths(read_traces(folder / "t.txt"), 3), ids));
}

TEST_CASE("traces: windows of a stream") {
  const std::int32_t stream[] = {1, 2, 3, 4, 5, 6, 7};
  CHECK(equal(stream_windows(stream, 3, 2), table(3, 3, {1, 2, 3, 3, 4, 5, 5, 6, 7})));
  CHECK(stream_windows(stream, 7, 5).size(0) == 1);
  CHECK(contains(error_text<ValueError>([&] { stream_windows(stream, 8, 1); }),
                 "a stream of 7 events holds no window of length 8"));
  CHECK(contains(error_text<ValueError>([&] { stream_windows(stream, 1, 0); }), "stride 0"));
}

TEST_CASE("traces: the vocabulary knows what training has, and the nearest of it") {
  const EventVocabulary known(table(2, 3, {5, 1, 9, 1, 5, 2}).view());
  CHECK(known.ids() == std::vector<std::int32_t>{1, 2, 5, 9});
  CHECK(known.find(5) == 2);
  CHECK(known.find(3) == -1);
  CHECK(known.nearest(3) == 2);
  CHECK(known.nearest(7) == 5);  // of two the smaller
  CHECK(known.nearest(8) == 9);
  CHECK(known.nearest(-100) == 1);
  CHECK(known.nearest(100) == 9);
  const Ids test = table(2, 2, {1, 5, 4, 7});
  CHECK(known.count_unknown(test) == 2);
  CHECK(known.places(table(1, 2, {9, 1}), "x")(0, 0) == 3);
  CHECK(error_text<ValueError>([&] { known.places(test, "test.npy"); }) ==
        "test.npy: sequence 2, event 1: the id 4 does not occur in training (4 ids from 1 to 9); 2 events are unknown");
  CHECK(error_text<ValueError>([] { EventVocabulary none(Ids{}.view()); }) == "EventVocabulary: no ids");
}

TEST_CASE("traces: to [0, 1] by the training range and back to known ids") {
  const Ids train = table(1, 4, {2, 3, 5, 10});
  const EventVocabulary known(train.view());
  const IdScale scale(train.view());
  const auto x = scale.to_unit<float>(train.view());
  CHECK(x.sizes() == Extents<3>{1, 1, 4});
  CHECK(x(0, 0, 0) == 0);
  CHECK(x(0, 0, 3) == 1);
  CHECK(equal(scale.to_ids(x.view(), known), train));
  auto samples = x.clone();
  samples(0, 0, 0) = -3;       // below the range
  samples(0, 0, 1) = 0.3125f;  // 4.5, rounded to the even 4: 3 and 5 are as near, the smaller
  samples(0, 0, 2) = 0.6875f;  // 7.5 rounds to 8: nearer to 10
  samples(0, 0, 3) = 1e30f;
  CHECK(equal(scale.to_ids(samples.view(), known), table(1, 4, {2, 3, 10, 10})));
  CHECK(scale.to_values(samples.view())(0, 1) == 4.5);
  samples(0, 0, 2) = NAN;
  CHECK(error_text<ValueError>([&] { scale.to_ids(samples.view(), known); }) ==
        "IdScale: the value at (0, 0, 2) is nan");
  CHECK(IdScale(table(1, 1, {7}).view()).to_unit<double>(table(1, 1, {7}).view())(0, 0, 0) == 0);
  CHECK(contains(error_text<ValueError>([] { IdScale(3, 2); }), "3 is above 2"));
  CHECK(contains(error_text<ShapeError>([&] { scale.to_values(Tensor<float, 3>(1, 2, 3).view()); }), "one channel"));
}

TEST_CASE("traces: all forms of a real workload agree, where LONGWAVE_DATA names its folder") {
  const std::string folder = data_folder();
  if (folder.empty()) return;
  const std::string gzip = folder + "/compress-gzip/";
  const Traces text = read_traces(gzip + "testing_200.txt");
  CHECK(text.unparsable + text.blank == 0);
  const Ids test = equal_lengths(text, 200);
  CHECK(test.size(0) == 500);
  CHECK(equal(test, equal_lengths(read_traces(gzip + "test_200_original_int32.npy"), 200)));
  CHECK(equal(test, equal_lengths(read_traces(gzip + "test_stream.npy"), 200)));
  CHECK(EventVocabulary(test.view()).size() == 32);
  const Ids train = equal_lengths(read_traces(gzip + "train_stream.npy"), 200);
  CHECK(train.sizes() == Extents<2>{10000, 200});
  const EventVocabulary known(train.view());
  CHECK(known.size() == 62);
  CHECK(known.ids().front() == 1);
  CHECK(known.ids().back() == 62);
  CHECK(known.count_unknown(test) == 0);
}
