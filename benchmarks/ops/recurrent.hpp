// recurrent.hpp - one direction of one recurrent layer, forward and backward: what the benchmarks of LSTM and GRU
// share. Time per multiplication with a weight, B L G (I + H) in all, forward; backward makes twice as many. G: 4 H or
// 3 H rows.
#pragma once

#include "bench.hpp"

namespace longwave::bench {

inline index_t products(index_t B, index_t L, index_t I, index_t H, index_t G) { return B * L * G * (I + H); }

template <class Views, class GradientViews>
struct RecurrentLayer {
  Tensor<float, 2> W_ih, W_hh, dW_ih, dW_hh;
  Tensor<float, 1> b_ih, b_hh, db_ih, db_hh;

  RecurrentLayer(Generator& gen, index_t I, index_t H, index_t G)
      : W_ih(normal(gen, G, I)),
        W_hh(normal(gen, G, H)),
        dW_ih(G, I),
        dW_hh(G, H),
        b_ih(normal(gen, G)),
        b_hh(normal(gen, G)),
        db_ih(G),
        db_hh(G) {}

  Views weights() const { return {W_ih.view(), W_hh.view(), b_ih.view(), b_hh.view()}; }
  GradientViews gradients() { return {dW_ih.view(), dW_hh.view(), db_ih.view(), db_hh.view()}; }
};

// Backward is timed together with the forward that it uses up. saved_count(sizes of x, H).
template <class Op, class Layer, bool with_backward, class SavedCount>
void recurrent(benchmark::State& state, index_t gates, const SavedCount& saved_count) {
  const index_t B = state.range(0), L = state.range(1), I = state.range(2), H = state.range(3);
  Generator gen(1);
  Layer layer(gen, I, H, gates * H);
  const auto x = normal(gen, B, L, I), dy = normal(gen, B, L, H);
  Tensor<float, 3> y(B, L, H), dx(B, L, I);
  Tensor<float, 1> saved(saved_count(x.sizes(), H));
  measure(state, products(B, L, I, H, gates * H), [&] {
    Op::forward(y.view(), {}, with_backward ? saved.view() : TensorView<float, 1>(), x, layer.weights());
    if (with_backward) Op::backward(dx.view(), layer.gradients(), {}, dy, {}, saved.view(), layer.weights(), x.sizes());
  });
}

// The GAN's two networks, a long sequence of one signal, and PyTorch's usual example of a layer.
inline void recurrent_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "L", "I", "H"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->Args({128, 12, 16, 66})->Args({256, 12, 4, 66})->Args({1, 1024, 4, 128})->Args({64, 256, 128, 256});
}
inline void recurrent_step_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "I", "H"})->Args({1, 16, 66})->Args({1, 128, 256})->Args({64, 16, 66});
}

}  // namespace longwave::bench
