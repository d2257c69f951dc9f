// Losses of (B, H, L), cross-entropy of scores (B, K, L): mean and its gradient, time per element of x.
#include "longwave/ops/loss.hpp"

#include "bench.hpp"
#include "longwave/ops/cross_entropy.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <class Op>
void forward(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2));
  const auto t = positive(gen, state.range(0), state.range(1), state.range(2));
  Tensor<float, 0> y{Extents<0>()};
  measure(state, x.count(), [&] { Op::forward(y.view(), x.view(), t); });
}

template <class Op>
void backward(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2));
  const auto t = positive(gen, state.range(0), state.range(1), state.range(2));
  const Tensor<float, 0> dy{Extents<0>()};
  Tensor<float, 3> dx(x.sizes());
  measure(state, x.count(), [&] { Op::backward(dx.view(), {}, dy, x, t); });
}

template <bool with_backward>
void cross_entropy(benchmark::State& state) {
  const index_t B = state.range(0), K = state.range(1), L = state.range(2);
  Generator gen(1);
  const auto x = normal(gen, B, K, L);
  Tensor<index_t, 2> c(B, L);
  for (index_t i = 0; i < c.count(); ++i) c.data()[i] = i % K;
  Tensor<float, 3> stats(ops::CrossEntropy::stats_sizes(x.sizes())), dx(x.sizes());
  Tensor<float, 0> y{Extents<0>()};
  ops::CrossEntropy::forward(y.view(), stats.view(), x, c.view());
  measure(state, x.count(), [&] {
    if (with_backward)
      ops::CrossEntropy::backward(dx.view(), y, stats, x, c.view());
    else
      ops::CrossEntropy::forward(y.view(), stats.view(), x, c.view());
  });
}

BENCHMARK_TEMPLATE(forward, Mse)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, L1)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, Huber)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, BceWithLogits)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, KlDiv)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Mse)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, L1)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Huber)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, BceWithLogits)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, KlDiv)->Apply(training_sizes);

// One class per sequence (L = 1) and one per position.
void class_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "K", "L"})->Args({128, 10, 1})->Args({128, 10, 40})->Args({64, 256, 1024})->UseRealTime();
}
// false: forward, true: backward
BENCHMARK_TEMPLATE(cross_entropy, false)->Apply(class_sizes);
BENCHMARK_TEMPLATE(cross_entropy, true)->Apply(class_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
