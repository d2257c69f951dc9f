// layer_norm.hpp - layer normalisation over the features (ops/norm.hpp): axis 1 of (B, H, L) and of (B, H) unless
// another axis is asked for. Parameters: weight (H), ones at first, and bias (H).
#pragma once

#include "longwave/autograd/functions/dropout_norm.hpp"
#include "longwave/autograd/functions/norm.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct LayerNorm {
  struct Options {
    index_t features = 0;
    int axis = 1;  // -1: the last
    double eps = 1e-5;
    bool bias = true;
  };

  Options options;
  Parameter<T, 1, D> weight;
  Parameter<T, 1, D> bias;  // empty if left out

  explicit LayerNorm(Options o)
      : options(checked(o)), weight(Extents<1>{o.features}), bias(Extents<1>{o.bias ? o.features : 0}) {
    init::constant(weight.value.view(), 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
    if (options.bias) f("bias", bias);
  }

  template <int N>
  Var<T, N, D> operator()(Tape<T, D>& tape, Var<T, N, D> x) {
    return layer_norm(x, weight.on(tape, "weight"), options.bias ? bias.on(tape, "bias") : Var<T, 1, D>(),
                      {.axis = options.axis, .eps = options.eps});
  }

  // The same of x + dropout(r), tied over the last axis, at once.
  template <int N>
  Var<T, N, D> of_sum(Tape<T, D>& tape, Var<T, N, D> x, Var<T, N, D> r, double p) {
    return dropout_add_norm(x, r, weight.on(tape, "weight"), options.bias ? bias.on(tape, "bias") : Var<T, 1, D>(), p,
                            {.axis = options.axis, .eps = options.eps});
  }

 private:
  static Options checked(Options o) {
    detail::check_at_least("LayerNorm", "features", o.features, 1);
    if (!(std::isfinite(o.eps) && o.eps >= 0))
      throw_value_error("LayerNorm: eps is " + std::to_string(o.eps) + ", expected a finite number >= 0");
    return o;
  }
};

}  // namespace longwave
