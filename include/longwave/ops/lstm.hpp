// lstm.hpp - one direction of one LSTM layer over whole sequences, gates in PyTorch's order i, f, g, o.
//
//   z_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh              (4 H), cut into z_i, z_f, z_g, z_o
//   i = sigmoid(z_i)   f = sigmoid(z_f)   g = tanh(z_g)   o = sigmoid(z_o)
//   c_t = f c_{t-1} + i g
//   h_t = o tanh(c_t)                                        y_t = h_t
//
//   dh_t = dy_t + W_hh^T dz_{t+1}                            (the last one also dh_n)
//   dc_t = dc_{t+1} f_{t+1} + dh_t o (1 - tanh(c_t)^2)       (the last one also dc_n)
//   dz_i = dc_t g i (1 - i)             dz_f = dc_t c_{t-1} f (1 - f)
//   dz_g = dc_t i (1 - g^2)             dz_o = dh_t tanh(c_t) o (1 - o)
//   dx_t = W_ih^T dz_t    dW_ih += sum dz_t x_t^T    dW_hh += sum dz_t h_{t-1}^T    db_ih, db_hh += sum dz_t
//
// x (B, L, I), y (B, L, H): time before features, as in PyTorch's batch_first. Any strides: a (B, I, L) signal of this
// library goes in as x.transpose(1, 2), and y may be such a view, without a copy. reverse: time runs from L - 1 to 0.
// Source: Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000. Sums run over I + H + 1 terms in T.
#pragma once

#include "longwave/cpu/lstm.hpp"
#include "longwave/cuda/lstm.hpp"

namespace longwave::ops {

struct Lstm {
  template <class T, device D>
  using Weights = std::type_identity_t<LstmWeightViews<const T, D>>;
  template <class T, device D>
  using State = std::type_identity_t<LstmStateViews<const T, D>>;

  // Numbers that forward keeps for backward.
  template <class T, device D>
  static index_t saved_count(const Extents<3>& x, index_t H) {
    return impl::lstm_saved_count<T>(D(), x[0], x[1], x[2], H);
  }

  // y, the views of `end` and `saved` are written where they have data; those of `start` are zero where they have none.
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, std::type_identity_t<LstmStateViews<T, D>> end, Out<T, 1, D> saved,
                      In<T, 3, D> x, Weights<T, D> weights, State<T, D> start = {}, bool reverse = false) {
    const index_t H = check<T, D>(x.sizes(), weights);
    check_gradient("lstm", "y", y, Extents<3>{x.size(0), x.size(1), H}, "BLH");
    check_gradient("lstm", "saved", saved, Extents<1>{saved_count<T, D>(x.sizes(), H)});
    check_state("h_n", "c_n", end, x.size(0), H);
    check_state("h_0", "c_0", start, x.size(0), H);
    impl::lstm_forward(y, end, saved, x, weights, start, reverse);
  }

  // dx and the views of dstart are assigned, those of dweights added to; each may be left out. dy and the views of dend
  // are zero where they have no data. saved is used up. sizes: those of x.
  template <class T, device D>
  static void backward(TensorView<T, 3, D> dx, std::type_identity_t<LstmWeightViews<T, D>> dweights,
                       std::type_identity_t<LstmStateViews<T, D>> dstart, In<T, 3, D> dy, State<T, D> dend,
                       Out<T, 1, D> saved, Weights<T, D> weights, const Extents<3>& sizes, bool reverse = false) {
    const index_t H = check<T, D>(sizes, weights);
    check_gradient("lstm", "dx", dx, sizes, "BLI");
    check_gradient("lstm", "dW_ih", dweights.W_ih, weights.W_ih.sizes(), "OI");
    check_gradient("lstm", "dW_hh", dweights.W_hh, weights.W_hh.sizes(), "OH");
    check_gradient("lstm", "db_ih", dweights.b_ih, Extents<1>{4 * H}, "O");
    check_gradient("lstm", "db_hh", dweights.b_hh, Extents<1>{4 * H}, "O");
    check_gradient("lstm", "dy", dy, Extents<3>{sizes[0], sizes[1], H}, "BLH");
    check_state("dh_0", "dc_0", dstart, sizes[0], H);
    check_state("dh_n", "dc_n", dend, sizes[0], H);
    check_shape("lstm", "saved", saved, Extents<1>{saved_count<T, D>(sizes, H)});
    impl::lstm_backward(dx, dweights, dstart, dy, dend, saved, weights, sizes, reverse);
  }

 private:
  // H
  template <class T, device D>
  static index_t check(const Extents<3>& x, const Weights<T, D>& w) {
    const index_t H = w.W_hh.size(1);
    check_shape("lstm", "W_hh", w.W_hh, Extents<2>{4 * H, H}, "OH");
    if (w.W_ih.size(0) != 4 * H)
      throw_shape_error("lstm: W_ih and W_hh disagree on O: W_ih is " + to_string(w.W_ih.sizes(), "OI") + ", W_hh is " +
                        to_string(w.W_hh.sizes(), "OH"));
    if (w.W_ih.size(1) != x[2])
      throw_shape_error("lstm: x and W_ih disagree on I: x is " + to_string(x, "BLI") + ", W_ih is " +
                        to_string(w.W_ih.sizes(), "OI"));
    check_gradient("lstm", "b_ih", w.b_ih, Extents<1>{4 * H}, "O");
    check_gradient("lstm", "b_hh", w.b_hh, Extents<1>{4 * H}, "O");
    return H;
  }

  template <class T, device D>
  static void check_state(const char* h, const char* c, const LstmStateViews<T, D>& state, index_t B, index_t H) {
    check_gradient("lstm", h, state.h, Extents<2>{B, H}, "BH");
    check_gradient("lstm", c, state.c, Extents<2>{B, H}, "BH");
  }
};

}  // namespace longwave::ops
