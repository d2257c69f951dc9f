// Pools over time and features, forward and backward: time per element of the longer side.
#include "longwave/ops/pool.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <class Op, bool with_backward>
void pool(benchmark::State& state) {
  const index_t factor = 4;
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2));
  Tensor<float, 3> y(Op::sizes(x.sizes(), factor)), dx(x.sizes());
  Op::forward(y.view(), x, factor);
  measure(state, std::max(x.count(), y.count()), [&] {
    if (with_backward)
      Op::backward(dx.view(), y, factor);
    else
      Op::forward(y.view(), x, factor);
  });
}

// false: forward, true: backward
BENCHMARK_TEMPLATE(pool, AvgPool, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, AvgPool, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, RepeatTime, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, RepeatTime, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, RepeatChannels, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, RepeatChannels, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, MeanChannels, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(pool, MeanChannels, true)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
