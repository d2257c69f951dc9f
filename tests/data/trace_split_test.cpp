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

// Random events of a small alphabet, then what came before again and again with another phase, then some new ones.
std::vector<std::int32_t> looping_stream(index_t period, index_t loops, index_t news) {
  Tensor<float, 1> draws(period + news);
  Generator(3).uniform(draws.view(), 1, 5);
  std::vector<std::int32_t> stream;
  for (index_t i = 0; i < period * loops; ++i) stream.push_back(static_cast<std::int32_t>(draws(i % period)));
  for (index_t i = 0; i < news; ++i) stream.push_back(static_cast<std::int32_t>(draws(period + i)));
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

TEST_CASE("trace_split: no test window stands anywhere in the training part") {
  const index_t L = 12, stride = 5;
  for (const index_t period : {97, 100}) {  // loops come round with another phase, and with the same one
    const auto stream = looping_stream(period, 4, 80);
    const TraceSplit split = split_stream(stream, L, stride, 0.7);
    const auto everywhere = stream_windows(std::span(stream).first(static_cast<std::size_t>(split.cut)), L, 1);
    REQUIRE(split.test.size(0) > 3);
    REQUIRE(split.train.size(0) > 3);
    index_t found = 0, twice = 0;
    for (index_t i = 0; i < split.test.size(0); ++i) {
      for (index_t j = 0; j < everywhere.size(0); ++j) found += same_row(split.test, i, everywhere, j) ? 1 : 0;
      for (index_t j = 0; j < i; ++j) twice += same_row(split.test, i, split.test, j) ? 1 : 0;
    }
    CHECK(found == 0);
    CHECK(twice == 0);
    const auto cut = stream_windows(std::span(stream).first(static_cast<std::size_t>(split.cut)), L, stride);
    CHECK(split.train.size(0) == static_cast<index_t>(distinct_rows(cut).size()));
  }
}

TEST_CASE("trace_split: what cannot be split says so") {
  const auto stream = looping_stream(50, 3, 0);
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 10, 5, 0.999); }), "lower the training share"));
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 10, 5, 1.0); }), "expected (0, 1)"));
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 151, 5); }), "holds no window of length 151"));
  CHECK(contains(error_text<ValueError>([&] { split_stream(stream, 0, 5); }), "length 0"));
}
