// trace_split.hpp - windows of event sequences kept apart: which are equal, which are new, an honest split of a
// recording.
//
//   const TraceSplit split = split_stream(recording.ids, 200, 5);      // train (N, L), test (M, L)
//   const auto fresh = take_rows(test.view(), unseen_rows(test, train));
//
// Recordings of loops repeat themselves: most windows of a test recording stand in the training recording word by word,
// so that a score on them measures memory.
#pragma once

#include <algorithm>
#include <cmath>
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
  index_t cut = 0;                // the training part is stream[0, cut)
};

// An honest split of one recording. Training windows come from its start, as far as it takes for train_share of all
// different windows to have occurred; test windows lie behind that and do not stand in the training part, not even
// between two training windows: where a loop comes round with another phase, the windows cut from it differ from those
// before although their events do not.
inline TraceSplit split_stream(std::span<const std::int32_t> stream, index_t L, index_t stride,
                               double train_share = 0.8) {
  if (!(train_share > 0 && train_share < 1))
    throw_value_error("split_stream: a training share of " + std::to_string(train_share) + ", expected (0, 1)");
  static_cast<void>(stream_windows(stream.first(std::min(stream.size(), static_cast<std::size_t>(L))), L, stride));
  const std::vector<index_t> first = detail::first_occurrences(stream, L);
  const auto offsets = static_cast<index_t>(first.size());
  index_t distinct = 0;
  for (index_t i = 0; i < offsets; ++i) distinct += first[static_cast<std::size_t>(i)] == i ? 1 : 0;
  const auto wanted = static_cast<index_t>(std::ceil(train_share * static_cast<double>(distinct)));
  index_t last = -1;  // the offset where the last of the wanted windows occurs first
  for (index_t seen = 0; seen < wanted; ++last) seen += first[static_cast<std::size_t>(last + 1)] == last + 1 ? 1 : 0;

  TraceSplit split;
  split.cut = last + L;
  const auto train = stream_windows(stream.first(static_cast<std::size_t>(split.cut)), L, stride);
  split.train = take_rows(train, distinct_rows(train));
  std::vector<index_t> fresh;
  for (index_t i = (split.cut + stride - 1) / stride * stride; i < offsets; i += stride)
    if (first[static_cast<std::size_t>(i)] > last) fresh.push_back(i);
  auto test = Tensor<std::int32_t, 2>::uninitialized({static_cast<index_t>(fresh.size()), L});
  for (std::size_t i = 0; i < fresh.size(); ++i)
    std::copy_n(stream.data() + fresh[i], L, test.data() + static_cast<index_t>(i) * L);
  split.test = take_rows(test, distinct_rows(test));
  if (split.test.size(0) == 0)
    throw_value_error("split_stream: every window behind event " + std::to_string(split.cut) +
                      " stands before it too; lower the training share or take another recording");
  return split;
}

}  // namespace longwave
