// Long convolutions u (B, H, L) with K (H, L) and the skip D: time per element of u, forward and forward + backward.
#include <benchmark/benchmark.h>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/ops/fft_conv.hpp"

namespace longwave {
namespace {

template <class T, bool with_backward>
void fft_conv(benchmark::State& state) {
  const index_t B = state.range(0), H = state.range(1), L = state.range(2);
  Tensor<T, 3> u(B, H, L), y(B, H, L), dy(B, H, L), du(B, H, L);
  Tensor<T, 2> K(H, L), dK(H, L);
  Tensor<T, 1> D(H), dD(H);
  Generator gen(1);
  for (auto& t : {u.view(), dy.view()}) gen.normal(t);
  gen.normal(K.view());
  gen.normal(D.view());
  for (auto _ : state) {
    ops::FftConv::forward(y.view(), u, K, D);
    if (with_backward) ops::FftConv::backward(du.view(), dK, dD, dy, u, K, D);
    benchmark::DoNotOptimize(y.data());
  }
  state.counters["per_element"] = benchmark::Counter(
      static_cast<double>(u.count()), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "H", "L"});
  for (int L : {784, 1024, 4096, 16384}) b->Args({4, 256, L});
  b->Args({64, 128, 1024})->Args({50, 2, 200});
}
BENCHMARK_TEMPLATE(fft_conv, float, false)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(fft_conv, float, true)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(fft_conv, double, true)->Apply(sizes)->UseRealTime();

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
