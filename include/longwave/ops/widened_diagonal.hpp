// widened_diagonal.hpp - a diagonal state-space layer whose u and y are stored in bfloat16, run by a form that takes
// floats only: samples are widened into working memory, results are rounded once. 6 bytes more per sample and tensor
// that the device moves.
#pragma once

#include "longwave/core/diagonal.hpp"
#include "longwave/ops/cast.hpp"

namespace longwave::impl {

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

}  // namespace longwave::impl
