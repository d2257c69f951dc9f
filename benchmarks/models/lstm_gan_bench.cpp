// A training step of the LSTM GAN: one update of the discriminator, two of the generator, and generating chunks.
#include <benchmark/benchmark.h>

#include "longwave/models/lstm_gan.hpp"

namespace longwave {
namespace {

void gan_step(benchmark::State& state) {
  const index_t B = state.range(0), L = state.range(1), hidden = state.range(2);
  Generator gen(1);
  LstmGan<float> model({.features = 4, .hidden = hidden, .latent = 16}, gen);
  LstmGanTrainer<float> trainer(model, {.d_updates = 1, .g_updates = 2});
  Tensor<float, 3> real(B, L, 4);
  gen.uniform(real.view(), -1, 1);
  trainer.step(real, gen);  // the tape's memory is allocated and touched here, once
  for (auto _ : state) trainer.step(real, gen);
}
BENCHMARK(gan_step)
    ->ArgNames({"B", "L", "hidden"})
    ->Args({128, 12, 66})
    ->Args({128, 20, 128})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Counter: seconds per generated row.
void generate(benchmark::State& state) {
  const index_t B = 64, L = 12;
  Generator gen(1);
  LstmGan<float> model({.features = 4, .hidden = state.range(0), .latent = 16}, gen);
  Tensor<float, 3> z(B, L, 16);
  Tape<float> tape;
  tape.set_recording(false);
  for (auto _ : state) {
    tape.rewind();
    gen.normal(z.view());
    benchmark::DoNotOptimize(model.generator(tape, tape.input(z)).value().data());
  }
  state.counters["per_row"] = benchmark::Counter(
      static_cast<double>(B * L), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(generate)->ArgName("hidden")->Arg(66)->Arg(128)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
