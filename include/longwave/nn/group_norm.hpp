// group_norm.hpp - normalisation of single sequences (B, H, L), over time.
//
//   GroupNorm      mean and variance of each group of H / groups features over those features and all of time
//   InstanceNorm   of each feature over time; GroupNorm with groups = H
//
// Then, per feature, weight and bias (H): GroupNorm's are there unless left out, InstanceNorm's where asked for, as in
// PyTorch. Statistics see the whole sequence: neither is causal, and neither has a step.
#pragma once

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/norm.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct GroupNorm {
  struct Options {
    index_t features = 0;
    index_t groups = 1;
    double eps = 1e-5;
    bool affine = true;
  };

  Options options;
  Parameter<T, 1, D> weight, bias;  // empty if left out

  explicit GroupNorm(Options o)
      : options(checked(o)),
        weight(Extents<1>{o.affine ? o.features : 0}),
        bias(Extents<1>{o.affine ? o.features : 0}) {
    init::constant(weight.value.view(), 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    if (!options.affine) return;
    f("weight", weight);
    f("bias", bias);
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    const index_t B = x.size(0), H = x.size(1), L = x.size(2), G = options.groups;
    if (H != options.features)
      throw_shape_error("GroupNorm: x is " + to_string(x.sizes(), "BHL") +
                        ", expected H = features = " + std::to_string(options.features));
    const auto groups = reshape(contiguous(x), Extents<3>{B, G, H / G * L});
    const auto y = reshape(layer_norm(groups, {}, {}, {.axis = -1, .eps = options.eps}), x.sizes());
    if (!options.affine) return y;
    const Extents<3> column{1, H, 1};
    return y * reshape(weight.on(tape, "weight"), column) + reshape(bias.on(tape, "bias"), column);
  }

 private:
  static Options checked(Options o) {
    detail::check_at_least("GroupNorm", "features", o.features, 1);
    if (o.groups < 1 || o.features % o.groups != 0)
      throw_value_error("GroupNorm: groups is " + std::to_string(o.groups) +
                        ", expected a divisor of features = " + std::to_string(o.features));
    if (!(std::isfinite(o.eps) && o.eps >= 0))
      throw_value_error("GroupNorm: eps is " + std::to_string(o.eps) + ", expected a finite number >= 0");
    return o;
  }
};

template <class T, device D = Host>
struct InstanceNorm : GroupNorm<T, D> {
  struct Options {
    index_t features = 0;
    double eps = 1e-5;
    bool affine = false;
  };

  explicit InstanceNorm(Options o)
      : GroupNorm<T, D>({.features = o.features, .groups = o.features, .eps = o.eps, .affine = o.affine}) {}
};

}  // namespace longwave
