// One sample through a stream: the state-space part alone, the whole S4D layer, the whole classifier, and the same
// classifier as a SequenceModel between an encoder and a decoder. One thread.
#include <benchmark/benchmark.h>

#include "longwave/models/sequence_classifier.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/nn/sequence_decoder.hpp"
#include "longwave/nn/sequence_encoder.hpp"

namespace longwave {
namespace {

void modes_step(benchmark::State& state) {
  const index_t H = state.range(0), N = state.range(1) / 2;
  Tensor<complex<double>, 2> x(H, N), c(H, N);
  for (index_t i = 0; i < x.count(); ++i) {
    x.data()[i] = {-0.01, 0.05 * static_cast<double>(i % N)};
    c.data()[i] = {1, 0.5};
  }
  const StepTables<float> tables(x.view(), {}, c.view().reshape(Extents<3>{1, H, N}));
  Tensor<float, 3> s(2, N, H);
  Tensor<float, 1> u(H), y(H), D(H);
  Generator(1).normal(u.view());
  for (auto _ : state) {
    impl::diagonal_step(y.data(), s.data(), u.data(), tables, D.data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
}

void layer_step(benchmark::State& state) {
  Generator gen(1);
  S4D<float> layer({.d_model = state.range(0), .d_state = state.range(1)}, gen);
  auto s = layer.make_state(1);
  Tensor<float, 2> u(1, state.range(0)), y(1, state.range(0));
  gen.normal(u.view());
  for (auto _ : state) {
    layer.step(u, s, y.view());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
}

void classifier_step(benchmark::State& state) {
  Generator gen(1);
  SequenceClassifier<float> model({.d_model = state.range(0), .d_state = state.range(1)}, gen);
  auto s = model.make_state(1);
  Tensor<float, 2> x(1, 1), logits(1, 10);
  for (auto _ : state) {
    model.step(x, s, logits.view());
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

void model_step(benchmark::State& state) {
  using Model = SequenceModel<S4D<float>>;
  const index_t H = state.range(0);
  Generator gen(1);
  LinearEncoder<float> encoder({.in = 1, .out = H}, gen);
  Model::Options options;
  options.d_model = H;
  options.n_layers = 4;
  options.prenorm = false;
  std::get<0>(options.layers).d_state = state.range(1);
  Model model(options, gen);
  SequenceDecoder<float> decoder({.d_model = H, .d_output = 10, .l_output = 0, .mode = DecodeMode::pool}, gen);
  auto s = model.make_state(1);
  auto pooled = decoder.make_state(1);
  Tensor<float, 2> x(1, 1), u(1, H), y(1, H), logits(1, 10);
  for (auto _ : state) {
    encoder.step(x, u.view());
    model.step(u, s, y.view());
    decoder.step(y, pooled, logits.view());
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"d_model", "d_state"})->Args({256, 64})->Args({128, 64})->Args({64, 64})->Unit(benchmark::kMicrosecond);
}
BENCHMARK(modes_step)->Apply(sizes);
BENCHMARK(layer_step)->Apply(sizes);
BENCHMARK(classifier_step)->Apply(sizes);
BENCHMARK(model_step)->Apply(sizes);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
