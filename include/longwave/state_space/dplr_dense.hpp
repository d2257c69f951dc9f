// dplr_dense.hpp - S4's step with A_bar as a matrix (dplr_step.hpp) for all streams on the device: next = A s + b u
// into working memory, then y = act(c next + D u). 4 N^2 numbers of A per feature are read for every stream: the
// plainest form, to compare with.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/step.hpp"

namespace longwave::impl {

// Stream, row and feature i = (b 2N + row) H + h.
template <class T, device D>
struct DplrDenseState {
  static constexpr const char* name = "dplr_dense_state";
  TensorView<T, 3, D> next;         // (B, 2N, H)
  TensorView<const T, 3, D> state;  // (B, 2N, H)
  TensorView<const T, 2, D> u;      // (B, H)
  TensorView<const T, 3, D> A;      // (2N, 2N, H)
  TensorView<const T, 2, D> b;      // (2N, H)

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t W = next.size(1), h = i % next.size(2), row = i / next.size(2) % W, stream = i / next.size(2) / W;
    T sum = b(row, h) * u(stream, h);
    for (index_t j = 0; j < W; ++j) sum += A(row, j, h) * state(stream, j, h);
    next(stream, row, h) = sum;
  }
};

// Stream, output and feature i = (b C + c) H + h.
template <class T, device D>
struct DplrDenseOutput {
  static constexpr const char* name = "dplr_dense_output";
  TensorView<T, 3, D> y;            // (B, C, H)
  TensorView<const T, 3, D> state;  // (B, 2N, H)
  TensorView<const T, 2, D> u;      // (B, H)
  TensorView<const T, 3, D> c;      // (C, 2N, H)
  TensorView<const T, 2, D> skip;   // (C, H)

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i % y.size(2), o = i / y.size(2) % y.size(1), stream = i / y.size(2) / y.size(1);
    T sum = skip(o, h) * u(stream, h);
    for (index_t j = 0; j < state.size(1); ++j) sum += c(o, j, h) * state(stream, j, h);
    y(stream, o, h) = sum;
  }
};

template <class T>
void dplr_step_dense(TensorView<T, 3, Cuda> y, TensorView<T, 4, Cuda> state, TensorView<const T, 2, Cuda> u,
                     TensorView<const T, 3, Cuda> A, TensorView<const T, 3, Cuda> b, TensorView<const T, 4, Cuda> c,
                     TensorView<const T, 2, Cuda> skip, Activation activation) {
  const index_t B = state.size(0), W = A.size(0), H = A.size(2);
  const Extents<3> flat{B, W, H};
  ScratchOn<Cuda> scratch;
  const TensorView<T, 3, Cuda> next = scratch.template tensor<T>(flat), now = state.reshape(flat);
  for_each_index<Cuda>(flat.count(), DplrDenseState<T, Cuda>{next, now, u, A, b.reshape(Extents<2>{W, H})});
  copy(now, next);
  for_each_index<Cuda>(y.count(), DplrDenseOutput<T, Cuda>{y, now, u, c.reshape(Extents<3>{c.size(0), W, H}), skip});
  const Extents<2> rows{y.size(0), y.size(1) * y.size(2)}, strides{y.stride(0), 1};
  const TensorView<T, 2, Cuda> out(y.data(), rows, strides);
  cuda::bias_step<T>(out, out, {}, activation);
}

}  // namespace longwave::impl
