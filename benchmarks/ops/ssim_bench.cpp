// SSIM of an image of SAR training (10,000 rows of 10 lines, I and Q side by side), forward and backward: time per
// pixel.
#include "longwave/ops/ssim.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

template <bool with_backward>
void ssim(benchmark::State& state) {
  Generator gen(1);
  Tensor<float, 3> a(1, state.range(0), state.range(1)), b(a.sizes()), S(a.sizes()), da(a.sizes());
  gen.normal(a.view(), 0.5f, 0.1f);
  gen.normal(b.view(), 0.5f, 0.1f);
  Ssim::forward(S.view(), a, b);
  measure(state, a.count(), [&] {
    if (with_backward)
      Ssim::backward(da.view(), {}, S, a, b);
    else
      Ssim::forward(S.view(), a, b);
  });
}

BENCHMARK_TEMPLATE(ssim, false)->Args({10000, 20})->Args({512, 512});
BENCHMARK_TEMPLATE(ssim, true)->Args({10000, 20})->Args({512, 512});

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
