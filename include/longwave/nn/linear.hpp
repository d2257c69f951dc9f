// linear.hpp - y = x W^T + b over the last axis of x (..., I) -> (..., O). For (B, H, L) see nn/conv1d.hpp.
// Parameters: weight (O, I), bias (O).
#pragma once

#include "longwave/autograd/functions/matmul.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct Linear {
  struct Options {
    index_t in = 0;
    index_t out = 0;
    bool bias = true;
  };

  Options options;
  Parameter<T, 2, D> weight;
  Parameter<T, 1, D> bias;  // empty if left out

  Linear(Options o, Generator& gen)
      : options(checked(o)), weight(Extents<2>{o.out, o.in}), bias(Extents<1>{o.bias ? o.out : 0}) {
    init::linear_default(gen, weight.value.view(), bias.value.view());
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
    if (options.bias) f("bias", bias);
  }

  template <int N>
  Var<T, N, D> operator()(Tape<T, D>& tape, Var<T, N, D> x) {
    return linear(x, weight.on(tape, "weight"), options.bias ? bias.on(tape, "bias") : Var<T, 1, D>());
  }

  // max(.., 0) of it, in the same launches where the device has few.
  template <int N>
  Var<T, N, D> with_relu(Tape<T, D>& tape, Var<T, N, D> x) {
    return linear_relu(x, weight.on(tape, "weight"), options.bias ? bias.on(tape, "bias") : Var<T, 1, D>());
  }

 private:
  static Options checked(Options o) {
    detail::check_at_least("Linear", "in", o.in, 1);
    detail::check_at_least("Linear", "out", o.out, 1);
    return o;
  }
};

}  // namespace longwave
