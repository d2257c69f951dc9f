// functions/gru.hpp - one direction of one GRU layer on the tape (ops/gru.hpp). As a layer: nn/recurrent.hpp.
#pragma once

#include "longwave/autograd/functions/lstm.hpp"
#include "longwave/ops/gru.hpp"

namespace longwave {

// W_ih (3 H, I), W_hh (3 H, H), b_ih, b_hh (3 H); biases may be left out.
template <class T>
using GruWeightVars = LstmWeightVars<T>;

template <class T>
struct GruOutput {
  Var<T, 3> y;      // (B, L, H)
  Var<T, 2> state;  // (B, H), after the last step
};

// x (B, L, I), start (B, H) or left out: zero. reverse: from the last step to the first.
template <class T>
GruOutput<T> gru(Var<T, 3> x, const std::type_identity_t<GruWeightVars<T>>& weights,
                 std::type_identity_t<Var<T, 2>> start = {}, bool reverse = false) {
  Tape<T>& tape = x.tape();
  const bool needs_grad = x.needs_grad() || weights.needs_grad() || start.needs_grad();
  const Extents<3> sizes = x.sizes();
  const index_t B = sizes[0], H = weights.W_hh.size(1);
  const Var<T, 3> y = tape.make(Extents<3>{B, sizes[1], H}, needs_grad);
  const Var<T, 2> end = tape.make(Extents<2>{B, H}, needs_grad);
  TensorView<T, 1> saved;
  if (needs_grad && tape.recording()) saved = tape.template keep<T>(Extents<1>{ops::Gru::saved_count<T>(sizes, H)});
  ops::Gru::forward(y.output(), end.output(), saved, x.value(), weights.values(), value_or_none(start), reverse);
  tape.record("gru", y, end, [=, &tape] {
    Grad dx(x);
    Grad dstart(start);
    ops::Gru::backward(dx.view(),
                       {tape.grad_to_add(weights.W_ih), tape.grad_to_add(weights.W_hh), tape.grad_to_add(weights.b_ih),
                        tape.grad_to_add(weights.b_hh)},
                       dstart.view(), y.grad(), end.grad(), saved, weights.values(), sizes, reverse);
  });
  return {y, end};
}

}  // namespace longwave
