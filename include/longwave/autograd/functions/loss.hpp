// functions/loss.hpp - mse, l1, huber, bce_with_logits, kl_div, cross_entropy on the tape. A loss is a scalar Var; the
// forms that end in _each keep the shape. `weights`: a mask or weights of the target's shape, treated as a constant;
// default none.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/cross_entropy.hpp"
#include "longwave/ops/loss.hpp"

namespace longwave {

template <class T, int N, device D>
using Weights = std::type_identity_t<Var<T, N, D>>;

namespace detail {

template <class Rule, class T, int N, device D>
Var<T, 0, D> loss(Var<T, N, D> x, Var<T, N, D> t, Weights<T, N, D> weights, Reduction reduction, Rule rule) {
  Tape<T, D>& tape = x.tape();
  const TensorView<const T, N, D> w = value_or_none(weights);
  const Var<T, 0, D> y = tape.make(Extents<0>(), x.needs_grad() || t.needs_grad());
  ops::PointLoss<Rule>::forward(y.output(), x.value(), t.value(), w, reduction, rule);
  tape.record(Rule::name, y, [=] {
    Grad dx(x), dt(t);
    ops::PointLoss<Rule>::backward(dx.view(), dt.view(), y.grad(), x.value(), t.value(), w, reduction, rule);
  });
  return y;
}

template <class Rule, class T, int N, device D>
Var<T, N, D> loss_each(Var<T, N, D> x, Var<T, N, D> t, Weights<T, N, D> weights, Rule rule) {
  Tape<T, D>& tape = x.tape();
  const TensorView<const T, N, D> w = value_or_none(weights);
  const Var<T, N, D> y = tape.make(x.sizes(), x.needs_grad() || t.needs_grad());
  ops::PointLoss<Rule>::forward_each(y.output(), x.value(), t.value(), w, rule);
  tape.record(Rule::name, y, [=] {
    Grad dx(x), dt(t);
    ops::PointLoss<Rule>::backward_each(dx.view(), dt.view(), y.grad(), x.value(), t.value(), w, rule);
  });
  return y;
}

}  // namespace detail

template <class T, int N, device D>
Var<T, 0, D> mse(Var<T, N, D> x, Var<T, N, D> target, Weights<T, N, D> weights = {},
                 Reduction reduction = Reduction::mean) {
  return detail::loss(x, target, weights, reduction, MseRule());
}
template <class T, int N, device D>
Var<T, N, D> mse_each(Var<T, N, D> x, Var<T, N, D> target, Weights<T, N, D> weights = {}) {
  return detail::loss_each(x, target, weights, MseRule());
}

template <class T, int N, device D>
Var<T, 0, D> l1(Var<T, N, D> x, Var<T, N, D> target, Weights<T, N, D> weights = {},
                Reduction reduction = Reduction::mean) {
  return detail::loss(x, target, weights, reduction, L1Rule());
}
template <class T, int N, device D>
Var<T, N, D> l1_each(Var<T, N, D> x, Var<T, N, D> target, Weights<T, N, D> weights = {}) {
  return detail::loss_each(x, target, weights, L1Rule());
}

template <class T, int N, device D>
Var<T, 0, D> huber(Var<T, N, D> x, Var<T, N, D> target, double delta = 1, Weights<T, N, D> weights = {},
                   Reduction reduction = Reduction::mean) {
  return detail::loss(x, target, weights, reduction, HuberRule{delta});
}
template <class T, int N, device D>
Var<T, N, D> huber_each(Var<T, N, D> x, Var<T, N, D> target, double delta = 1, Weights<T, N, D> weights = {}) {
  return detail::loss_each(x, target, weights, HuberRule{delta});
}

template <class T, int N, device D>
Var<T, 0, D> bce_with_logits(Var<T, N, D> x, Var<T, N, D> target, Weights<T, N, D> weights = {},
                             Reduction reduction = Reduction::mean) {
  return detail::loss(x, target, weights, reduction, BceWithLogitsRule());
}
template <class T, int N, device D>
Var<T, N, D> bce_with_logits_each(Var<T, N, D> x, Var<T, N, D> target, Weights<T, N, D> weights = {}) {
  return detail::loss_each(x, target, weights, BceWithLogitsRule());
}

// log_q and p: log-probabilities and probabilities. Sum over a batch, divided by B, is the mean divergence of its rows.
template <class T, int N, device D>
Var<T, 0, D> kl_div(Var<T, N, D> log_q, Var<T, N, D> p, Weights<T, N, D> weights = {},
                    Reduction reduction = Reduction::mean) {
  return detail::loss(log_q, p, weights, reduction, KlDivRule());
}
template <class T, int N, device D>
Var<T, N, D> kl_div_each(Var<T, N, D> log_q, Var<T, N, D> p, Weights<T, N, D> weights = {}) {
  return detail::loss_each(log_q, p, weights, KlDivRule());
}

// scores (B, K) or (B, K, L); classes: a view of integers (B) or (B, L), which must stay until backward has run.
template <class T, int N, device D, class I>
Var<T, 0, D> cross_entropy(Var<T, N, D> scores, TensorView<I, N - 1, D> classes, CrossEntropyOptions options = {},
                           Weights<T, N - 1, D> weights = {}) {
  Tape<T, D>& tape = scores.tape();
  const TensorView<const T, N - 1, D> w = value_or_none(weights);
  const Var<T, 0, D> y = tape.make(Extents<0>(), scores.needs_grad());
  const TensorView<T, N, D> stats = tape.template keep<T>(ops::CrossEntropy::stats_sizes(scores.sizes()));
  ops::CrossEntropy::forward(y.output(), stats, scores.value(), classes, w, options);
  tape.record("cross_entropy", y, [=] {
    Grad dx(scores);
    ops::CrossEntropy::backward(dx.view(), y.grad(), stats, scores.value(), classes, w, options);
  });
  return y;
}

template <class T, int N, device D, class I>
Var<T, N - 1, D> cross_entropy_each(Var<T, N, D> scores, TensorView<I, N - 1, D> classes,
                                    CrossEntropyOptions options = {}, Weights<T, N - 1, D> weights = {}) {
  Tape<T, D>& tape = scores.tape();
  const TensorView<const T, N - 1, D> w = value_or_none(weights);
  const Var<T, N - 1, D> y = tape.make(classes.sizes(), scores.needs_grad());
  const TensorView<T, N, D> stats = tape.template keep<T>(ops::CrossEntropy::stats_sizes(scores.sizes()));
  ops::CrossEntropy::forward_each(y.output(), stats, scores.value(), classes, w, options);
  tape.record("cross_entropy", y, [=] {
    Grad dx(scores);
    ops::CrossEntropy::backward_each(dx.view(), y.grad(), stats, scores.value(), classes, w, options);
  });
  return y;
}

}  // namespace longwave
