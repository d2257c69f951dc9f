// Layer norm of x + dropout(r), axis 1 of (B, H, L), the dropout tied: time per element of x.
#include "longwave/ops/dropout_norm.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <bool with_backward>
void dropout_add_norm(benchmark::State& state) {
  Generator gen(1);
  const index_t H = state.range(1);
  const auto x = normal(gen, state.range(0), H, state.range(2)), r = x.clone(), dy = x.clone();
  const auto weight = normal(gen, H), bias = normal(gen, H);
  Tensor<float, 3> y(x.sizes()), sum(x.sizes()), dx(x.sizes()), dr(x.sizes());
  Tensor<float, 2> mean(x.size(0), x.size(2)), rstd(mean.sizes());
  Tensor<float, 1> dweight(H), dbias(H);
  const PhiloxKey key = gen.next();
  DropoutAddNorm::forward(y.view(), sum.view(), mean, rstd, x, r, weight, bias, key, 0.1);
  measure(state, x.count(), [&] {
    if (with_backward)
      DropoutAddNorm::backward(dx, dr, dweight, dbias, TensorView<const float, 3>(dy.view()), mean, rstd, sum, weight,
                               key, 0.1);
    else
      DropoutAddNorm::forward(y.view(), sum.view(), mean, rstd, x, r, weight, bias, key, 0.1);
  });
}

// false: forward, true: backward
BENCHMARK_TEMPLATE(dropout_add_norm, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(dropout_add_norm, true)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
