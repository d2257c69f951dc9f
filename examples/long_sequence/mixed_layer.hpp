// mixed_layer.hpp - a state-space layer with its values stored in bfloat16 (docs/design/bfloat16.md): half the bytes of
// all that lies between its input and its output. Parameters, their gradients, what joins the layers and norms stay
// float. One sample at a time, and pieces with a state, run in float.
#pragma once

#include "longwave/autograd/functions/cast.hpp"
#include "longwave/nn/ssm_layer.hpp"

namespace longwave::examples {

template <class Layer>
struct MixedLayer : Layer {
  using Layer::Layer;
  using typename Layer::Dev;

  Var<float, 3, Dev> operator()(Tape<float, Dev>& tape, Var<float, 3, Dev> u, const SsmRunOn<Dev>& run = {}) {
    if (run.lengths.data() != nullptr) u = mask_lengths(u, run.lengths);  // which has no form for bfloat16
    return cast<float>(Layer::operator()(tape, cast<bfloat16>(u), SsmRunOn<Dev>{.rate = run.rate}));
  }
};

}  // namespace longwave::examples
