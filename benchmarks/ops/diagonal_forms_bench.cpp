// The forms of a diagonal state-space layer (kernel + FFT, recurrence, chunked scan) over B, H, N, L: time per element
// of u, forward and forward + backward. The table Algorithm::auto_ follows comes from here.
#include <benchmark/benchmark.h>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave {
namespace {

struct Modes {
  Tensor<complex<double>, 2> x, c;
  Modes(index_t H, index_t N) : x(H, N), c(H, N) {
    for (index_t i = 0; i < x.count(); ++i) {
      x.data()[i] = {-0.01, 0.05 * static_cast<double>(i % N)};
      c.data()[i] = {1, 0.5};
    }
  }
};

template <Algorithm algorithm, bool with_backward>
void form(benchmark::State& state) {
  const index_t B = state.range(0), H = state.range(1), N = state.range(2) / 2, L = state.range(3);
  const Modes m(H, N);
  Tensor<complex<double>, 2> dx(H, N), dc(H, N);
  Tensor<float, 3> u(B, H, L), y(B, H, L);
  Tensor<float, 1> D(H), dD(H);
  Generator gen(1);
  gen.normal(u.view());
  const DiagonalInputs<float> in{u, m.x, m.c, D, {}};
  for (auto _ : state) {
    Diagonal::forward(DiagonalOutputs<float>{y, {}}, in, algorithm);
    if (with_backward)
      Diagonal::backward(DiagonalGradients<float>{y, dx, dc, dD, {}}, DiagonalCotangents<float>{u, {}}, in, algorithm);
    benchmark::DoNotOptimize(y.data());
  }
  state.counters["per_element"] = benchmark::Counter(
      static_cast<double>(u.count()), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "H", "N", "L"});
  for (int N : {4, 16, 64, 256})
    for (int L : {1, 8, 40, 256, 1024, 4096, 16384}) b->Args({4, 256, N, L});
  for (int L : {40, 784, 997, 1008}) b->Args({64, 64, 64, L});
  for (int B : {1, 16, 64})
    for (int N : {16, 64, 128})
      for (int L : {64, 256, 1024, 4096}) b->Args({B, 64, N, L});
  b->Args({1, 256, 64, 131072});
}
BENCHMARK_TEMPLATE(form, Algorithm::fft, false)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(form, Algorithm::scan, false)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(form, Algorithm::chunk, false)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(form, Algorithm::fft, true)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(form, Algorithm::scan, true)->Apply(sizes)->UseRealTime();
BENCHMARK_TEMPLATE(form, Algorithm::chunk, true)->Apply(sizes)->UseRealTime();

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
