// Real transforms of B rows of n numbers: time per number.
#include <benchmark/benchmark.h>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/ops/fft.hpp"

namespace longwave {
namespace {

template <class T>
void rfft(benchmark::State& state) {
  const index_t B = state.range(0), n = state.range(1);
  Tensor<T, 2> x(B, n);
  Tensor<complex<T>, 2> X(B, n / 2 + 1);
  Generator(1).normal(x.view());
  for (auto _ : state) {
    ops::Rfft::forward(X.view(), x, n);
    benchmark::DoNotOptimize(X.data());
  }
  state.counters["per_element"] = benchmark::Counter(
      static_cast<double>(B * n), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "n"});
  for (int n : {784, 997, 1024, 16384, 65536}) b->Args({64, n});
}
BENCHMARK_TEMPLATE(rfft, float)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(rfft, double)->Apply(sizes)->UseRealTime();

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
