// One direction of one GRU layer, forward and backward, and a step of a stream: time per multiplication with a weight,
// B L 3 H (I + H) in all, forward; backward makes twice as many. The sizes of lstm_bench.cpp.
#include "longwave/ops/gru.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

struct Layer {
  Tensor<float, 2> W_ih, W_hh, dW_ih, dW_hh;
  Tensor<float, 1> b_ih, b_hh, db_ih, db_hh;

  Layer(Generator& gen, index_t I, index_t H)
      : W_ih(normal(gen, 3 * H, I)),
        W_hh(normal(gen, 3 * H, H)),
        dW_ih(3 * H, I),
        dW_hh(3 * H, H),
        b_ih(normal(gen, 3 * H)),
        b_hh(normal(gen, 3 * H)),
        db_ih(3 * H),
        db_hh(3 * H) {}

  GruWeightViews<const float> weights() const { return {W_ih.view(), W_hh.view(), b_ih.view(), b_hh.view()}; }
  GruWeightViews<float> gradients() { return {dW_ih.view(), dW_hh.view(), db_ih.view(), db_hh.view()}; }
};

index_t products(index_t B, index_t L, index_t I, index_t H) { return B * L * 3 * H * (I + H); }

// Backward is timed together with the forward that it uses up.
template <bool with_backward>
void gru(benchmark::State& state) {
  const index_t B = state.range(0), L = state.range(1), I = state.range(2), H = state.range(3);
  Generator gen(1);
  Layer layer(gen, I, H);
  const auto x = normal(gen, B, L, I), dy = normal(gen, B, L, H);
  Tensor<float, 3> y(B, L, H), dx(B, L, I);
  Tensor<float, 1> saved(Gru::saved_count<float>(x.sizes(), H));
  measure(state, products(B, L, I, H), [&] {
    Gru::forward(y.view(), {}, with_backward ? saved.view() : TensorView<float, 1>(), x, layer.weights());
    if (with_backward)
      Gru::backward(dx.view(), layer.gradients(), {}, dy, {}, saved.view(), layer.weights(), x.sizes());
  });
}

void gru_step(benchmark::State& state) {
  const index_t B = state.range(0), I = state.range(1), H = state.range(2);
  Generator gen(1);
  const Layer layer(gen, I, H);
  const auto x = normal(gen, B, I);
  Tensor<float, 2> h(B, H), room(B, 4 * H);
  measure(state, products(B, 1, I, H),
          [&] { impl::gru_step<float>(h.view(), room.view(), x.view(), layer.weights()); });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "L", "I", "H"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->Args({128, 12, 16, 66})->Args({256, 12, 4, 66})->Args({1, 1024, 4, 128})->Args({64, 256, 128, 256});
}
// false: forward, true: forward and backward
BENCHMARK_TEMPLATE(gru, false)->Apply(sizes);
BENCHMARK_TEMPLATE(gru, true)->Apply(sizes);
BENCHMARK(gru_step)->ArgNames({"B", "I", "H"})->Args({1, 16, 66})->Args({1, 128, 256})->Args({64, 16, 66});

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
