// functions/lstm.hpp - one direction of one LSTM layer on the tape (ops/lstm.hpp). All layers: nn/lstm.hpp.
#pragma once

#include "longwave/autograd/functions/shape.hpp"
#include "longwave/ops/lstm.hpp"

namespace longwave {

template <class T, device D = Host>
struct LstmWeightVars {
  Var<T, 2, D> W_ih, W_hh;  // (4 H, I), (4 H, H)
  Var<T, 1, D> b_ih, b_hh;  // (4 H); may be left out

  bool needs_grad() const { return W_ih.needs_grad() || W_hh.needs_grad() || b_ih.needs_grad() || b_hh.needs_grad(); }
  LstmWeightViews<const T, D> values() const {
    return {W_ih.value(), W_hh.value(), value_or_none(b_ih), value_or_none(b_hh)};
  }
};

// Hidden and cell state: (B, H), or (layers * directions, B, H) of a whole LSTM. Either may be left out: zero.
template <class T, int N, device D = Host>
struct LstmStateVars {
  Var<T, N, D> h, c;
};

template <class T, int N, device D = Host>
struct LstmOutput {
  Var<T, 3, D> y;                // (B, L, H)
  LstmStateVars<T, N, D> state;  // after the last step
};

namespace detail {

// x[k] of a stack x of states.
template <class T, device D>
Var<T, 2, D> entry(Var<T, 3, D> x, index_t k) {
  return view_of<2>("lstm", x, [k](TensorView<T, 3, D> v) { return v[k]; });
}

}  // namespace detail

// x (B, L, I). reverse: from the last step to the first; the state is then that after the first.
template <class T, device D>
LstmOutput<T, 2, D> lstm(Var<T, 3, D> x, const std::type_identity_t<LstmWeightVars<T, D>>& weights,
                         const std::type_identity_t<LstmStateVars<T, 2, D>>& start = {}, bool reverse = false) {
  Tape<T, D>& tape = x.tape();
  const bool needs_grad = x.needs_grad() || weights.needs_grad() || start.h.needs_grad() || start.c.needs_grad();
  const Extents<3> sizes = x.sizes();
  const index_t B = sizes[0], H = weights.W_hh.size(1);
  const Var<T, 3, D> y = tape.make(Extents<3>{B, sizes[1], H}, needs_grad);
  const Var<T, 2, D> h = tape.make(Extents<2>{B, H}, needs_grad), c = tape.make(Extents<2>{B, H}, needs_grad);
  TensorView<T, 1, D> saved;
  if (needs_grad && tape.recording()) saved = tape.template keep<T>(Extents<1>{ops::Lstm::saved_count<T, D>(sizes, H)});
  ops::Lstm::forward(y.output(), {h.output(), c.output()}, saved, x.value(), weights.values(),
                     {value_or_none(start.h), value_or_none(start.c)}, reverse);
  tape.record("lstm", y, h, c, [=, &tape] {
    Grad dx(x);
    Grad dh(start.h), dc(start.c);
    ops::Lstm::backward(dx.view(),
                        {tape.grad_to_add(weights.W_ih), tape.grad_to_add(weights.W_hh), tape.grad_to_add(weights.b_ih),
                         tape.grad_to_add(weights.b_hh)},
                        {dh.view(), dc.view()}, y.grad(), {h.grad(), c.grad()}, saved, weights.values(), sizes,
                        reverse);
  });
  return {y, {h, c}};
}

}  // namespace longwave
