// Kernel generation K (H, L) from N / 2 modes: milliseconds, and time per mode and sample.
#include <benchmark/benchmark.h>

#include "longwave/core/tensor.hpp"
#include "longwave/ops/vandermonde.hpp"

namespace longwave {
namespace {

template <class T, bool with_backward>
void vandermonde(benchmark::State& state) {
  const index_t H = state.range(0), N = state.range(1) / 2, L = state.range(2);
  Tensor<complex<double>, 2> x(H, N), v(H, N), dx(H, N), dv(H, N);
  for (index_t i = 0; i < x.count(); ++i) {
    x.data()[i] = {-0.01, 0.05 * static_cast<double>(i % N)};
    v.data()[i] = {1, 0.5};
  }
  Tensor<T, 2> K(H, L);
  for (auto _ : state) {
    ops::Vandermonde::forward(K.view(), x, v);
    if (with_backward) ops::Vandermonde::backward(dx.view(), dv.view(), K.view(), x, v);
    benchmark::DoNotOptimize(K.data());
  }
  state.counters["per_mode_and_sample"] = benchmark::Counter(
      static_cast<double>(H * N * L), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"H", "N", "L"});
  for (int L : {1024, 4096, 16384}) b->Args({256, 64, L});
  b->Args({256, 16, 16384})->Args({1, 64, 131072});
}
BENCHMARK_TEMPLATE(vandermonde, float, false)->Apply(sizes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(vandermonde, float, true)->Apply(sizes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(vandermonde, double, true)->Apply(sizes)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
