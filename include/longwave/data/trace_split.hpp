// trace_split.hpp - windows of event sequences kept apart: which are equal, which are new, an honest split of a
// recording.
//
//   const TraceSplit split = split_stream(recording.ids, 200, 5);     // train (N, L), test (M, L)
//   const auto fresh = take_rows(test.view(), unseen_rows(test, train));
//
// Recordings of loops repeat themselves: most windows of a test recording stand in the training recording word by word,
// so that a score on them measures memory.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "longwave/data/traces.hpp"

namespace longwave {

namespace detail {

// Row numbers of ids (N, L) so that equal rows are neighbours, each kind in its first order.
inline std::vector<index_t> sorted_rows(TensorView<const std::int32_t, 2> ids) {
  std::vector<index_t> order(static_cast<std::size_t>(ids.size(0)));
  std::iota(order.begin(), order.end(), index_t(0));
  const TensorView<const std::int32_t, 1> flat = ids.flat();
  const index_t L = ids.size(1);
  std::stable_sort(order.begin(), order.end(), [&](index_t a, index_t b) {
    const std::int32_t *x = flat.data() + a * L, *y = flat.data() + b * L;
    return std::lexicographical_compare(x, x + L, y, y + L);
  });
  return order;
}

}  // namespace detail

inline Tensor<std::int32_t, 2> take_rows(TensorView<const std::int32_t, 2> ids, const std::vector<index_t>& rows) {
  auto out = Tensor<std::int32_t, 2>::uninitialized({static_cast<index_t>(rows.size()), ids.size(1)});
  for (index_t i = 0; i < out.size(0); ++i)
    for (index_t l = 0; l < ids.size(1); ++l) out(i, l) = ids(rows[static_cast<std::size_t>(i)], l);
  return out;
}

// The first of each kind of row, in order.
inline std::vector<index_t> distinct_rows(TensorView<const std::int32_t, 2> ids) {
  const std::vector<index_t> order = detail::sorted_rows(ids);
  const auto row = [&](index_t r) { return ids.flat().data() + r * ids.size(1); };
  std::vector<index_t> rows;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (i == 0 || !std::equal(row(order[i]), row(order[i]) + ids.size(1), row(order[i - 1]))) rows.push_back(order[i]);
  std::sort(rows.begin(), rows.end());
  return rows;
}

// The distinct rows of test (N, L) that are not a row of train (M, L), in order.
inline std::vector<index_t> unseen_rows(TensorView<const std::int32_t, 2> test,
                                        TensorView<const std::int32_t, 2> train) {
  const index_t L = test.size(1);
  if (train.size(1) != L)
    throw_shape_error("unseen_rows: test is " + to_string(test.sizes(), "NL") + ", train is " +
                      to_string(train.sizes(), "ML"));
  const std::vector<index_t> order = detail::sorted_rows(train);
  const std::int32_t* train_ids = train.flat().data();
  std::vector<index_t> rows;
  for (const index_t r : distinct_rows(test)) {
    const std::int32_t* ids = test.flat().data() + r * L;
    const auto at = std::lower_bound(order.begin(), order.end(), ids, [&](index_t t, const std::int32_t* wanted) {
      return std::lexicographical_compare(train_ids + t * L, train_ids + (t + 1) * L, wanted, wanted + L);
    });
    if (at == order.end() || !std::equal(ids, ids + L, train_ids + *at * L)) rows.push_back(r);
  }
  return rows;
}

namespace detail {

// For each window of length L, at every offset, the first offset at which the stream holds the same events.
inline std::vector<index_t> first_occurrences(std::span<const std::int32_t> stream, index_t L) {
  std::vector<index_t> order(stream.size() - static_cast<std::size_t>(L) + 1), first(order.size());
  std::iota(order.begin(), order.end(), index_t(0));
  const std::int32_t* ids = stream.data();
  std::sort(order.begin(), order.end(), [=](index_t a, index_t b) {
    const auto [x, y] = std::mismatch(ids + a, ids + a + L, ids + b);
    return x == ids + a + L ? a < b : *x < *y;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && std::equal(ids + order[i], ids + order[i] + L, ids + order[i - 1]);
    first[static_cast<std::size_t>(order[i])] = same ? first[static_cast<std::size_t>(order[i - 1])] : order[i];
  }
  return first;
}

}  // namespace detail

struct TraceSplit {
  Tensor<std::int32_t, 2> train;  // (N, L), all different
  Tensor<std::int32_t, 2> test;   // (M, L), all different, none of them anywhere in the training part
};

struct TraceSplitOptions {
  index_t block = 0;   // events; 0: 2 L
  index_t every = 5;   // of so many blocks one is for the test,
  index_t place = -1;  // this one; -1: the last
};

// An honest split of one recording. It is cut into blocks, of which every fifth is kept for the test, so that both
// parts see all phases of the recording. Training windows lie in the other blocks; test windows in those kept apart,
// and what they hold stands nowhere in the training part, not even between two training windows: where a loop comes
// round with another phase, the windows cut from it differ from those before although their events do not.
inline TraceSplit split_stream(std::span<const std::int32_t> stream, index_t L, index_t stride,
                               TraceSplitOptions options = {}) {
  const auto n = static_cast<index_t>(stream.size());
  const index_t block = options.block == 0 ? 2 * L : options.block;
  const index_t place = options.place == -1 ? options.every - 1 : options.place;
  if (L < 1 || stride < 1 || block < L || options.every < 2 || place < 0 || place >= options.every)
    throw_value_error("split_stream: length " + std::to_string(L) + ", stride " + std::to_string(stride) + ", block " +
                      std::to_string(place) + " of every " + std::to_string(options.every) + " of " +
                      std::to_string(block) +
                      " events: expected at least 1, 1, one of every 2 and blocks as long as a window");
  if (n < block * options.every)
    throw_value_error("split_stream: a recording of " + std::to_string(n) + " events is shorter than " +
                      std::to_string(options.every) + " blocks of " + std::to_string(block));
  const std::vector<index_t> first = detail::first_occurrences(stream, L);
  const auto offsets = static_cast<index_t>(first.size());
  const auto for_test = [&](index_t event) { return event / block % options.every == place; };

  // All windows within a run of training blocks; a window is shorter than a block, so its ends tell.
  std::vector<bool> in_training(first.size()), taken(first.size());
  const auto kind = [&](index_t offset) { return static_cast<std::size_t>(first[static_cast<std::size_t>(offset)]); };
  for (index_t i = 0; i < offsets; ++i)
    if (!for_test(i) && !for_test(i + L - 1)) in_training[kind(i)] = true;
  std::vector<index_t> train, test;
  for (index_t i = 0; i < offsets; i += stride) {
    const bool tests = for_test(i) && for_test(i + L - 1) && !in_training[kind(i)];
    const bool trains = !for_test(i) && !for_test(i + L - 1);
    if ((!tests && !trains) || taken[kind(i)]) continue;
    taken[kind(i)] = true;
    (tests ? test : train).push_back(i);
  }
  if (test.empty())
    throw_value_error(
        "split_stream: every window of the blocks for the test also stands in the training part; take "
        "longer windows or another recording");
  const TensorView<const std::int32_t, 2> windows(stream.data(), {offsets, L}, {1, 1});
  return {take_rows(windows, train), take_rows(windows, test)};
}

}  // namespace longwave
