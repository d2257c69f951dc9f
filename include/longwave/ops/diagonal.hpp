// diagonal.hpp - arguments and shape checks that all forms of a diagonal state-space layer share.
//
//   s_t[n] = exp(x_n) s_{t-1}[n] + u_t,    y_t = 2 Re sum_n c_n s_t[n] + D u_t
//
//   u, y        (B, H, L)      real
//   x, c        (H, N)         complex double, one of each conjugate pair: x = dt A, c = C B_bar
//   D           (H)            skip weight, or left out
//   state_in    (B, 2, N, H)   Re and Im planes of s before the first step; left out: zero
//   state_out   (B, 2, N, H)   s after the last step; left out: unwanted
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

template <class T, device D = Host>
struct DiagonalInputs {
  TensorView<const T, 3, D> u;
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

template <class T, device D = Host>
struct DiagonalOutputs {
  TensorView<T, 3, D> y;
  TensorView<T, 4, D> state_out;
  TensorView<T, 1, D> kept = {};  // room for that (recurrence.hpp: kept_numbers), if there will be a backward
};

// du, dx, dc and dstate_in are assigned, dskip is added to; each may be left out.
template <class T, device D = Host>
struct DiagonalGradients {
  TensorView<T, 3, D> du;
  TensorView<complex<double>, 2, D> dx, dc;
  TensorView<T, 1, D> dskip;
  TensorView<T, 4, D> dstate_in;
};

// What flows back: dL/dy, and dL/dstate_out where the end state is used further.
template <class T, device D = Host>
struct DiagonalCotangents {
  TensorView<const T, 3, D> dy;
  TensorView<const T, 4, D> dstate_out;
};

namespace impl {

// Operations of one pass, roughly: 12 per mode and sample, 100 per mode for its exponential.
template <class T, device D>
index_t diagonal_work(const DiagonalInputs<T, D>& in) {
  return in.H() * (in.N() + 1) * (12 * in.B() * in.L() + 100);
}

}  // namespace impl

namespace detail {

template <class T, device D>
void check_diagonal(const char* op, const DiagonalInputs<T, D>& in) {
  if (!(in.x.sizes() == in.c.sizes()))
    throw_shape_error(std::string(op) + ": x and c differ in shape: x is " + to_string(in.x.sizes(), "HN") + ", c is " +
                      to_string(in.c.sizes(), "HN"));
  if (in.x.size(0) != in.u.size(1))
    throw_shape_error(std::string(op) + ": u and x disagree on H: u is " + to_string(in.u.sizes(), "BHL") + ", x is " +
                      to_string(in.x.sizes(), "HN"));
  if (in.skip.data() != nullptr) check_shape(op, "D", in.skip, Extents<1>{in.H()}, "H");
  if (in.state_in.data() != nullptr) check_shape(op, "state_in", in.state_in, Extents<4>{in.B(), 2, in.N(), in.H()});
}

template <class T, device D>
void check_diagonal(const char* op, const DiagonalOutputs<T, D>& out, const DiagonalInputs<T, D>& in) {
  check_diagonal(op, in);
  check_shape(op, "y", out.y, in.u.sizes(), "BHL");
  check_gradient(op, "state_out", out.state_out, Extents<4>{in.B(), 2, in.N(), in.H()});
}

template <class T, device D>
void check_diagonal(const char* op, const DiagonalGradients<T, D>& d, const DiagonalCotangents<T, D>& from,
                    const DiagonalInputs<T, D>& in) {
  check_diagonal(op, in);
  const Extents<4> state{in.B(), 2, in.N(), in.H()};
  check_gradient(op, "du", d.du, in.u.sizes(), "BHL");
  check_gradient(op, "dx", d.dx, in.x.sizes(), "HN");
  check_gradient(op, "dc", d.dc, in.c.sizes(), "HN");
  check_gradient(op, "dD", d.dskip, Extents<1>{in.H()}, "H");
  check_gradient(op, "dstate_in", d.dstate_in, state);
  check_shape(op, "dy", from.dy, in.u.sizes(), "BHL");
  if (from.dstate_out.data() != nullptr) check_shape(op, "dstate_out", from.dstate_out, state);
}

}  // namespace detail
}  // namespace longwave
