// functions/readout.hpp - readout on the tape (ops/readout.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/readout.hpp"

namespace longwave {

// x (B, H, L) -> (B, H, M). lengths (B) may be left out; it must stay as it is until backward has run.
template <class T, device D>
Var<T, 3, D> readout(Var<T, 3, D> x, index_t M, ReadoutMode mode, In<index_t, 1, D> lengths = {}) {
  Tape<T, D>& tape = x.tape();
  if (M < 0) throw_value_error("readout: M is " + std::to_string(M) + ", expected at least 0");
  const Var<T, 3, D> y = tape.make(Extents<3>{x.size(0), x.size(1), M}, x.needs_grad());
  ops::Readout::forward(y.output(), x.value(), lengths, mode);
  tape.record("readout", y, [=] {
    const Grad dx(x);
    ops::Readout::backward(dx.view(), y.grad(), lengths, mode);
  });
  return y;
}

}  // namespace longwave
