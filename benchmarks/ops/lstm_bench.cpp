// One direction of one LSTM layer, forward and backward, and a step of a stream: recurrent.hpp.
#include "longwave/ops/lstm.hpp"

#include "recurrent.hpp"

namespace longwave::ops {
namespace {

using namespace bench;
using Layer = RecurrentLayer<LstmWeightViews<const float>, LstmWeightViews<float>>;

template <bool with_backward>
void lstm(benchmark::State& state) {
  recurrent<Lstm, Layer, with_backward>(
      state, 4, [](const Extents<3>& x, index_t H) { return Lstm::saved_count<float, Host>(x, H); });
}

void lstm_step(benchmark::State& state) {
  const index_t B = state.range(0), I = state.range(1), H = state.range(2);
  Generator gen(1);
  const Layer layer(gen, I, H, 4 * H);
  const auto x = normal(gen, B, I);
  Tensor<float, 2> h(B, H), c(B, H), gates(B, 4 * H);
  measure(state, products(B, 1, I, H, 4 * H), [&] {
    impl::lstm_step<float>({h.view(), c.view()}, gates.view(), x.view(), layer.weights());
  });
}

// false: forward, true: forward and backward
BENCHMARK_TEMPLATE(lstm, false)->Apply(recurrent_sizes);
BENCHMARK_TEMPLATE(lstm, true)->Apply(recurrent_sizes);
BENCHMARK(lstm_step)->Apply(recurrent_step_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
