// The S4D layer and the classifier made of it: milliseconds per call, and time per element of u.
#include <benchmark/benchmark.h>

#include "longwave/autograd/functions/loss.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/optim/adamw.hpp"

namespace longwave {
namespace {

void per_element(benchmark::State& state, index_t elements) {
  state.counters["per_element"] = benchmark::Counter(
      static_cast<double>(elements), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <bool with_backward>
void s4d_layer(benchmark::State& state) {
  const index_t B = state.range(0), H = state.range(1), N = state.range(2), L = state.range(3);
  Generator gen(1);
  S4D<float> layer({.d_model = H, .d_state = N}, gen);
  Tensor<float, 3> u(B, H, L), seed(B, H, L);
  gen.normal(u.view());
  gen.normal(seed.view());
  Tape<float> tape;
  tape.set_recording(with_backward);
  auto step = [&] {
    tape.rewind();
    const auto y = layer(tape, with_backward ? tape.variable(u.view()) : tape.input(u));
    if (with_backward) tape.backward(y, seed);
    benchmark::DoNotOptimize(y.value().data());
  };
  step();  // the tape's memory is allocated and touched here, once
  for (auto _ : state) step();
  per_element(state, u.count());
}

void layer_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "H", "N", "L"})->Args({4, 256, 64, 16384})->Args({64, 128, 64, 1024})->Args({128, 64, 64, 40});
}
BENCHMARK_TEMPLATE(s4d_layer, false)->Apply(layer_sizes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(s4d_layer, true)->Apply(layer_sizes)->UseRealTime()->Unit(benchmark::kMillisecond);

// Forward, backward and AdamW.
void classifier_step(benchmark::State& state) {
  const index_t B = state.range(0), L = state.range(1), H = state.range(2), layers = state.range(3);
  Generator gen(1);
  SequenceClassifier<float> model({.d_model = H, .n_layers = layers}, gen);
  AdamW<float> optimizer(model, {.lr = 1e-3});
  Tensor<float, 3> x(B, 1, L);
  gen.normal(x.view());
  Tensor<index_t, 1> labels(B);
  for (index_t b = 0; b < B; ++b) labels(b) = b % 10;
  Tape<float> tape;
  tape.train(gen);
  auto step = [&] {
    tape.rewind();
    const auto loss = cross_entropy(model(tape, tape.input(x)), labels.view());
    tape.backward(loss);
    optimizer.step();
  };
  step();
  for (auto _ : state) step();
  per_element(state, x.count() * H * layers);
}
BENCHMARK(classifier_step)
    ->ArgNames({"B", "L", "d_model", "layers"})
    ->Args({64, 1024, 128, 4})
    ->Args({128, 40, 64, 4})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
