// lstm_views.hpp - what one direction of one LSTM layer takes on every device (ops/lstm.hpp). Rows of gates are in the
// order i, f, g, o.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave {

// T const: the weights. Else their gradients, which are added to; those without data are not wanted.
template <class T, device D = Host>
struct LstmWeightViews {
  TensorView<T, 2, D> W_ih;  // (4 H, I)
  TensorView<T, 2, D> W_hh;  // (4 H, H)
  TensorView<T, 1, D> b_ih;  // (4 H), or without data
  TensorView<T, 1, D> b_hh;  // (4 H), or without data
};

// Hidden and cell state, (B, H) each. Without data: zero where it is read, not wanted where it is written.
template <class T, device D = Host>
struct LstmStateViews {
  TensorView<T, 2, D> h;
  TensorView<T, 2, D> c;
};

}  // namespace longwave
