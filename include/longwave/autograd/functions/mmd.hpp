// functions/mmd.hpp - mmd on the tape (ops/mmd.hpp): a training loss between two samples.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/mmd.hpp"

namespace longwave {

// MMD^2 of x (n, d) and y (m, d).
template <class T, device D>
Var<T, 0, D> mmd(Var<T, 2, D> x, std::type_identity_t<Var<T, 2, D>> y, const RbfMixture& kernel,
                 MmdForm form = MmdForm::unbiased) {
  Tape<T, D>& tape = x.tape();
  const Var<T, 0, D> value = tape.make(Extents<0>(), x.needs_grad() || y.needs_grad());
  ops::Mmd::forward(value.output(), x.value(), y.value(), kernel, form);
  tape.record("mmd", value, [=] {
    Grad dx(x);
    Grad dy(y);
    ops::Mmd::backward(dx.view(), dy.view(), value.grad(), x.value(), y.value(), kernel, form);
  });
  return value;
}

}  // namespace longwave
