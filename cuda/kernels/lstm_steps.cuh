// lstm_steps.cuh - maps between the products of an LSTM: the gates of one step, what is kept, gradients of the weights
// (longwave/cuda/lstm.hpp). Memory-bound, each number once.
#pragma once

#include "longwave/core/lstm_cell.hpp"
#include "longwave/cuda/lstm.hpp"

namespace longwave::cuda {

namespace detail {

// All but the h: x_t, 1 and zeros of every position. Index: (B, L, P - H).
template <class T>
struct LstmOperands {
  static constexpr const char* name = "lstm: operands";
  TensorView<T, 3, Cuda> operands;
  TensorView<const T, 3, Cuda> x;
  index_t H;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t I = x.size(2), L = x.size(1), columns = operands.size(2) - H;
    const index_t position = i / columns, k = i - position * columns, b = position / L, t = position - b * L;
    operands(b, t, k < I ? k : k + H) = k < I ? x(b, t, k) : k == I ? T(1) : T(0);
  }
};

// h_0 and c_0, or zeros, where the first step looks for them. Index: (B, H).
template <class T>
struct LstmStart {
  static constexpr const char* name = "lstm: start";
  LstmStateViews<T, Cuda> to;
  LstmStateViews<const T, Cuda> from;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t H = to.h.size(1), b = i / H, k = i - b * H;
    to.h(b, k) = from.h.data() != nullptr ? from.h(b, k) : T(0);
    to.c(b, k) = from.c.data() != nullptr ? from.c(b, k) : T(0);
  }
};

// One step from its products. Index: (B, H).
template <class T>
struct LstmGates {
  static constexpr const char* name = "lstm: gates";
  TensorView<T, 2, Cuda> gates;  // (B, 4 H): W_ih x + W_hh h, which become i, f, g, o
  TensorView<const T, 1, Cuda> b_ih, b_hh;
  TensorView<const T, 2, Cuda> c_before;
  TensorView<T, 2, Cuda> c, h, y, end_h, end_c;  // (B, H); all but c may be left out. c may be c_before

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t H = c.size(1), b = i / H, k = i - b * H;
    T z[4];
    for (int m = 0; m < 4; ++m) {
      const index_t n = m * H + k;
      z[m] = gates(b, n);
      if (b_ih.data() != nullptr) z[m] += b_ih(n);
      if (b_hh.data() != nullptr) z[m] += b_hh(n);
    }
    const LstmCell<T> cell = lstm_cell(z, c_before(b, k));
    for (int m = 0; m < 4; ++m) gates(b, m * H + k) = z[m];
    c(b, k) = cell.c;
    if (wanted(h)) h(b, k) = cell.h;
    if (wanted(y)) y(b, k) = cell.h;
    if (wanted(end_h)) end_h(b, k) = cell.h;
    if (wanted(end_c)) end_c(b, k) = cell.c;
  }
};

// dz in the place of the gates of one step, dc of the step before in the place of its own. Index: (B, H).
template <class T>
struct LstmGateGradients {
  static constexpr const char* name = "lstm: gradients of gates";
  TensorView<T, 2, Cuda> gates, dc;
  TensorView<const T, 2, Cuda> c, c_before, dh, dy;  // dy may be left out

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t H = dc.size(1), b = i / H, k = i - b * H;
    const T kept[4] = {gates(b, k), gates(b, H + k), gates(b, 2 * H + k), gates(b, 3 * H + k)};
    const T arriving = dh(b, k) + (dy.data() != nullptr ? dy(b, k) : T(0));
    const LstmCellGradient<T> d = lstm_cell_gradient(kept, c(b, k), c_before(b, k), arriving, dc(b, k));
    for (int m = 0; m < 4; ++m) gates(b, m * H + k) = d.dz[m];
    dc(b, k) = d.dc;
  }
};

// Gradients += the sums of partial products dz^T [x h 1], added in order. Index: (4 H, columns of the partials).
template <class T>
struct LstmAddGradients {
  static constexpr const char* name = "lstm: gradients of weights";
  LstmWeightViews<T, Cuda> d;
  TensorView<const T, 3, Cuda> partials;  // (pieces, 4 H, columns)
  index_t first;                          // column of [x h 1] that the first one is
  index_t I, H;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t columns = partials.size(2), n = i / columns, k = first + i - n * columns;
    double sum = 0;
    for (index_t p = 0; p < partials.size(0); ++p)
      sum += static_cast<double>(partials.data()[p * partials.stride(0) + i]);
    if (k < I) {
      if (wanted(d.W_ih)) d.W_ih(n, k) += static_cast<T>(sum);
    } else if (k < I + H) {
      if (wanted(d.W_hh)) d.W_hh(n, k - I) += static_cast<T>(sum);
    } else if (k == I + H) {
      if (wanted(d.b_ih)) d.b_ih(n) += static_cast<T>(sum);
      if (wanted(d.b_hh)) d.b_hh(n) += static_cast<T>(sum);
    }
  }
};

}  // namespace detail
}  // namespace longwave::cuda
