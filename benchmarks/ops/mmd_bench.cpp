// MMD^2 of two samples of n points in d dimensions: value, value and gradients, permutation test, random features. The
// counter is the time per pair: n^2 pairs across and n (n - 1) within, each once.
#include "longwave/ops/mmd.hpp"

#include "bench.hpp"
#include "longwave/metrics/mmd_permutation.hpp"
#include "longwave/metrics/random_fourier.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <class T>
void forward(benchmark::State& state) {
  const index_t n = state.range(0), d = state.range(1);
  Generator gen(1);
  const auto x = normal<T>(gen, n, d), y = normal<T>(gen, n, d);
  Tensor<T, 0> value{Extents<0>()};
  measure(state, n * (2 * n - 1), [&] { ops::Mmd::forward(value.view(), x, y, RbfMixture(2.0)); });
}

template <class T>
void forward_backward(benchmark::State& state) {
  const index_t n = state.range(0), d = state.range(1);
  Generator gen(1);
  const auto x = normal<T>(gen, n, d), y = normal<T>(gen, n, d);
  Tensor<T, 0> value{Extents<0>()};
  Tensor<T, 2> dx(n, d);
  measure(state, n * (2 * n - 1), [&] {
    ops::Mmd::forward(value.view(), x, y, RbfMixture(2.0));
    ops::Mmd::backward(dx.view(), {}, value, x, y, RbfMixture(2.0));
  });
}

void permutation_test(benchmark::State& state) {
  const index_t n = state.range(0), d = state.range(1);
  Generator gen(1);
  const auto x = normal<double>(gen, n, d), y = normal<double>(gen, n, d);
  measure(state, n * (2 * n - 1), [&] { mmd_permutation_test<double>(x, y, RbfMixture(2.0), 200); });
}

void random_fourier(benchmark::State& state) {
  const index_t n = state.range(0), d = state.range(1);
  Generator gen(1);
  const auto x = normal<double>(gen, n, d), y = normal<double>(gen, n, d);
  measure(state, n * (2 * n - 1), [&] { mmd_random_fourier(x, y, RbfMixture(2.0)); });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({1536, 4})->Args({10000, 4})->Args({10000, 16})->Unit(benchmark::kMillisecond);
  b->UseRealTime();
}
void large(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({100000, 4})->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
}
void small(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({1000, 4})->Args({10000, 4})->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_TEMPLATE(forward, double)->Apply(sizes);
BENCHMARK_TEMPLATE(forward, double)->Apply(large);
BENCHMARK_TEMPLATE(forward, float)->Apply(sizes);
BENCHMARK_TEMPLATE(forward_backward, double)->Apply(sizes);
BENCHMARK_TEMPLATE(forward_backward, float)->Apply(sizes);
BENCHMARK(permutation_test)->Apply(small);
BENCHMARK(random_fourier)->Apply(small);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
