// The edge loss of an image of SAR training (10,000 rows of 10 lines, I and Q side by side), forward and backward: time
// per pixel.
#include "longwave/ops/edge_loss.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <bool with_backward>
void edge_loss(benchmark::State& state) {
  Generator gen(1);
  Tensor<float, 3> x(1, state.range(0), state.range(1)), t(x.sizes()), dx(x.sizes());
  Tensor<float, 0> y{Extents<0>()};
  gen.normal(x.view(), 0.5f, 0.1f);
  gen.normal(t.view(), 0.5f, 0.1f);
  EdgeLoss::forward(y.view(), x, t);
  measure(state, x.count(), [&] {
    if (with_backward)
      EdgeLoss::backward(dx.view(), {}, y, x, t);
    else
      EdgeLoss::forward(y.view(), x, t);
  });
}

BENCHMARK_TEMPLATE(edge_loss, false)->Args({10000, 20})->Args({512, 512});
BENCHMARK_TEMPLATE(edge_loss, true)->Args({10000, 20})->Args({512, 512});

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
