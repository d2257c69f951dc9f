// tanh of one half of the channels times sigmoid of the other: time per element of y, forward and backward.
#include <benchmark/benchmark.h>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/ops/gate.hpp"

namespace longwave {
namespace {

template <class T, bool backward>
void gate(benchmark::State& state) {
  const index_t B = state.range(0), K = state.range(1), L = state.range(2);
  Tensor<T, 3> x(B, 2 * K, L), y(B, K, L), dx(B, 2 * K, L);
  Generator(1).normal(x.view());
  for (auto _ : state) {
    if (backward)
      ops::Gate::backward(dx, std::as_const(y).view(), x);
    else
      ops::Gate::forward(y.view(), x);
    benchmark::DoNotOptimize(y.data());
    benchmark::DoNotOptimize(dx.data());
  }
  state.counters["per_element"] = benchmark::Counter(
      static_cast<double>(y.count()), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void sizes(benchmark::internal::Benchmark* b) { b->ArgNames({"B", "K", "L"})->Args({32, 128, 200})->UseRealTime(); }
BENCHMARK_TEMPLATE(gate, float, false)->Apply(sizes);
BENCHMARK_TEMPLATE(gate, float, true)->Apply(sizes);
BENCHMARK_TEMPLATE(gate, double, true)->Apply(sizes);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
