// functions/shape.hpp - other arrangements of a value on the tape.
//
//   reshape, select_last_axis, slice       other views: no element is copied
//   contiguous                             x itself, or a dense copy of a strided one
//   flip, transpose, concat, delay         dense copies
//
// The gradient of every element goes to where the element came from.
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

// A dense copy of `view(x)`. everything: the view shows each element of x once, so its gradient is assigned.
template <int M, bool everything, class T, int N, device D, class View>
Var<T, M, D> copy_of(const char* op, Var<T, N, D> x, View view) {
  Tape<T, D>& tape = x.tape();
  const TensorView<T, M, D> from = view(x.output());
  const Var<T, M, D> y = tape.make(from.sizes(), x.needs_grad());
  copy(y.output(), from);
  tape.record(op, y, [=] {
    if constexpr (everything) {
      const Grad dx(x);
      if (wanted(dx.view())) copy(view(dx.view()), y.grad());
    } else {
      add_to(view(x.tape().grad_to_add(x)), y.grad());
    }
  });
  return y;
}

// The view read backwards along one axis.
template <class T, int N, device D>
TensorView<T, N, D> reversed(TensorView<T, N, D> v, int axis) {
  Extents<N> strides = v.strides();
  strides[axis] = -strides[axis];
  return {v.empty() ? v.data() : v.data() + (v.size(axis) - 1) * v.stride(axis), v.sizes(), strides};
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

// Positions [begin, end) of one axis.
template <class T, int N, device D>
Var<T, N, D> slice(Var<T, N, D> x, int axis, index_t begin, index_t end) {
  axis = check_axis("slice", axis, N);
  return detail::view_of<N>("slice", x, [=](TensorView<T, N, D> v) { return v.slice(axis, begin, end); });
}

// Backwards along one axis: y_l = x_{L-1-l}.
template <class T, int N, device D>
Var<T, N, D> flip(Var<T, N, D> x, int axis) {
  axis = check_axis("flip", axis, N);
  return detail::copy_of<N, true>("flip", x, [=](TensorView<T, N, D> v) { return detail::reversed(v, axis); });
}

template <class T, int N, device D>
Var<T, N, D> transpose(Var<T, N, D> x, int a, int b) {
  a = check_axis("transpose", a, N);
  b = check_axis("transpose", b, N);
  return detail::copy_of<N, true>("transpose", x, [=](TensorView<T, N, D> v) { return v.transpose(a, b); });
}

// x with dense rows, for what needs them.
template <class T, int N, device D>
Var<T, N, D> contiguous(Var<T, N, D> x) {
  if (x.value().contiguous()) return x;
  return detail::copy_of<N, true>("contiguous", x, [](TensorView<T, N, D> v) { return v; });
}

// One step later along the last axis: y_0 = 0, y_l = x_{l-1}; the last one is dropped.
template <class T, int N, device D>
Var<T, N, D> delay(Var<T, N, D> x) {
  Tape<T, D>& tape = x.tape();
  const Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad());
  const index_t L = x.size(N - 1);
  if (L == 0) return y;
  detail::fill(y.output().slice(N - 1, 0, 1), T(0));
  copy(y.output().slice(N - 1, 1, L), x.value().slice(N - 1, 0, L - 1));
  tape.record("delay", y, [=] {
    const Grad dx(x);
    if (!wanted(dx.view())) return;
    detail::fill(dx.view().slice(N - 1, L - 1, L), T(0));
    copy(dx.view().slice(N - 1, 0, L - 1), y.grad().slice(N - 1, 1, L));
  });
  return y;
}

// One after the other along `axis`; the other sizes agree.
template <class T, int N, device D, class... Rest>
  requires(std::is_same_v<Rest, Var<T, N, D>>&&...)
Var<T, N, D> concat(int axis, Var<T, N, D> first, Rest... rest) {
  axis = check_axis("concat", axis, N);
  Tape<T, D>& tape = first.tape();
  Extents<N> sizes = first.sizes();
  const auto grow = [&](const Var<T, N, D>& x) {
    for (int i = 0; i < N; ++i)
      if (i != axis && x.size(i) != sizes[i])
        throw_shape_error("concat: " + to_string(first.sizes()) + " and " + to_string(x.sizes()) +
                          " differ beside axis " + std::to_string(axis));
    sizes[axis] += x.size(axis);
  };
  (grow(rest), ...);
  const Var<T, N, D> y = tape.make(sizes, (first.needs_grad() || ... || rest.needs_grad()));
  index_t at = 0;
  const auto put = [&](const Var<T, N, D>& x) {
    copy(y.output().slice(axis, at, at + x.size(axis)), x.value());
    at += x.size(axis);
  };
  (put(first), ..., put(rest));
  tape.record("concat", y, [=] {
    index_t from = 0;
    const auto take = [&](const Var<T, N, D>& x) {
      const index_t to = from + x.size(axis);
      const Grad dx(x);
      if (wanted(dx.view())) copy(dx.view(), y.grad().slice(axis, from, to));
      from = to;
    };
    (take(first), ..., take(rest));
  });
  return y;
}

}  // namespace longwave
