// sum.hpp - sums over any set of axes: on the host here, on the device in cuda/sum.hpp, which takes named functors.
//
//   sum_to(out, 1.0, [](float dy, float a) { return dy * a; }, dy, a);      // (B, H, L) -> (1, H, 1)
//
// Sums are carried in double and in an order that depends on the sizes alone: at most 64 pieces of the summed
// positions, each by itself, then the pieces in turn. SIMD lanes lie over neighbours in memory: kept elements where
// the last axis is kept, 64 bytes of one row where it is summed.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/map.hpp"
#include "longwave/cuda/sum.hpp"

namespace longwave {

namespace detail {

// What is summed, as functors of both devices.
struct Itself {
  template <class T>
  LONGWAVE_HD T operator()(T x) const {
    return x;
  }
};
struct Times {
  template <class T>
  LONGWAVE_HD T operator()(T a, T b) const {
    return a * b;
  }
};

inline constexpr index_t sum_columns = 256;   // kept elements that one task carries
inline constexpr index_t sum_work = 1 << 15;  // elements that are worth a task of their own
inline constexpr index_t sum_pieces = 64;

// The summed positions `along` each of the kept elements `over` (its operand 0 is the output).
template <class F, class T, int N, int K>
struct SumTask {
  static constexpr int lanes = map_lanes<T>;

  F f;
  const T* data[K];
  RowPlan<N, K + 1> over;
  RowPlan<N, K> along;

  // Where element i of a plan's positions lies, per operand; `skip` leaves out the output.
  template <int P>
  static void offsets(index_t (&to)[K], const RowPlan<N, P>& plan, index_t i) {
    constexpr int skip = P - K;
    const Row<P> row = plan.row(i / plan.length());
    for (int k = 0; k < K; ++k) to[k] = row.offset[k + skip] + i % plan.length() * row.step[k + skip];
  }

  // sum[j] += f(..) for n neighbours at `at` + i step.
  template <std::size_t... X>
  void add_row(double* sum, bool fold, const index_t (&at)[K], const index_t (&step)[K], index_t n,
               std::index_sequence<X...>) const {
    T room[K][lanes] = {};
    for (index_t i = 0; i < n; i += lanes) {
      const index_t m = std::min<index_t>(lanes, n - i);
      const T* in[K] = {gather(room[X], data[X] + at[X], step[X], i, m, i == 0)...};
      double* to = fold ? sum : sum + i;
      double term[lanes];
      for (int j = 0; j < lanes; ++j) term[j] = static_cast<double>(f(in[X][j]...));
      if (m == lanes)
        for (int j = 0; j < lanes; ++j) to[j] += term[j];
      else
        for (index_t j = 0; j < m; ++j) to[j] += term[j];
    }
  }

  // One kept element; its summed rows are walked from position `begin` to `end`.
  double sum_rows(index_t kept, index_t begin, index_t end) const {
    index_t base[K], at[K], step[K];
    offsets(base, over, kept);
    double sum[lanes] = {};
    while (begin < end) {
      const index_t n = std::min(end - begin, along.length() - begin % along.length());
      offsets(at, along, begin);
      for (int k = 0; k < K; ++k) {
        at[k] += base[k];
        step[k] = along.rank > 0 ? along.strides[k][along.rank - 1] : 1;
      }
      add_row(sum, true, at, step, n, std::make_index_sequence<K>());
      begin += n;
    }
    double total = 0;
    for (const double lane : sum) total += lane;
    return total;
  }

  // n kept elements that follow `kept` in its row.
  void sum_columns_of(double* sum, index_t kept, index_t n, index_t begin, index_t end) const {
    index_t base[K], at[K], step[K];
    offsets(base, over, kept);
    for (int k = 0; k < K; ++k) step[k] = over.rank > 0 ? over.strides[k + 1][over.rank - 1] : 1;
    std::fill_n(sum, n, 0.0);
    for (index_t i = begin; i < end; ++i) {
      offsets(at, along, i);
      for (int k = 0; k < K; ++k) at[k] += base[k];
      add_row(sum, false, at, step, n, std::make_index_sequence<K>());
    }
  }
};

}  // namespace detail

// out = scale * sum of f(x_1, ..) over the axes where out has size 1 and the operands, all of one shape, have more.
template <class F, class T, int N, class... Views>
void sum_to(TensorView<T, N, Host> out, double scale, F f, TensorView<const T, N, Host> first, Views... others) {
  constexpr int K = 1 + static_cast<int>(sizeof...(Views));
  Extents<N> kept, summed;
  bool lanes_over_kept = true;
  for (int axis = 0; axis < N; ++axis) {
    const bool keep = out.size(axis) == first.size(axis);
    kept[axis] = keep ? first.size(axis) : 1;
    summed[axis] = keep ? 1 : first.size(axis);
    if (first.size(axis) != 1) lanes_over_kept = keep;
  }
  const index_t outputs = kept.count(), positions = summed.count();
  if (outputs == 0) return;
  const detail::SumTask<F, T, N, K> task{f,
                                         {first.data(), others.data()...},
                                         {kept, {out.strides(), first.strides(), others.strides()...}},
                                         {summed, {first.strides(), others.strides()...}}};

  // A task: up to `width` kept elements of one row, one piece of the positions.
  const index_t row = task.over.length();
  const index_t width = lanes_over_kept ? std::min(row, detail::sum_columns) : 1;
  const index_t per_row = (row + width - 1) / width;
  const index_t groups = task.over.rows() * per_row;
  const index_t wanted_pieces = groups >= detail::sum_pieces ? 1 : positions * width / detail::sum_work;
  const index_t pieces = std::clamp<index_t>(wanted_pieces, 1, detail::sum_pieces);
  const index_t piece = (positions + pieces - 1) / pieces;
  Scratch scratch;
  double* partial = scratch.take<double>(outputs * pieces);
  const index_t grain = detail::sum_work / std::max<index_t>(1, piece * width);
  parallel_blocks(groups * pieces, grain, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const index_t group = i / pieces, part = i % pieces;
      const index_t column = group % per_row * width;
      const index_t at = group / per_row * row + column, n = std::min(width, row - column);
      const index_t from = std::min(part * piece, positions), to = std::min(from + piece, positions);
      double* sum = partial + part * outputs + at;
      if (lanes_over_kept)
        task.sum_columns_of(sum, at, n, from, to);
      else
        *sum = task.sum_rows(at, from, to);
    }
  });
  parallel_blocks(outputs, detail::sum_work / pieces, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      double total = 0;
      for (index_t part = 0; part < pieces; ++part) total += partial[part * outputs + i];
      const auto place = task.over.row(i / row);
      out.data()[place.offset[0] + i % row * place.step[0]] = static_cast<T>(scale * total);
    }
  });
}

}  // namespace longwave
