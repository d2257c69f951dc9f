// rows.hpp - walking strided views: one call per row of the last axis, axes that follow one another merged first,
// so that dense views become one long row.
#pragma once

#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

// The part of a set of K equally shaped views that one call handles: `length` elements from data offsets
// `offset[k]`, with steps `step[k]`.
template <int K>
struct Row {
  index_t length;
  index_t offset[K];
  index_t step[K];
};

namespace detail {

template <int N, int K>
struct RowPlan {
  index_t sizes[N > 0 ? N : 1] = {};
  index_t strides[K][N > 0 ? N : 1] = {};
  int rank = 0;

  RowPlan(const Extents<N>& extents, const Extents<N> (&steps)[K]) {
    for (int axis = 0; axis < N; ++axis) {
      if (extents[axis] == 1) continue;
      bool merges = rank > 0;
      for (int k = 0; k < K && merges; ++k) merges = strides[k][rank - 1] == steps[k][axis] * extents[axis];
      if (!merges) sizes[rank++] = 1;
      sizes[rank - 1] *= extents[axis];
      for (int k = 0; k < K; ++k) strides[k][rank - 1] = steps[k][axis];
    }
  }

  index_t length() const { return rank > 0 ? sizes[rank - 1] : 1; }
  index_t rows() const {
    index_t n = 1;
    for (int axis = 0; axis + 1 < rank; ++axis) n *= sizes[axis];
    return n;
  }
  Row<K> row(index_t number) const {
    Row<K> r{length(), {}, {}};
    for (int k = 0; k < K; ++k) r.step[k] = rank > 0 ? strides[k][rank - 1] : 1;
    for (int axis = rank - 2; axis >= 0; --axis) {
      const index_t at = number % sizes[axis];
      number /= sizes[axis];
      for (int k = 0; k < K; ++k) r.offset[k] += at * strides[k][axis];
    }
    return r;
  }
};

}  // namespace detail

// f(row) for every row; rows are visited in parallel and a long row is cut into pieces of `grain` elements.
template <int N, int K, class F>
void parallel_rows(const Extents<N>& extents, const Extents<N> (&strides)[K], F&& f, index_t grain = 1 << 14) {
  if (extents.count() == 0) return;
  const detail::RowPlan<N, K> plan(extents, strides);
  const index_t length = plan.length(), rows = plan.rows();
  if (rows == 1) {
    const Row<K> whole = plan.row(0);
    parallel_blocks(length, grain, [&](index_t begin, index_t end) {
      Row<K> piece = whole;
      piece.length = end - begin;
      for (int k = 0; k < K; ++k) piece.offset[k] += begin * piece.step[k];
      f(piece);
    });
  } else {
    parallel_blocks(rows, std::max<index_t>(1, grain / std::max<index_t>(length, 1)), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) f(plan.row(i));
    });
  }
}

}  // namespace longwave
