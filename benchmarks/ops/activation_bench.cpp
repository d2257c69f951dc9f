// Activations of (B, H, L) and GLU over its channels: time per element of x, forward and backward apart.
#include "longwave/ops/activation.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

// x (B, 2 H, L), y (B, H, L)
void glu_forward(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), 2 * state.range(1), state.range(2));
  Tensor<float, 3> y(state.range(0), state.range(1), state.range(2));
  measure(state, x.count(), [&] { ops::Glu::forward(y.view(), x, 1); });
}

void glu_backward(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), 2 * state.range(1), state.range(2));
  const auto dy = normal(gen, state.range(0), state.range(1), state.range(2));
  Tensor<float, 3> dx(x.sizes());
  measure(state, x.count(), [&] { ops::Glu::backward(dx.view(), dy, x, 1); });
}

BENCHMARK_TEMPLATE(unary_forward, Gelu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Gelu, double)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Silu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Relu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, LeakyRelu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Tanh)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Sigmoid)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Softplus)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Hardswish)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Hardtanh)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Hardsigmoid)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Hardshrink)->Apply(training_sizes);
BENCHMARK(glu_forward)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Gelu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Gelu, double)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Silu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Relu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, LeakyRelu)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Tanh)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Sigmoid)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Softplus)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Hardswish)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Hardtanh)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Hardsigmoid)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Hardshrink)->Apply(training_sizes);
BENCHMARK(glu_backward)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
