// gru.hpp - one direction of one GRU layer over whole sequences, gates in PyTorch's order r, z, n.
//
//   r = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
//   z = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
//   m = W_hn h_{t-1} + b_hn
//   n = tanh(W_in x_t + b_in + r m)
//   h_t = (1 - z) n + z h_{t-1}                              y_t = h_t
//
//   dh_t = dy_t + z_{t+1} dh_{t+1} + W_hr^T da_r + W_hz^T da_z + W_hn^T dm, all of t + 1     (the last one also dh_n)
//   da_n = dh_t (1 - z) (1 - n^2)        dm = da_n r
//   da_r = da_n m r (1 - r)              da_z = dh_t (h_{t-1} - n) z (1 - z)
//   dx_t = W_ih^T [da_r; da_z; da_n]     dW_ih, db_ih += sum over t of the same, dW_hh, db_hh with dm for da_n
//
// x (B, L, I), y (B, L, H): time before features, as the LSTM. Any strides. reverse: time runs from L - 1 to 0. On the
// host. Source: Cho et al. 2014, in the form of cuDNN and PyTorch, where r acts behind the product.
#pragma once

#include "longwave/cpu/gru.hpp"

namespace longwave::ops {

struct Gru {
  template <class T>
  using Weights = std::type_identity_t<GruWeightViews<const T>>;

  // Numbers that forward keeps for backward.
  template <class T>
  static index_t saved_count(const Extents<3>& x, index_t H) {
    return impl::gru_saved_count<T>(Host(), x[0], x[1], x[2], H);
  }

  // y, end (B, H) and saved are written where they have data; start (B, H) is zero where it has none.
  template <class T>
  static void forward(TensorView<T, 3> y, std::type_identity_t<TensorView<T, 2>> end, Out<T, 1, Host> saved,
                      In<T, 3, Host> x, Weights<T> weights, In<T, 2, Host> start = {}, bool reverse = false) {
    const index_t H = check<T>(x.sizes(), weights);
    check_gradient("gru", "y", y, Extents<3>{x.size(0), x.size(1), H}, "BLH");
    check_gradient("gru", "saved", saved, Extents<1>{saved_count<T>(x.sizes(), H)});
    check_gradient("gru", "h_n", end, Extents<2>{x.size(0), H}, "BH");
    check_gradient("gru", "h_0", start, Extents<2>{x.size(0), H}, "BH");
    impl::gru_forward(y, end, saved, x, weights, start, reverse);
  }

  // dx and dstart are assigned, dweights added to; each may be left out. dy and dend are zero where they have no data.
  // saved is used up. sizes: those of x.
  template <class T>
  static void backward(TensorView<T, 3> dx, std::type_identity_t<GruWeightViews<T>> dweights,
                       std::type_identity_t<TensorView<T, 2>> dstart, In<T, 3, Host> dy, In<T, 2, Host> dend,
                       Out<T, 1, Host> saved, Weights<T> weights, const Extents<3>& sizes, bool reverse = false) {
    const index_t H = check<T>(sizes, weights);
    check_gradient("gru", "dx", dx, sizes, "BLI");
    check_gradient("gru", "dW_ih", dweights.W_ih, weights.W_ih.sizes(), "OI");
    check_gradient("gru", "dW_hh", dweights.W_hh, weights.W_hh.sizes(), "OH");
    check_gradient("gru", "db_ih", dweights.b_ih, Extents<1>{3 * H}, "O");
    check_gradient("gru", "db_hh", dweights.b_hh, Extents<1>{3 * H}, "O");
    check_gradient("gru", "dy", dy, Extents<3>{sizes[0], sizes[1], H}, "BLH");
    check_gradient("gru", "dh_0", dstart, Extents<2>{sizes[0], H}, "BH");
    check_gradient("gru", "dh_n", dend, Extents<2>{sizes[0], H}, "BH");
    check_shape("gru", "saved", saved, Extents<1>{saved_count<T>(sizes, H)});
    impl::gru_backward(dx, dweights, dstart, dy, dend, saved, weights, sizes, reverse);
  }

 private:
  // H
  template <class T>
  static index_t check(const Extents<3>& x, const Weights<T>& w) {
    const index_t H = w.W_hh.size(1);
    check_shape("gru", "W_hh", w.W_hh, Extents<2>{3 * H, H}, "OH");
    check_shape("gru", "W_ih", w.W_ih, Extents<2>{3 * H, x[2]}, "OI");
    check_gradient("gru", "b_ih", w.b_ih, Extents<1>{3 * H}, "O");
    check_gradient("gru", "b_hh", w.b_hh, Extents<1>{3 * H}, "O");
    return H;
  }
};

}  // namespace longwave::ops
