// functions/shape.hpp - other views of a value on the tape: no element is copied, gradients go to where they came from.
#pragma once

#include "longwave/autograd/tape.hpp"

namespace longwave {

namespace detail {

// A value that is `view(x)`; view maps a TensorView of x to one of the result.
template <int M, class T, int N, device D, class View>
Var<T, M, D> view_of(const char* op, Var<T, N, D> x, View view) {
  Tape<T, D>& tape = x.tape();
  const Var<T, M, D> y = tape.alias(view(x.output()), x.needs_grad());
  tape.record(op, y, [=] { add_to(view(x.tape().grad_to_add(x)), y.grad()); });
  return y;
}

}  // namespace detail

// The same elements, in order, under other sizes; x must be contiguous.
template <int M, class T, int N, device D>
Var<T, M, D> reshape(Var<T, N, D> x, Extents<M> sizes) {
  return detail::view_of<M>("reshape", x, [=](TensorView<T, N, D> v) { return v.reshape(sizes); });
}

// Position `index` of the last axis: (.., L) -> (..). Negative: from the end, -1 is the last.
template <class T, int N, device D>
Var<T, N - 1, D> select_last_axis(Var<T, N, D> x, index_t index) {
  const index_t L = x.size(N - 1), at = index < 0 ? L + index : index;
  if (at < 0 || at >= L)
    throw_value_error("select_last_axis: position " + std::to_string(index) + " of " + to_string(x.sizes()));
  return detail::view_of<N - 1>("select_last_axis", x, [=](TensorView<T, N, D> v) {
    Extents<N - 1> sizes, strides;
    for (int i = 0; i < N - 1; ++i) {
      sizes[i] = v.size(i);
      strides[i] = v.stride(i);
    }
    return TensorView<T, N - 1, D>(v.data() + at * v.stride(N - 1), sizes, strides);
  });
}

}  // namespace longwave
