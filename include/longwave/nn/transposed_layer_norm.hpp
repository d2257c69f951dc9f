// transposed_layer_norm.hpp - layer normalisation over the features of (B, H, L) with one scale and one shift for all
// of them: y = s (x - mean + m) / deviation (ops/norm.hpp). The S4 repository uses it where time comes last; there eps
// = 0. Parameters: m (1), zero at first, and s (1), one at first; neither decays.
#pragma once

#include "longwave/autograd/functions/norm.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct TransposedLayerNorm {
  struct Options {
    index_t features = 0;
    double eps = 1e-12;
  };

  Options options;
  Parameter<T, 1, D> m{Extents<1>{1}, {.weight_decay = 0}};
  Parameter<T, 1, D> s{Extents<1>{1}, {.weight_decay = 0}};

  explicit TransposedLayerNorm(Options o) : options(o) {
    detail::check_at_least("TransposedLayerNorm", "features", o.features, 1);
    if (!(std::isfinite(o.eps) && o.eps >= 0))
      throw_value_error("TransposedLayerNorm: eps is " + std::to_string(o.eps) + ", expected a finite number >= 0");
    init::constant(s.value.view(), 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("m", m);
    f("s", s);
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    return scalar_layer_norm(x, s.on(tape, "s"), m.on(tape, "m"), options.eps);
  }
};

}  // namespace longwave
