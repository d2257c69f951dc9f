// conv1d.hpp - conv1d on the tape (ops/conv1d.hpp).
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/conv1d.hpp"

namespace longwave {

namespace detail {

// Whether the gradients of x and of W are two passes over y's anyway, and small ones; those of few channels are one.
template <class T, device D>
bool conv1d_in_parts(Var<T, 3, D> y, bool input, Var<T, 3, D> W) {
  return input && W.needs_grad() && W.size(0) > 8 && W.size(1) > 8 && leaves_room(y.sizes().count());
}

}  // namespace detail

// x (B, I, L), W (O, I / groups, k), bias (O) or left out -> (B, O, M).
template <class T, device D>
Var<T, 3, D> conv1d(Var<T, 3, D> x, std::type_identity_t<Var<T, 3, D>> W, std::type_identity_t<Var<T, 1, D>> bias,
                    const Conv1dOptions& options = {}) {
  Tape<T, D>& tape = x.tape();
  const Extents<3> sizes{x.size(0), W.size(0), conv1d_length(x.size(2), W.size(2), options)};
  Var<T, 3, D> y = tape.make(sizes, x.needs_grad() || W.needs_grad() || bias.needs_grad());
  ops::Conv1d::forward(y.output(), x.value(), W.value(), value_or_none(bias), options);
  tape.record("conv1d", y, [=, &tape] {
    if constexpr (std::is_same_v<D, Cuda>)
      if (detail::conv1d_in_parts(y, x.needs_grad(), W)) {
        tape.beside().run(Lane::products, [&] {
          tape.beside().only_reads(y.grad().data());
          ops::Conv1d::backward<T, D>({}, tape.grad_to_add(W), {}, y.grad(), x.value(), W.value(), options);
        });
        if (bias.needs_grad())
          tape.beside().run(Lane::sums, [&] {
            tape.beside().only_reads(y.grad().data());
            ops::Conv1d::backward<T, D>({}, {}, tape.grad_to_add(bias), y.grad(), x.value(), W.value(), options);
          });
        const Grad dx(x);
        return ops::Conv1d::backward<T, D>(dx.view(), {}, {}, y.grad(), x.value(), W.value(), options);
      }
    Grad dx(x);
    ops::Conv1d::backward(dx.view(), tape.grad_to_add(W), tape.grad_to_add(bias), y.grad(), x.value(), W.value(),
                          options);
  });
  return y;
}

}  // namespace longwave
