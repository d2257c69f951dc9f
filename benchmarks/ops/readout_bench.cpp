// Readout of one position per sequence, forward and backward: time per element of x.
#include "longwave/ops/readout.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <ReadoutMode mode, bool with_backward>
void readout(benchmark::State& state) {
  Generator gen(1);
  const auto x = normal(gen, state.range(0), state.range(1), state.range(2));
  Tensor<float, 3> y(x.size(0), x.size(1), 1), dx(x.sizes());
  Readout::forward(y.view(), x, {}, mode);
  measure(state, x.count(), [&] {
    if (with_backward)
      Readout::backward(dx.view(), y, {}, mode);
    else
      Readout::forward(y.view(), x, {}, mode);
  });
}

// false: forward, true: backward
BENCHMARK_TEMPLATE(readout, ReadoutMode::mean, false)->Apply(training_sizes);
BENCHMARK_TEMPLATE(readout, ReadoutMode::mean, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(readout, ReadoutMode::last, true)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
