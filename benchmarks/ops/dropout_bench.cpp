// Dropout of (B, H, L), one draw per element or (tied) per row: time per element. Backward is the same work on dy.
#include "longwave/ops/dropout.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <class T, bool tied>
void dropout(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal<T>(gen, state.range(0), state.range(1), state.range(2));
  Tensor<T, 3> y(x.sizes());
  measure(state, x.count(), [&] { Dropout::forward(y.view(), x, gen.next(), 0.1, tied); });
}
BENCHMARK_TEMPLATE(dropout, float, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(dropout, float, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(dropout, double, false)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
