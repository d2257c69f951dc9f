// diagonal.hpp - shape checks that all forms of a diagonal state-space layer share, and how those that take floats only
// run where u and y are stored in bfloat16; the arguments: core/diagonal.hpp.
#pragma once

#include "longwave/core/diagonal.hpp"
#include "longwave/ops/cast.hpp"

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

namespace impl {

// Samples are widened into working memory, results are rounded once: 6 bytes more per sample and tensor that the device
// moves.
template <device D>
DiagonalInputs<float, D> widened(ScratchOn<D>& scratch, const DiagonalInputs<float, D, bfloat16>& in) {
  return {cast_to<float>(scratch, in.u), in.x, in.c, in.skip, in.state_in};
}

// forward(outputs, inputs) of floats.
template <device D, class F>
void widened_forward(const DiagonalOutputs<float, D, bfloat16>& out, const DiagonalInputs<float, D, bfloat16>& in,
                     F forward) {
  ScratchOn<D> scratch;
  const TensorView<float, 3, D> y = scratch.template tensor<float>(out.y.sizes());
  forward(DiagonalOutputs<float, D>{y, out.state_out}, widened(scratch, in));
  cast(out.y, TensorView<const float, 3, D>(y));
}

// backward(gradients, cotangents, inputs) of floats.
template <device D, class F>
void widened_backward(const DiagonalGradients<float, D, bfloat16>& d,
                      const DiagonalCotangents<float, D, bfloat16>& from, const DiagonalInputs<float, D, bfloat16>& in,
                      F backward) {
  ScratchOn<D> scratch;
  const auto du = wanted(d.du) ? scratch.template tensor<float>(d.du.sizes()) : TensorView<float, 3, D>();
  backward(DiagonalGradients<float, D>{du, d.dx, d.dc, d.dskip, d.dstate_in},
           DiagonalCotangents<float, D>{cast_to<float>(scratch, from.dy), from.dstate_out}, widened(scratch, in));
  if (wanted(du)) cast(d.du, TensorView<const float, 3, D>(du));
}

}  // namespace impl
}  // namespace longwave
