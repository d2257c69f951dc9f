// functions/reduce.hpp - sum, mean, logsumexp, softmax and log_softmax on the tape. The first three drop their axis;
// sum and mean without an axis run over all and give a scalar.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/reduce.hpp"

namespace longwave {

namespace detail {

template <class Op, class T, int N, device D>
Var<T, N - 1, D> reduce(Var<T, N, D> x, int axis) {
  Tape<T, D>& tape = x.tape();
  axis = check_axis(Op::name, axis, N);
  const Var<T, N - 1, D> y = tape.make(without_axis(x.sizes(), axis), x.needs_grad());
  Op::forward(y.output(), x.value(), axis);
  tape.record(Op::name, y, [=] {
    Grad dx(x);
    Op::backward(dx.view(), y.grad(), axis);
  });
  return y;
}

template <class Op, class T, int N, device D>
Var<T, 0, D> reduce_all(Var<T, N, D> x) {
  Tape<T, D>& tape = x.tape();
  const Var<T, 0, D> y = tape.make(Extents<0>(), x.needs_grad());
  Op::forward(y.output(), x.value());
  tape.record(Op::name, y, [=] {
    Grad dx(x);
    Op::backward(dx.view(), y.grad());
  });
  return y;
}

template <class Op, class T, int N, device D>
Var<T, N, D> any_softmax(Var<T, N, D> x, int axis) {
  Tape<T, D>& tape = x.tape();
  const Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad());
  Op::forward(y.output(), x.value(), axis);
  tape.record(Op::name, y, [=] {
    Grad dx(x);
    Op::backward(dx.view(), y.grad(), y.value(), axis);
  });
  return y;
}

}  // namespace detail

template <class T, int N, device D>
Var<T, N - 1, D> sum(Var<T, N, D> x, int axis) {
  return detail::reduce<ops::Sum>(x, axis);
}
template <class T, int N, device D>
Var<T, 0, D> sum(Var<T, N, D> x) {
  return detail::reduce_all<ops::Sum>(x);
}
template <class T, int N, device D>
Var<T, N - 1, D> mean(Var<T, N, D> x, int axis) {
  return detail::reduce<ops::Mean>(x, axis);
}
template <class T, int N, device D>
Var<T, 0, D> mean(Var<T, N, D> x) {
  return detail::reduce_all<ops::Mean>(x);
}

template <class T, int N, device D>
Var<T, N, D> softmax(Var<T, N, D> x, int axis) {
  return detail::any_softmax<ops::Softmax>(x, axis);
}
template <class T, int N, device D>
Var<T, N, D> log_softmax(Var<T, N, D> x, int axis) {
  return detail::any_softmax<ops::LogSoftmax>(x, axis);
}

template <class T, int N, device D>
Var<T, N - 1, D> logsumexp(Var<T, N, D> x, int axis) {
  Tape<T, D>& tape = x.tape();
  axis = check_axis("logsumexp", axis, N);
  const Var<T, N - 1, D> y = tape.make(without_axis(x.sizes(), axis), x.needs_grad());
  ops::LogSumExp::forward(y.output(), x.value(), axis);
  tape.record("logsumexp", y, [=] {
    Grad dx(x);
    ops::LogSumExp::backward(dx.view(), y.grad(), x.value(), y.value(), axis);
  });
  return y;
}

}  // namespace longwave
