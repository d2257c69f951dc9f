// LayerNorm over axis 1 of (B, H, L) and over the last axis of (B, L, H), BatchNorm in training: time per element of x.
#include "longwave/ops/norm.hpp"

#include "bench.hpp"
#include "longwave/ops/reduce.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <bool with_backward>
void layer_norm(benchmark::State& state) {
  const LayerNormOptions options{.axis = static_cast<int>(state.range(3))};
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2)), dy = x.clone();
  const index_t H = x.size(options.axis);
  const auto weight = normal(gen, H), bias = normal(gen, H);
  Tensor<float, 3> y(x.sizes()), dx(x.sizes());
  Tensor<float, 2> mean(without_axis(x.sizes(), options.axis)), rstd(mean.sizes());
  Tensor<float, 1> dweight(H), dbias(H);
  LayerNorm::forward(y.view(), mean, rstd, x, weight, bias, options);
  measure(state, x.count(), [&] {
    if (with_backward)
      LayerNorm::backward(dx, dweight, dbias, dy.view(), mean, rstd, x, weight, options);
    else
      LayerNorm::forward(y.view(), mean, rstd, x, weight, bias, options);
  });
}

template <bool with_backward>
void batch_norm(benchmark::State& state) {
  const BatchNormOptions options{.training = true};
  const index_t H = state.range(1);
  Generator gen(1);
  const auto x = normal(gen, state.range(0), H, state.range(2)), dy = x.clone();
  const auto weight = normal(gen, H), bias = normal(gen, H);
  Tensor<float, 3> y(x.sizes()), dx(x.sizes());
  Tensor<float, 1> mean(H), rstd(H), running_mean(H), running_var(H), dweight(H), dbias(H);
  BatchNorm::forward(y.view(), mean, rstd, running_mean, running_var, x, weight, bias, options);
  measure(state, x.count(), [&] {
    if (with_backward)
      BatchNorm::backward(dx, dweight, dbias, dy.view(), mean, rstd, x, weight, options);
    else
      BatchNorm::forward(y.view(), mean, rstd, running_mean, running_var, x, weight, bias, options);
  });
}

// The last size is H where axis is 2.
void layer_norm_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "", "", "axis"})->UseRealTime();
  b->Args({64, 128, 1024, 1})->Args({128, 64, 40, 1})->Args({64, 1024, 128, 2})->Args({128, 40, 64, 2});
}
// false: forward, true: backward
BENCHMARK_TEMPLATE(layer_norm, false)->Apply(layer_norm_sizes);
BENCHMARK_TEMPLATE(layer_norm, true)->Apply(layer_norm_sizes);
BENCHMARK_TEMPLATE(batch_norm, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(batch_norm, true)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
