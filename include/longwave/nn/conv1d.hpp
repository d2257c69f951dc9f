// conv1d.hpp - convolution along time, x (B, I, L) -> (B, O, M) (ops/conv1d.hpp). With kernel = 1 it is the
// position-wise linear layer on (B, H, L). Parameters: weight (O, I / groups, kernel), bias (O).
#pragma once

#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct Conv1d {
  struct Options {
    index_t in = 0;
    index_t out = 0;
    index_t kernel = 1;
    index_t stride = 1;
    index_t padding = 0;
    index_t dilation = 1;
    index_t groups = 1;
    bool bias = true;
  };

  Options options;
  Parameter<T, 3, D> weight;
  Parameter<T, 1, D> bias;  // empty if left out

  Conv1d(Options o, Generator& gen)
      : options(checked(o)),
        weight(Extents<3>{o.out, o.in / o.groups, o.kernel}),
        bias(Extents<1>{o.bias ? o.out : 0}) {
    init::linear_default(gen, weight.value.view(), bias.value.view());
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
    if (options.bias) f("bias", bias);
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    return conv1d(
        x, weight.on(tape, "weight"), options.bias ? bias.on(tape, "bias") : Var<T, 1, D>(),
        {.stride = options.stride, .padding = options.padding, .dilation = options.dilation, .groups = options.groups});
  }

 private:
  static Options checked(Options o) {
    detail::check_at_least("Conv1d", "in", o.in, 1);
    detail::check_at_least("Conv1d", "out", o.out, 1);
    detail::check_at_least("Conv1d", "kernel", o.kernel, 1);
    detail::check_at_least("Conv1d", "stride", o.stride, 1);
    detail::check_at_least("Conv1d", "padding", o.padding, 0);
    detail::check_at_least("Conv1d", "dilation", o.dilation, 1);
    detail::check_at_least("Conv1d", "groups", o.groups, 1);
    if (o.in % o.groups != 0 || o.out % o.groups != 0)
      throw_value_error("Conv1d: groups is " + std::to_string(o.groups) + ", expected a divisor of in and out");
    return o;
  }
};

}  // namespace longwave
