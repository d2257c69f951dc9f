// lstm.hpp - the device's overloads of what ops/lstm.hpp calls, which includes this before its front.
//
// What all steps share are products over all positions (cuBLAS): W_ih x before the recurrence where x is wide, dx and
// the gradients of the weights after it. The recurrence itself has two forms with the same results but for rounding:
//
//   resident   one kernel for all steps. A cluster of up to 8 blocks takes 4 sequences; its blocks hold W_hh in their
//              registers, each the gates of its units, and hand h_t (backward: dz_t) to one another through shared
//              memory, one barrier a step. Where x is narrow enough W_ih is held beside W_hh, and neither W_ih x nor dx
//              needs a product of its own. Always full float or double.
//   steps      per step one product and one kernel for the gates, for any size.
//
// automatic is resident where the weights fit (H up to 256 in float, 128 in double) and the device has clusters
// (compute capability 9.0) or needs none. Two launches for a layer forward, none per step.
#pragma once

#include <algorithm>

#include "longwave/core/lstm_views.hpp"

namespace longwave {

namespace cuda {

enum class LstmForm { automatic, resident, steps };

// How the resident form lies on the device. Each block has `units` units of the hidden state and, where W_ih is held as
// well, `inputs` features of x.
struct LstmGrid {
  static constexpr index_t rows = 4;           // sequences of a cluster
  static constexpr index_t most_outputs = 32;  // units and features of a block: 8 lanes each, 256 threads
  static constexpr index_t most_blocks = 8;    // of a cluster, wherever there are clusters
  template <class T>
  static constexpr index_t widest = sizeof(T) == 4 ? 256 : 128;  // columns of [W_hh W_ih]: 128 registers of weights

  bool fits, fused;  // whether W_hh does, and whether W_ih is held beside it
  index_t blocks, units, inputs;

  template <class T>
  static LstmGrid of(index_t I, index_t H) {
    if (H + I <= widest<T>)
      for (index_t blocks = 1; blocks <= most_blocks; blocks *= 2)
        if (share(H, blocks) + share(I, blocks) <= most_outputs)
          return {true, true, blocks, share(H, blocks), share(I, blocks)};
    index_t blocks = 1;
    while (blocks < most_blocks && share(H, blocks) > most_outputs) blocks *= 2;
    return {H <= widest<T>, false, blocks, share(H, blocks), 0};
  }

 private:
  static index_t share(index_t n, index_t blocks) { return (n + blocks - 1) / blocks; }
};

// What forward keeps for backward, in this order.
template <class T>
struct LstmKept {
  TensorView<T, 3, Cuda> gates;     // (B, L, 4 H): i, f, g, o, which backward replaces by dz
  TensorView<T, 3, Cuda> operands;  // (B, L, P): x_t, the h that step t starts from, 1, zeros
  TensorView<T, 3, Cuda> cells;     // (B, L + 1, H): c in the order of the steps, the first is c_0

  LstmKept() = default;
  LstmKept(T* memory, index_t B, index_t L, index_t I, index_t H)
      : gates(memory, Extents<3>{B, L, 4 * H}),
        operands(memory + gates.count(), Extents<3>{B, L, pitch(I, H)}),
        cells(memory + gates.count() + operands.count(), Extents<3>{B, L + 1, H}) {}

  static index_t pitch(index_t I, index_t H) { return (I + H + 1 + 3) / 4 * 4; }  // rows on 16 bytes, for cuBLAS
  static index_t count(index_t B, index_t L, index_t I, index_t H) {
    return B * (L * (4 * H + pitch(I, H)) + (L + 1) * H);
  }
};

// As impl::lstm_forward, lstm_backward and lstm_step of cpu/lstm.hpp. ValueError: resident where it does not fit.
template <class T>
void lstm_forward(LstmForm form, TensorView<T, 3, Cuda> y, const LstmStateViews<T, Cuda>& end,
                  TensorView<T, 1, Cuda> saved, TensorView<const T, 3, Cuda> x,
                  const LstmWeightViews<const T, Cuda>& weights, const LstmStateViews<const T, Cuda>& start,
                  bool reverse);
template <class T>
void lstm_backward(LstmForm form, TensorView<T, 3, Cuda> dx, const LstmWeightViews<T, Cuda>& d,
                   const LstmStateViews<T, Cuda>& dstart, TensorView<const T, 3, Cuda> dy,
                   const LstmStateViews<const T, Cuda>& dend, TensorView<T, 1, Cuda> saved,
                   const LstmWeightViews<const T, Cuda>& weights, const Extents<3>& sizes, bool reverse);
template <class T>
void lstm_step(const LstmStateViews<T, Cuda>& state, TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x,
               const LstmWeightViews<const T, Cuda>& weights);

}  // namespace cuda

namespace impl {

template <class T>
index_t lstm_saved_count(Cuda, index_t B, index_t L, index_t I, index_t H) {
  return cuda::LstmKept<T>::count(B, L, I, H);
}

template <class T>
void lstm_forward(TensorView<T, 3, Cuda> y, const LstmStateViews<T, Cuda>& end, TensorView<T, 1, Cuda> saved,
                  TensorView<const T, 3, Cuda> x, const LstmWeightViews<const T, Cuda>& weights,
                  const LstmStateViews<const T, Cuda>& start, bool reverse) {
  cuda::lstm_forward(cuda::LstmForm::automatic, y, end, saved, x, weights, start, reverse);
}

template <class T>
void lstm_backward(TensorView<T, 3, Cuda> dx, const LstmWeightViews<T, Cuda>& d, const LstmStateViews<T, Cuda>& dstart,
                   TensorView<const T, 3, Cuda> dy, const LstmStateViews<const T, Cuda>& dend,
                   TensorView<T, 1, Cuda> saved, const LstmWeightViews<const T, Cuda>& weights, const Extents<3>& sizes,
                   bool reverse) {
  cuda::lstm_backward(cuda::LstmForm::automatic, dx, d, dstart, dy, dend, saved, weights, sizes, reverse);
}

template <class T>
void lstm_step(const LstmStateViews<T, Cuda>& state, TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x,
               const LstmWeightViews<const T, Cuda>& weights) {
  cuda::lstm_step(state, z, x, weights);
}

}  // namespace impl
}  // namespace longwave
