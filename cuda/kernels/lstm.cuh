// lstm.cuh - the LSTM of longwave/cuda/lstm.hpp: its products, and the kernels between them.
//
// For B = 64, L = 256, I = 128, H = 256 in float: W_ih x, dx, dW_ih 4.3 G and dW_hh 8.6 G operations in 4 products,
// 0.5 ms at the 45 T/s of an H100. The recurrence, resident: 16 clusters of 8 blocks, 2 * 256 steps of at least 1024
// cycles of arithmetic, 0.3 ms. In steps: 512 products (64, 1024, 256) and as many small kernels.
#pragma once

#include <utility>

#include "kernels/each.cuh"
#include "kernels/lstm_resident.cuh"
#include "kernels/lstm_steps.cuh"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/blas.hpp"

namespace longwave::cuda {

namespace detail {

// x (B, L, N) at one time as (B, N); without data where x has none.
template <class T>
TensorView<T, 2, Cuda> lstm_at(TensorView<T, 3, Cuda> x, index_t t) {
  if (x.data() == nullptr) return {};
  return {x.data() + t * x.stride(1), Extents<2>{x.size(0), x.size(2)}, Extents<2>{x.stride(0), x.stride(2)}};
}

// C (B, L, N) = A (B, L, K) M (K, N): one product where positions follow one another in memory, else one per sequence.
template <class T>
void lstm_product(TensorView<T, 3, Cuda> C, TensorView<const T, 3, Cuda> A, TensorView<const T, 2, Cuda> M) {
  const index_t B = C.size(0), L = C.size(1);
  if (C.stride(0) != L * C.stride(1) || A.stride(0) != L * A.stride(1)) return gemm<T>(C, A, repeated(M, B), false);
  const auto all = [=](auto x) {
    x = decltype(x)(x.data(), Extents<3>{1, B * L, x.size(2)}, Extents<3>{0, x.stride(1), x.stride(2)});
    return x;
  };
  gemm<T>(all(C), all(A), repeated(M, 1), false);
}

template <class T>
bool lstm_resident(LstmForm form, const LstmGrid& grid) {
  const bool possible = grid.fits && (grid.blocks == 1 || has_clusters(lstm_forward_kernel<T, 1>));
  if (form == LstmForm::resident && !possible)
    throw_value_error("lstm: the resident form takes H up to " + std::to_string(LstmGrid::widest<T>) +
                      ", and clusters of blocks, which this device may lack");
  return form != LstmForm::steps && possible;
}

// launch(integral_constant Q) with Q = groups of 32 that hold n.
template <class T, class F>
void lstm_with_groups(index_t n, F&& launch) {
  constexpr int most = static_cast<int>(LstmGrid::widest<T> / 32);
  const auto groups = static_cast<int>((n + 31) / 32);
  [&]<int... q>(std::integer_sequence<int, q...>) {
    (static_cast<void>(groups == q + 1 && (launch(std::integral_constant<int, q + 1>()), true)), ...);
  }
  (std::make_integer_sequence<int, most>());
}

inline int lstm_block_threads(index_t outputs) { return static_cast<int>((outputs + 3) / 4 * 32); }
inline index_t lstm_clusters(index_t B) { return (B + LstmGrid::rows - 1) / LstmGrid::rows; }

template <class T>
void lstm_forward_resident(const LstmGrid& grid, TensorView<T, 3, Cuda> y, const LstmStateViews<T, Cuda>& end,
                           const LstmKept<T>& kept, TensorView<const T, 3, Cuda> x,
                           const LstmWeightViews<const T, Cuda>& weights, const LstmStateViews<const T, Cuda>& start,
                           bool reverse) {
  const index_t B = x.size(0), L = x.size(1), I = x.size(2), H = weights.W_hh.size(1);
  ScratchOn<Cuda> scratch;
  TensorView<T, 3, Cuda> z;
  if (!grid.fused) {
    z = kept.gates.data() != nullptr ? kept.gates : scratch.tensor<T>(Extents<3>{B, L, 4 * H});
    lstm_product<T>(z, x, weights.W_ih.transpose(0, 1));
    if (kept.gates.data() != nullptr)
      for_each_index(LstmOperands<T>::name, B * L * (kept.operands.size(2) - H), LstmOperands<T>{kept.operands, x, H});
  }
  const LstmForward<T> p = {y,
                            end,
                            kept,
                            z.data(),
                            x,
                            weights,
                            start,
                            static_cast<int>(B),
                            static_cast<int>(L),
                            static_cast<int>(grid.fused ? I : 0),
                            static_cast<int>(H),
                            static_cast<int>(grid.blocks),
                            static_cast<int>(grid.units),
                            reverse};
  lstm_with_groups<T>(H + p.I, [&](auto groups) {
    constexpr int Q = decltype(groups)::value;
    launch_clusters("lstm", lstm_forward_kernel<T, Q>, lstm_clusters(B), p.blocks, lstm_block_threads(grid.units),
                    2 * lstm_rows * 32 * Q * sizeof(T), p);
  });
}

template <class T>
void lstm_forward_steps(TensorView<T, 3, Cuda> y, const LstmStateViews<T, Cuda>& end, const LstmKept<T>& kept,
                        bool keeps, TensorView<const T, 3, Cuda> x, const LstmWeightViews<const T, Cuda>& weights,
                        const LstmStateViews<const T, Cuda>& start, bool reverse) {
  const index_t B = x.size(0), L = x.size(1), I = x.size(2), H = weights.W_hh.size(1);
  const auto hidden = kept.operands.slice(2, I, I + H);  // (B, L, H): h before each step
  const auto time = [=](index_t step) { return reverse ? L - 1 - step : step; };
  if (keeps)
    for_each_index(LstmOperands<T>::name, B * L * (kept.operands.size(2) - H), LstmOperands<T>{kept.operands, x, H});
  for_each_index(LstmStart<T>::name, B * H, LstmStart<T>{{lstm_at(hidden, time(0)), lstm_at(kept.cells, 0)}, start});
  lstm_product<T>(kept.gates, x, weights.W_ih.transpose(0, 1));
  for (index_t step = 0; step < L; ++step) {
    const index_t t = time(step);
    const bool last = step + 1 == L;
    const auto z = lstm_at(kept.gates, t);
    gemm<T>(repeated(z, 1), repeated(lstm_at(hidden, t), 1), repeated(weights.W_hh.transpose(0, 1), 1), true);
    using View = TensorView<T, 2, Cuda>;
    for_each_index(LstmGates<T>::name, B * H,
                   LstmGates<T>{z, weights.b_ih, weights.b_hh, lstm_at(kept.cells, step), lstm_at(kept.cells, step + 1),
                                last ? View() : lstm_at(hidden, time(step + 1)), lstm_at(y, t), last ? end.h : View(),
                                last ? end.c : View()});
  }
}

template <class T>
void lstm_backward_resident(const LstmGrid& grid, TensorView<T, 3, Cuda> dx, const LstmStateViews<T, Cuda>& dstart,
                            TensorView<const T, 3, Cuda> dy, const LstmStateViews<const T, Cuda>& dend,
                            const LstmKept<T>& kept, const LstmWeightViews<const T, Cuda>& weights,
                            const Extents<3>& sizes, bool reverse) {
  const bool holds = grid.fused && wanted(dx);
  const index_t H = weights.W_hh.size(1), inputs = holds ? grid.inputs : 0;
  const LstmBackward<T> p = {dx,
                             dstart,
                             dy,
                             dend,
                             kept,
                             weights,
                             static_cast<int>(sizes[0]),
                             static_cast<int>(sizes[1]),
                             static_cast<int>(holds ? sizes[2] : 0),
                             static_cast<int>(H),
                             static_cast<int>(grid.blocks),
                             static_cast<int>(grid.units),
                             static_cast<int>(inputs),
                             reverse};
  lstm_with_groups<T>(H, [&](auto groups) {
    constexpr int Q = decltype(groups)::value;
    launch_clusters("lstm: backward", lstm_backward_kernel<T, Q>, lstm_clusters(sizes[0]), p.blocks,
                    lstm_block_threads(grid.units + inputs), 2 * lstm_rows * 32 * Q * 4 * sizeof(T), p);
  });
}

template <class T>
void lstm_backward_steps(const LstmStateViews<T, Cuda>& dstart, TensorView<const T, 3, Cuda> dy,
                         const LstmStateViews<const T, Cuda>& dend, const LstmKept<T>& kept,
                         const LstmWeightViews<const T, Cuda>& weights, const Extents<3>& sizes, bool reverse) {
  const index_t B = sizes[0], L = sizes[1], H = weights.W_hh.size(1);
  ScratchOn<Cuda> scratch;
  const auto dh = scratch.tensor<T>(Extents<2>{B, H}), dc = scratch.tensor<T>(Extents<2>{B, H});
  for_each_index(LstmStart<T>::name, B * H, LstmStart<T>{{dh, dc}, dend});
  for (index_t step = L - 1; step >= 0; --step) {
    const index_t t = reverse ? L - 1 - step : step;
    const auto dz = lstm_at(kept.gates, t);
    for_each_index(
        LstmGateGradients<T>::name, B * H,
        LstmGateGradients<T>{dz, dc, lstm_at(kept.cells, step + 1), lstm_at(kept.cells, step), dh, lstm_at(dy, t)});
    const auto to = step > 0 ? dh : dstart.h;
    if (wanted(to)) gemm<T>(repeated(to, 1), repeated(dz, 1), repeated(weights.W_hh, 1), false);
  }
  if (wanted(dstart.c)) copy(dstart.c, dc);
}

// Pieces of `rows` positions for the sums of dz^T [x h 1]: enough to keep the device busy, none so long that a sum in
// float loses digits; equal ones where that can be had.
inline index_t lstm_pieces(index_t rows, index_t outputs, index_t columns) {
  constexpr index_t tile = 128, multiprocessors = 132, shortest = 128, longest = 4096;
  const index_t tiles = (outputs + tile - 1) / tile * ((columns + tile - 1) / tile);
  const index_t least = (rows + longest - 1) / longest;
  const index_t wanted = std::max(least, std::min(multiprocessors / tiles, rows / shortest));
  for (index_t pieces = wanted; pieces > least; --pieces)
    if (rows % pieces == 0) return pieces;
  return std::max<index_t>(1, least);
}

// One product for the four of them.
template <class T>
void lstm_weight_gradients(const LstmWeightViews<T, Cuda>& d, const LstmKept<T>& kept, index_t I, index_t H) {
  const bool biases = wanted(d.b_ih) || wanted(d.b_hh), inputs = wanted(d.W_ih);
  if (!biases && !inputs && !wanted(d.W_hh)) return;
  const index_t rows = kept.gates.size(0) * kept.gates.size(1), P = kept.operands.size(2);
  const index_t first = inputs ? 0 : wanted(d.W_hh) ? I : I + H;
  const index_t columns = (biases ? P : wanted(d.W_hh) ? I + H : I) - first;
  const index_t pieces = lstm_pieces(rows, 4 * H, columns), length = rows / pieces, rest = rows - length * pieces;
  ScratchOn<Cuda> scratch;
  const auto partials = scratch.tensor<T>(Extents<3>{pieces + (rest > 0 ? 1 : 0), 4 * H, columns});
  using View = TensorView<const T, 3, Cuda>;
  const auto product = [&](index_t begin, index_t count, index_t rows_each) {
    const index_t from = begin * length;
    gemm<T>(partials.slice(0, begin, begin + count),
            View(kept.gates.data() + from * 4 * H, Extents<3>{count, 4 * H, rows_each},
                 Extents<3>{length * 4 * H, 1, 4 * H}),
            View(kept.operands.data() + from * P + first, Extents<3>{count, rows_each, columns},
                 Extents<3>{length * P, P, 1}),
            false);
  };
  product(0, pieces, length);
  if (rest > 0) product(pieces, 1, rest);
  for_each_index(LstmAddGradients<T>::name, 4 * H * columns, LstmAddGradients<T>{d, partials, first, I, H});
}

// A state that no step changes.
template <class T>
void lstm_pass(TensorView<T, 2, Cuda> to, TensorView<const T, 2, Cuda> from) {
  if (!wanted(to)) return;
  if (from.data() != nullptr)
    copy(to, from);
  else
    longwave::detail::fill(to, T(0));
}

}  // namespace detail

template <class T>
void lstm_forward(LstmForm form, TensorView<T, 3, Cuda> y, const LstmStateViews<T, Cuda>& end,
                  TensorView<T, 1, Cuda> saved, TensorView<const T, 3, Cuda> x,
                  const LstmWeightViews<const T, Cuda>& weights, const LstmStateViews<const T, Cuda>& start,
                  bool reverse) {
  const index_t B = x.size(0), L = x.size(1), I = x.size(2), H = weights.W_hh.size(1);
  const LstmGrid grid = LstmGrid::of<T>(I, H);
  const bool resident = detail::lstm_resident<T>(form, grid), keeps = saved.data() != nullptr;
  if (B * H == 0) return;
  if (L == 0) {
    detail::lstm_pass(end.h, start.h);
    detail::lstm_pass(end.c, start.c);
    return;
  }
  ScratchOn<Cuda> scratch;
  LstmKept<T> kept;
  if (keeps || !resident)
    kept = LstmKept<T>(keeps ? saved.data() : scratch.take<T>(LstmKept<T>::count(B, L, I, H)), B, L, I, H);
  if (resident)
    detail::lstm_forward_resident(grid, y, end, kept, x, weights, start, reverse);
  else
    detail::lstm_forward_steps(y, end, kept, keeps, x, weights, start, reverse);
}

template <class T>
void lstm_backward(LstmForm form, TensorView<T, 3, Cuda> dx, const LstmWeightViews<T, Cuda>& d,
                   const LstmStateViews<T, Cuda>& dstart, TensorView<const T, 3, Cuda> dy,
                   const LstmStateViews<const T, Cuda>& dend, TensorView<T, 1, Cuda> saved,
                   const LstmWeightViews<const T, Cuda>& weights, const Extents<3>& sizes, bool reverse) {
  const index_t B = sizes[0], L = sizes[1], I = sizes[2], H = weights.W_hh.size(1);
  const LstmGrid grid = LstmGrid::of<T>(I, H);
  const bool resident = detail::lstm_resident<T>(form, grid);
  if (B * H == 0) return;
  if (L == 0) {
    detail::lstm_pass(dstart.h, dend.h);
    detail::lstm_pass(dstart.c, dend.c);
    return;
  }
  const LstmKept<T> kept(saved.data(), B, L, I, H);
  if (resident)
    detail::lstm_backward_resident(grid, dx, dstart, dy, dend, kept, weights, sizes, reverse);
  else
    detail::lstm_backward_steps(dstart, dy, dend, kept, weights, sizes, reverse);
  if (wanted(dx) && !(resident && grid.fused)) detail::lstm_product<T>(dx, kept.gates, weights.W_ih);
  detail::lstm_weight_gradients(d, kept, I, H);
}

template <class T>
void lstm_step(const LstmStateViews<T, Cuda>& state, TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x,
               const LstmWeightViews<const T, Cuda>& weights) {
  if (state.h.empty()) return;
  gemm<T>(repeated(z, 1), repeated(x, 1), repeated(weights.W_ih.transpose(0, 1), 1), false);
  gemm<T>(repeated(z, 1), repeated(state.h, 1), repeated(weights.W_hh.transpose(0, 1), 1), true);
  for_each_index(detail::LstmGates<T>::name, state.h.count(),
                 detail::LstmGates<T>{z, weights.b_ih, weights.b_hh, state.c, state.c, state.h, {}, {}, {}});
}

}  // namespace longwave::cuda
