// diagonal.hpp - shape checks that all forms of a diagonal state-space layer share; the arguments: core/diagonal.hpp.
#pragma once

#include "longwave/core/diagonal.hpp"

namespace longwave {

namespace detail {

template <class T, device D, class S>
void check_diagonal(const char* op, const DiagonalInputs<T, D, S>& in) {
  if (!(in.x.sizes() == in.c.sizes()))
    throw_shape_error(std::string(op) + ": x and c differ in shape: x is " + to_string(in.x.sizes(), "HN") + ", c is " +
                      to_string(in.c.sizes(), "HN"));
  if (in.x.size(0) != in.u.size(1))
    throw_shape_error(std::string(op) + ": u and x disagree on H: u is " + to_string(in.u.sizes(), "BHL") + ", x is " +
                      to_string(in.x.sizes(), "HN"));
  if (in.skip.data() != nullptr) check_shape(op, "D", in.skip, Extents<1>{in.H()}, "H");
  if (in.state_in.data() != nullptr) check_shape(op, "state_in", in.state_in, Extents<4>{in.B(), 2, in.N(), in.H()});
}

template <class T, device D, class S>
void check_diagonal(const char* op, const DiagonalOutputs<T, D, S>& out, const DiagonalInputs<T, D, S>& in) {
  check_diagonal(op, in);
  check_shape(op, "y", out.y, in.u.sizes(), "BHL");
  check_gradient(op, "state_out", out.state_out, Extents<4>{in.B(), 2, in.N(), in.H()});
}

template <class T, device D, class S>
void check_diagonal(const char* op, const DiagonalGradients<T, D, S>& d, const DiagonalCotangents<T, D, S>& from,
                    const DiagonalInputs<T, D, S>& in) {
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
