// SAR focusing: a training step (forward, loss, backward, AdamW) on 10 lines of 10,000 samples with the default model
// and with complex filters, on one thread and on two.
#include <benchmark/benchmark.h>

#include "longwave/models/sar_focus.hpp"
#include "longwave/models/sar_loss.hpp"
#include "longwave/optim/adamw.hpp"

namespace longwave {
namespace {

constexpr index_t B = 10, L = 10000;

void training_step(benchmark::State& state, const SarFocusOptions& options) {
  set_num_threads(static_cast<int>(state.range(0)));
  Generator gen(1);
  SarFocus<float> model(options, gen);
  AdamW<float> optimizer(model, {.lr = 5e-3});
  Tensor<float, 3> x(B, L, 3), target(B, L, 2);
  gen.normal(x.view(), 0.5f, 0.1f);
  gen.normal(target.view(), 0.5f, 0.1f);
  Tape<float> tape;
  const auto step = [&] {
    tape.rewind();
    tape.train(gen);
    tape.backward(sar_loss(model(tape, tape.input(x)), tape.input(target)).total);
    optimizer.step();
  };
  step();
  for (auto _ : state) step();
  state.counters["columns/s"] =
      benchmark::Counter(static_cast<double>(B), benchmark::Counter::kIsIterationInvariantRate);
  set_num_threads(0);
}

BENCHMARK_CAPTURE(training_step, defaults, SarFocusOptions())
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(training_step, wide, wide_sar_focus())->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
