// gru_views.hpp - what one direction of one GRU layer takes (ops/gru.hpp). Rows of gates are in the order r, z, n.
#pragma once

#include "longwave/core/lstm_views.hpp"

namespace longwave {

// W_ih (3 H, I), W_hh (3 H, H), b_ih, b_hh (3 H): the same views as an LSTM's, of three gates.
template <class T, device D = Host>
using GruWeightViews = LstmWeightViews<T, D>;

}  // namespace longwave
