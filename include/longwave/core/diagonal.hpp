// diagonal.hpp - the arguments that all forms of a diagonal state-space layer share.
//
//   s_t[n] = exp(x_n) s_{t-1}[n] + u_t,    y_t = 2 Re sum_n c_n s_t[n] + D u_t
//
//   u, y        (B, H, L)      real
//   x, c        (H, N)         complex double, one of each conjugate pair: x = dt A, c = C B_bar
//   D           (H)            skip weight, or left out
//   state_in    (B, 2, N, H)   Re and Im planes of s before the first step; left out: zero
//   state_out   (B, 2, N, H)   s after the last step; left out: unwanted
//
// T: states, parameters and all arithmetic. S: how u, y and their gradients are stored, T itself or bfloat16.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

template <class T, device D = Host, class S = T>
struct DiagonalInputs {
  TensorView<const S, 3, D> u;
  TensorView<const complex<double>, 2, D> x, c;
  TensorView<const T, 1, D> skip;  // D
  TensorView<const T, 4, D> state_in;
  TensorView<const T, 1, D> kept = {};  // what forward left for backward, or nothing: then it is computed again

  LONGWAVE_HD index_t B() const { return u.size(0); }
  LONGWAVE_HD index_t H() const { return u.size(1); }
  LONGWAVE_HD index_t L() const { return u.size(2); }
  LONGWAVE_HD index_t N() const { return x.size(1); }
  LONGWAVE_HD T skip_of(index_t h) const { return skip.data() == nullptr ? T(0) : skip(h); }
};

template <class T, device D = Host, class S = T>
struct DiagonalOutputs {
  TensorView<S, 3, D> y;
  TensorView<T, 4, D> state_out;
  TensorView<T, 1, D> kept = {};  // room for that (recurrence.hpp: kept_numbers), if there will be a backward
};

// du, dx, dc and dstate_in are assigned, dskip is added to; each may be left out.
template <class T, device D = Host, class S = T>
struct DiagonalGradients {
  TensorView<S, 3, D> du;
  TensorView<complex<double>, 2, D> dx, dc;
  TensorView<T, 1, D> dskip;
  TensorView<T, 4, D> dstate_in;
  bool add_du = false;  // du is added to, where the form can (recurrence.hpp: adds_du)
};

// What flows back: dL/dy, and dL/dstate_out where the end state is used further.
template <class T, device D = Host, class S = T>
struct DiagonalCotangents {
  TensorView<const S, 3, D> dy;
  TensorView<const T, 4, D> dstate_out;
};

namespace impl {

// Operations of one pass, roughly: 12 per mode and sample, 100 per mode for its exponential.
template <class T, device D, class S>
index_t diagonal_work(const DiagonalInputs<T, D, S>& in) {
  return in.H() * (in.N() + 1) * (12 * in.B() * in.L() + 100);
}

}  // namespace impl

}  // namespace longwave
