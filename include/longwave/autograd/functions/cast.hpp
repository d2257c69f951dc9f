// functions/cast.hpp - a value in another type of storage on the tape (ops/cast.hpp):
//
//   Var<bfloat16, 3> h = cast<bfloat16>(u);   // what follows is stored in bfloat16, computed in float
//   Var<float, 3> y = cast<float>(h);
//
// The gradient has the type of the value that it belongs to: dL/dh is bfloat16, dL/du float.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/cast.hpp"

namespace longwave {

template <class U, class T, int N, device D>
  requires(std::is_same_v<Arithmetic<U>, Arithmetic<T>>)
Var<U, N, D> cast(Var<T, N, D> x) {
  if constexpr (std::is_same_v<U, T>) {
    return x;
  } else {
    auto& tape = x.tape();
    const Var<U, N, D> y = tape.template make_as<U>(x.sizes(), x.needs_grad());
    ops::Cast::forward(y.output(), x.value());
    tape.record("cast", y, [=] {
      Grad dx(x);
      ops::Cast::backward(dx.view(), y.grad());
    });
    return y;
  }
}

}  // namespace longwave
