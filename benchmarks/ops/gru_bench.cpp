// One direction of one GRU layer, forward and backward, and a step of a stream: recurrent.hpp.
#include "longwave/ops/gru.hpp"

#include "recurrent.hpp"

namespace longwave::ops {
namespace {

using namespace bench;
using Layer = RecurrentLayer<GruWeightViews<const float>, GruWeightViews<float>>;

template <bool with_backward>
void gru(benchmark::State& state) {
  recurrent<Gru, Layer, with_backward>(state, 3,
                                       [](const Extents<3>& x, index_t H) { return Gru::saved_count<float>(x, H); });
}

void gru_step(benchmark::State& state) {
  const index_t B = state.range(0), I = state.range(1), H = state.range(2);
  Generator gen(1);
  const Layer layer(gen, I, H, 3 * H);
  const auto x = normal(gen, B, I);
  Tensor<float, 2> h(B, H), room(B, 4 * H);
  measure(state, products(B, 1, I, H, 3 * H),
          [&] { impl::gru_step<float>(h.view(), room.view(), x.view(), layer.weights()); });
}

// false: forward, true: forward and backward
BENCHMARK_TEMPLATE(gru, false)->Apply(recurrent_sizes);
BENCHMARK_TEMPLATE(gru, true)->Apply(recurrent_sizes);
BENCHMARK(gru_step)->Apply(recurrent_step_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
