// functions/elementwise.hpp - arithmetic of Vars with each other (broadcast axes of size 1) and with numbers; exp, log,
// square, sqrt, abs.
#pragma once

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/ops/elementwise.hpp"

namespace longwave {

template <class Rule, class T, int N, device D>
Var<T, N, D> binary(Var<T, N, D> a, Var<T, N, D> b, Rule rule) {
  Tape<T, D>& tape = a.tape();
  const Extents<N> sizes = broadcast_sizes(Rule::name, a.sizes(), b.sizes());
  const Var<T, N, D> y = tape.make(sizes, a.needs_grad() || b.needs_grad());
  ops::Binary<Rule>::forward(y.output(), a.value(), b.value(), rule);
  tape.record(Rule::name, y, [=] {
    Grad da(a), db(b);
    ops::Binary<Rule>::backward(da.view(), db.view(), y.grad(), a.value(), b.value(), rule);
  });
  return y;
}

template <class T, int N, device D>
Var<T, N, D> operator+(Var<T, N, D> a, Var<T, N, D> b) {
  return binary(a, b, AddRule());
}
template <class T, int N, device D>
Var<T, N, D> operator-(Var<T, N, D> a, Var<T, N, D> b) {
  return binary(a, b, SubRule());
}
template <class T, int N, device D>
Var<T, N, D> operator*(Var<T, N, D> a, Var<T, N, D> b) {
  return binary(a, b, MulRule());
}
template <class T, int N, device D>
Var<T, N, D> operator/(Var<T, N, D> a, Var<T, N, D> b) {
  return binary(a, b, DivRule());
}

// factor x + shift
template <class T, int N, device D>
Var<T, N, D> scale(Var<T, N, D> x, double factor, double shift = 0) {
  return unary(x, ScaleRule{factor, shift});
}

template <class T, int N, device D>
Var<T, N, D> operator-(Var<T, N, D> x) {
  return scale(x, -1);
}
template <class T, int N, device D>
Var<T, N, D> operator+(Var<T, N, D> x, double c) {
  return scale(x, 1, c);
}
template <class T, int N, device D>
Var<T, N, D> operator+(double c, Var<T, N, D> x) {
  return scale(x, 1, c);
}
template <class T, int N, device D>
Var<T, N, D> operator-(Var<T, N, D> x, double c) {
  return scale(x, 1, -c);
}
template <class T, int N, device D>
Var<T, N, D> operator-(double c, Var<T, N, D> x) {
  return scale(x, -1, c);
}
template <class T, int N, device D>
Var<T, N, D> operator*(Var<T, N, D> x, double c) {
  return scale(x, c);
}
template <class T, int N, device D>
Var<T, N, D> operator*(double c, Var<T, N, D> x) {
  return scale(x, c);
}
template <class T, int N, device D>
Var<T, N, D> operator/(Var<T, N, D> x, double c) {
  return scale(x, 1 / c);
}
template <class T, int N, device D>
Var<T, N, D> operator/(double c, Var<T, N, D> x) {
  return unary(x, InverseRule{c});
}

template <class T, int N, device D>
Var<T, N, D> exp(Var<T, N, D> x) {
  return unary(x, ExpRule());
}
template <class T, int N, device D>
Var<T, N, D> log(Var<T, N, D> x) {
  return unary(x, LogRule());
}
template <class T, int N, device D>
Var<T, N, D> square(Var<T, N, D> x) {
  return unary(x, SquareRule());
}
template <class T, int N, device D>
Var<T, N, D> sqrt(Var<T, N, D> x) {
  return unary(x, SqrtRule());
}
template <class T, int N, device D>
Var<T, N, D> abs(Var<T, N, D> x) {
  return unary(x, AbsRule());
}

}  // namespace longwave
