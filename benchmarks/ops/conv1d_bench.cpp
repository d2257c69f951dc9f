// Convolutions x (B, I, L) with W (O, I / groups, k), padded to keep L: time per element of y, and multiply-adds.
#include "longwave/ops/conv1d.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

struct Data {
  Conv1dOptions options;
  Tensor<float, 3> x, y, dx, W, dW;
  Tensor<float, 1> bias, dbias;

  explicit Data(benchmark::State& state) {
    const index_t B = state.range(0), I = state.range(1), O = state.range(2), L = state.range(3), k = state.range(4);
    options.dilation = state.range(5);
    options.groups = state.range(6);
    options.padding = options.dilation * (k - 1) / 2;
    Generator gen(1);
    x = normal(gen, B, I, L);
    y = normal(gen, B, O, L);
    W = normal(gen, O, I / options.groups, k);
    bias = normal(gen, O);
    dx = x.clone();
    dW = W.clone();
    dbias = bias.clone();
  }
};

void flops(benchmark::State& state, index_t count) {
  state.counters["flops"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state) {
  Data d(state);
  measure(state, d.y.count(), [&] { Conv1d::forward(d.y.view(), d.x, d.W, d.bias, d.options); });
  flops(state, 2 * d.y.count() * d.W.view()[0].count());
}

// All three gradients.
void backward(benchmark::State& state) {
  Data d(state);
  const auto dy = d.y.clone();
  measure(state, dy.count(),
          [&] { Conv1d::backward(d.dx, d.dW, d.dbias, std::as_const(dy).view(), d.x, d.W, d.options); });
  flops(state, 4 * dy.count() * d.W.view()[0].count());
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "I", "O", "L", "k", "dilation", "groups"})->UseRealTime();
  b->Args({64, 128, 256, 1024, 1, 1, 1});    // position-wise, before GLU
  b->Args({64, 128, 128, 1024, 3, 4, 1});    // dilated
  b->Args({64, 128, 128, 1024, 3, 1, 128});  // depthwise
  b->Args({128, 64, 128, 40, 1, 1, 1});
  b->Args({128, 64, 64, 40, 3, 4, 1});
  b->Args({128, 64, 64, 40, 3, 1, 64});
}
BENCHMARK(forward)->Apply(sizes);
BENCHMARK(backward)->Apply(sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
