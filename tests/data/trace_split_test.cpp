#include "longwave/data/trace_split.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Ids = Tensor<std::int32_t, 2>;

Ids table(index_t rows, index_t columns, const std::vector<std::int32_t>& values) {
  Ids ids(rows, columns);
  std::copy(values.begin(), values.end(), ids.data());
  return ids;
}

bool same_row(const Ids& a, index_t i, const Ids& b, index_t j) {
  return std::equal(a.data() + i * a.size(1), a.data() + (i + 1) * a.size(1), b.data() + j * b.size(1));
}

// Random events of a small alphabet, round and round.
std::vector<std::int32_t> looping_stream(index_t period, index_t events) {
  Tensor<float, 1> draws(period);
  Generator(3).uniform(draws.view(), 1, 5);
  std::vector<std::int32_t> stream;
  for (index_t i = 0; i < events; ++i) stream.push_back(static_cast<std::int32_t>(draws(i % period)));
  return stream;
}

}  // namespace

TEST_CASE("trace_split: distinct rows are the first of their kind, in order") {
  const Ids ids = table(6, 2, {3, 1, 1, 2, 3, 1, 0, 0, 1, 2, 3, 2});
  CHECK(distinct_rows(ids) == std::vector<index_t>{0, 1, 3, 5});
  CHECK(distinct_rows(Ids{}).empty());
  CHECK(unseen_rows(ids, table(2, 2, {1, 2, 9, 9})) == std::vector<index_t>{0, 3, 5});
  CHECK(unseen_rows(ids, ids).empty());
  CHECK(unseen_rows(ids, Ids(0, 2)) == distinct_rows(ids));
  const Ids taken = take_rows(ids, {5, 1});
  CHECK(same_row(taken, 0, ids, 5));
  CHECK(same_row(taken, 1, ids, 1));
  CHECK(contains(error_text<ShapeError>([&] { unseen_rows(ids, Ids(1, 3)); }),
                 "test is (N=6, L=2), train is (M=1, L=3)"));
}

TEST_CASE("trace_split: no test window stands anywhere in the training part, at no phase") {
  const index_t L = 12, stride = 5, n = 1200;
  for (const index_t period : {1200, 1100, 997, 960}) {
    const auto stream = looping_stream(period, n);
    const TraceSplit split = split_stream(stream, L, stride, {.block = 60, .every = 4, .place = 1});
    REQUIRE(split.test.size(0) > 3);
    REQUIRE(split.train.size(0) > 3);
    index_t found = 0, twice = 0, lost = split.train.size(0);
    for (index_t begin = 0; begin + L <= n; ++begin) {  // every window of the training part
      bool trains = true;
      for (index_t i = begin; i < begin + L; ++i) trains = trains && i / 60 % 4 != 1;
      if (!trains) continue;
      Ids window(1, L);
      std::copy_n(stream.data() + begin, L, window.data());
      for (index_t j = 0; j < split.test.size(0); ++j) found += same_row(split.test, j, window, 0) ? 1 : 0;
    }
    for (const Ids* part : {&split.train, &split.test})
      twice += part->size(0) - static_cast<index_t>(distinct_rows(*part).size());
    const Ids all = stream_windows(stream, L, stride);
    lost -= split.train.size(0) - static_cast<index_t>(unseen_rows(split.train, all).size());
    CHECK(found == 0);
    CHECK(twice == 0);
    CHECK(lost == 0);
  }
  // Nothing repeats: windows at multiples of the stride, 10 in each of the 5 blocks for the test.
  CHECK(split_stream(looping_stream(1200, 1200), L, stride, {.block = 60, .every = 4}).test.size(0) == 50);
}

TEST_CASE("trace_split: what cannot be split says so") {
  const auto stream = looping_stream(50, 1000);
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 10, 5); }), "take longer windows"));
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 101, 5); }),
                 "a recording of 1000 events is shorter than 5 blocks of 202"));
  CHECK(error_text<ValueError>([&] { split_stream(stream, 10, 5, {.block = 9}); }) ==
        "split_stream: length 10, stride 5, block 4 of every 5 of 9 events: expected at least 1, 1, one of every 2 and "
        "blocks as long as a window");
  for (const TraceSplitOptions wrong : {TraceSplitOptions{.every = 1, .place = 0}, {.place = 5}, {.place = -2}})
    CHECK_FALSE(error_text<ValueError>([&] { split_stream(stream, 10, 5, wrong); }).empty());
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 0, 5); }), "length 0"));
}

TEST_CASE("trace_split: a real workload, where LONGWAVE_DATA names its folder") {
  const char* root = std::getenv("LONGWAVE_DATA");
  if (root == nullptr || !file_exists(std::string(root) + "/kernel_traces")) {
    WARN("LONGWAVE_DATA names no folder with kernel_traces in it: skipped");
    return;
  }
  const std::string gzip = std::string(root) + "/kernel_traces/compress-gzip/";
  const Traces recording = read_traces(gzip + "train_stream.npy");
  const Ids train = equal_lengths(recording, 200), test = equal_lengths(read_traces(gzip + "test_stream.npy"), 200);
  CHECK(distinct_rows(train).size() == 2970);
  CHECK(distinct_rows(test).size() == 169);
  CHECK(unseen_rows(test, train).empty());  // the published test repeats the training recording
  const TraceSplit split = split_stream(recording.ids, 200, 5);
  CHECK(split.test.size(0) == 215);
  CHECK(unseen_rows(split.test, split.train).size() == 215);
}
