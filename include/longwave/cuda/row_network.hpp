// row_network.hpp - small networks of linear maps whose rows do not meet, all layers in one launch. Defined in
// longwave::cuda.
//
// A row has a piece of memory of `width` numbers: x comes first, and every layer reads some of it and writes some other
// of it, the last one y. So what is kept for later, put beside another value or read twice is a matter of places.
//
//   memory[to ..] = act(W memory[from ..] + bias + add_b + table_{which_b})            for row b
//
// Bound by the weights, which every block of a few rows reads once: for networks whose weights stay near, and few rows.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave::cuda {

template <class T>
struct RowLayer {
  const T* W;     // (out, in), dense
  const T* bias;  // (out); may be left out, as the next two
  int in, out, from, to;
  bool relu;
  const T* add = nullptr;    // (B, out), dense
  const T* table = nullptr;  // (table_rows, out), dense: rows to choose from; a choice outside gives NaN
  index_t table_rows = 0;
};

inline constexpr int row_layers = 16;                     // of one network, at most
inline constexpr index_t row_weights = index_t(1) << 18;  // numbers of all W together, beyond which products are faster
inline constexpr index_t row_batch = 512;                 // rows, the same
inline constexpr index_t row_width = 2048;                // of a row's memory

template <class T>
struct RowNetwork {
  TensorView<T, 2, Cuda> y;                  // (B, out of the last layer)
  TensorView<const T, 2, Cuda> x;            // (B, I)
  TensorView<const index_t, 1, Cuda> which;  // (B)
  int width = 0;                             // quick where this, and a layer's from and in, fill 16 bytes
  int count = 0;
  RowLayer<T> layers[row_layers] = {};

  void add(const RowLayer<T>& layer) { layers[count++] = layer; }
};

template <class T>
void run_rows(const RowNetwork<T>& network);

}  // namespace longwave::cuda
