// Rows of a table (V, E) for indices (B, L): time per element of y (B, L, E).
#include "longwave/ops/embedding.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

// Indices that jump about the table.
Tensor<index_t, 2> indices(index_t B, index_t L, index_t V) {
  Tensor<index_t, 2> index(B, L);
  for (index_t i = 0; i < index.count(); ++i) index.data()[i] = i * 7919 % V;
  return index;
}

void forward(benchmark::State& state) {
  const index_t B = state.range(0), L = state.range(1), V = state.range(2), E = state.range(3);
  Generator gen(1);
  const auto table = normal(gen, V, E);
  const auto index = indices(B, L, V);
  Tensor<float, 3> y(B, L, E);
  measure(state, y.count(), [&] { Embedding::forward(y.view(), table, index.view()); });
}

void backward(benchmark::State& state) {
  const index_t B = state.range(0), L = state.range(1), V = state.range(2), E = state.range(3);
  Generator gen(1);
  const auto dy = normal(gen, B, L, E);
  const auto index = indices(B, L, V);
  Tensor<float, 2> dtable(V, E);
  measure(state, dy.count(), [&] { Embedding::backward(dtable, std::as_const(dy).view(), index.view()); });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "L", "V", "E"})->Args({64, 1024, 256, 128})->Args({128, 40, 10000, 64})->UseRealTime();
}
BENCHMARK(forward)->Apply(sizes);
BENCHMARK(backward)->Apply(sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
