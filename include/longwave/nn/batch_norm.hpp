// batch_norm.hpp - batch normalisation of (B, H, L) or (B, H) over all but the features (ops/norm.hpp). While the tape
// trains, statistics are the batch's and move the running ones; else the running ones are used.
// Parameters: weight (H), ones at first, and bias (H). Buffers: running_mean, running_var (H), num_batches_tracked ().
#pragma once

#include "longwave/autograd/functions/norm.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct BatchNorm {
  struct Options {
    index_t features = 0;
    double momentum = 0.1;
    double eps = 1e-5;
  };

  Options options;
  Parameter<T, 1, D> weight, bias;
  Tensor<T, 1, D> running_mean, running_var;
  Tensor<T, 0, D> num_batches_tracked{Extents<0>()};

  explicit BatchNorm(Options o)
      : options(checked(o)),
        weight(Extents<1>{o.features}),
        bias(Extents<1>{o.features}),
        running_mean(Extents<1>{o.features}),
        running_var(Extents<1>{o.features}) {
    init::constant(weight.value.view(), 1);
    init::constant(running_var.view(), 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
    f("bias", bias);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    f("running_mean", running_mean);
    f("running_var", running_var);
    f("num_batches_tracked", num_batches_tracked);
  }

  template <int N>
  Var<T, N, D> operator()(Tape<T, D>& tape, Var<T, N, D> x) {
    if (tape.training()) impl::add_one(num_batches_tracked.view());
    return batch_norm(x, weight.on(tape, "weight"), bias.on(tape, "bias"), running_mean.view(), running_var.view(),
                      {.training = tape.training(), .momentum = options.momentum, .eps = options.eps});
  }

 private:
  static Options checked(Options o) {
    detail::check_at_least("BatchNorm", "features", o.features, 1);
    if (!(o.momentum >= 0 && o.momentum <= 1))
      throw_value_error("BatchNorm: momentum is " + std::to_string(o.momentum) + ", expected [0, 1]");
    if (!(std::isfinite(o.eps) && o.eps >= 0))
      throw_value_error("BatchNorm: eps is " + std::to_string(o.eps) + ", expected a finite number >= 0");
    return o;
  }
};

}  // namespace longwave
