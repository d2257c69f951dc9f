// weight_norm_conv1d.hpp - a convolution along time whose filters are length times direction: W_o = g_o v_o / |v_o|
// (ops/weight_norm.hpp, ops/conv1d.hpp). Parameters: bias (O), weight_g (O, 1, 1), weight_v (O, I / groups, kernel),
// the names of PyTorch's weight_norm. At first v is drawn as Conv1d's weight and g = |v|.
#pragma once

#include <cmath>

#include "longwave/autograd/functions/weight_norm.hpp"
#include "longwave/nn/conv1d.hpp"

namespace longwave {

template <class T, device D = Host>
struct WeightNormConv1d {
  using Options = typename Conv1d<T, D>::Options;

  Options options;
  Parameter<T, 1, D> bias;  // empty if left out
  Parameter<T, 3, D> weight_g, weight_v;
  Tensor<T, 3, D> held;  // the weight, or empty: see hold()

  WeightNormConv1d(const Options& o, Generator& gen) : WeightNormConv1d(Conv1d<T, D>(o, gen)) {}

  template <class F>
  void for_each_parameter(F&& f) {
    if (options.bias) f("bias", bias);
    f("weight_g", weight_g);
    f("weight_v", weight_v);
  }

  // The weight (O, I / groups, kernel) on a tape.
  Var<T, 3, D> weight(Tape<T, D>& tape) {
    if (held.count() > 0) return tape.input(held);
    return longwave::weight_norm(weight_v.on(tape, "weight_v"),
                                 weight_g.on(tape, Extents<1>{weight_v.value.size(0)}, "weight_g"));
  }

  // Works the weight out once, for passes whose parameters stay as they are; hold(false): no more.
  void hold(bool on) {
    held = Tensor<T, 3, D>();
    if (!on) return;
    const Extents<3>& s = weight_v.value.sizes();
    held = Tensor<T, 3, D>::uninitialized(s);
    const Extents<2> rows{s[0], s[1] * s[2]};
    ops::WeightNorm::forward(held.view().reshape(rows), TensorView<const T, 1, D>(weight_g.value.view().flat()),
                             TensorView<const T, 2, D>(weight_v.value.view().reshape(rows)));
  }

  // W: what weight() gave, if it was called ahead.
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, std::type_identity_t<Var<T, 3, D>> W = {}) {
    return conv1d(
        x, W ? W : weight(tape), options.bias ? bias.on(tape, "bias") : Var<T, 1, D>(),
        {.stride = options.stride, .padding = options.padding, .dilation = options.dilation, .groups = options.groups});
  }

 private:
  explicit WeightNormConv1d(Conv1d<T, D> plain)
      : options(plain.options),
        bias(std::move(plain.bias)),
        weight_g(Extents<3>{options.out, 1, 1}),
        weight_v(std::move(plain.weight)) {
    const auto values = init::host_values(weight_v.value.view());
    const TensorView<const T, 3> v = values;
    init::on_host(weight_g.value.view().flat(), [&](TensorView<T, 1> g) {
      for (index_t o = 0; o < g.size(0); ++o) {
        const TensorView<const T, 1> row = v[o].flat();
        g(o) = static_cast<T>(std::sqrt(impl::dot_in_double(row, row)));
      }
    });
  }
};

}  // namespace longwave
