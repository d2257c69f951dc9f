// PReLU of (B, H, L): time per element, forward and backward with the slope's gradient.
#include "longwave/ops/prelu.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

void prelu_forward(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2));
  Tensor<float, 3> y(x.sizes());
  Tensor<float, 1> a(1);
  measure(state, x.count(), [&] { ops::Prelu::forward(y.view(), x, a); });
}

void prelu_backward(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2));
  const auto dy = normal(gen, state.range(0), state.range(1), state.range(2));
  Tensor<float, 3> dx(x.sizes());
  Tensor<float, 1> a(1), da(1);
  measure(state, x.count(), [&] { ops::Prelu::backward(dx.view(), da.view(), dy, x, a); });
}

BENCHMARK(prelu_forward)->Apply(training_sizes);
BENCHMARK(prelu_backward)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
