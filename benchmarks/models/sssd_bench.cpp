// A training step and a sampling step of the networks of SSSD's family, in the sizes of the event traces: 24 blocks of
// 128 channels on (B, 1, L). docs/design/sssd_speed.md compares with PyTorch (sssd_peer.py).
#include <benchmark/benchmark.h>

#include "longwave/diffusion/forward_process.hpp"
#include "longwave/models/diffwave.hpp"
#include "longwave/models/sssd_categorical.hpp"
#include "longwave/optim/adam.hpp"

namespace longwave {
namespace {

struct Data {
  Tensor<float, 3> x, mask;
  Tensor<index_t, 1> steps;

  Data(index_t B, index_t L) : x(B, 1, L), mask(B, 1, L), steps(B) {
    Generator(2).normal(x.view());
    for (index_t i = 0; i < mask.count(); ++i) mask.data()[i] = i % 20 == 0 ? 0 : 1;
    for (index_t b = 0; b < B; ++b) steps(b) = (37 * b) % 200;
  }
};

SssdOptions options(const benchmark::State& state) {
  return {.num_res_layers = state.range(2), .s4_lmax = state.range(1)};
}

// Forward, backward and Adam.
template <class Net>
void training_step(benchmark::State& state) {
  Generator gen(1);
  Net net(options(state), gen);
  Adam<float> optimizer(net, {.lr = 2e-4});
  const Data data(state.range(0), state.range(1));
  const NoiseLevels<float> levels(NoiseSchedule::linear(200, 1e-4, 0.02));
  Tape<float> tape;
  tape.train(gen);
  const auto step = [&] {
    tape.rewind();
    const auto loss =
        training_loss(tape, net, TrainingSample<float>{.x0 = data.x.view(), .mask = data.mask.view()}, levels, gen);
    tape.backward(loss);
    optimizer.step();
    benchmark::DoNotOptimize(loss.value().data());
  };
  step();  // memory and tables, once
  for (auto _ : state) step();
}

template <class Net>
void sampling_step(benchmark::State& state) {
  Generator gen(1);
  Net net(options(state), gen);
  const Data data(state.range(0), state.range(1));
  Tape<float> tape;
  tape.set_recording(false);
  const auto step = [&] {
    tape.rewind();
    const auto eps = net(tape, tape.input(data.x), tape.input(data.x), tape.input(data.mask), data.steps.view());
    benchmark::DoNotOptimize(eps.value().data());
  };
  step();
  for (auto _ : state) step();
}

void construction(benchmark::State& state) {
  for (auto _ : state) {
    Generator gen(1);
    Sssd<float> net({.in_channels = 14,
                     .out_channels = 14,
                     .num_res_layers = 36,
                     .res_channels = 256,
                     .skip_channels = 256,
                     .s4_lmax = 100},
                    gen);
    benchmark::DoNotOptimize(net.final_conv.zero_conv.bias.value.data());
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "L", "blocks"})->Args({32, 200, 24})->Args({1, 200, 24})->UseRealTime();
  b->Unit(benchmark::kMillisecond)->MinTime(1);
}
BENCHMARK_TEMPLATE(training_step, Sssd<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(training_step, SssdS4d<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(training_step, DiffWave<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(sampling_step, Sssd<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(sampling_step, SssdS4d<float>)->Apply(sizes);
BENCHMARK(construction)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
