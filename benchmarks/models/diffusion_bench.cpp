// Diffusion around a network: what the forward process, the masks and the sampler cost beside it, and SSSD's training
// step and samples in small. Milliseconds per call.
#include <benchmark/benchmark.h>

#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/mask.hpp"
#include "longwave/models/sssd.hpp"
#include "longwave/optim/adam.hpp"

namespace longwave {
namespace {

const NoiseSchedule& schedule() {
  static const NoiseSchedule s = NoiseSchedule::linear(200, 1e-4, 0.02);
  return s;
}

// A network that costs nothing.
template <class T>
Var<T, 3> no_network(Tape<T>&, Var<T, 3> x, Var<T, 3>, Var<T, 3>, TensorView<const index_t, 1>) {
  return x;
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "C", "L"})->Args({32, 1, 200})->Args({50, 14, 100})->UseRealTime()->Unit(benchmark::kMillisecond);
}

void masks(benchmark::State& state) {
  Generator gen(1);
  Tensor<float, 3> mask(state.range(0), state.range(1), state.range(2));
  for (auto _ : state) {
    draw_mask(MaskKind::rm, state.range(2) / 10, gen, mask.view());
    benchmark::DoNotOptimize(mask.data());
  }
}
BENCHMARK(masks)->Apply(sizes);

// Steps, noise, x_t, and the loss with its gradient.
void loss_alone(benchmark::State& state) {
  const Extents<3> sizes{state.range(0), state.range(1), state.range(2)};
  Generator gen(1);
  Tensor<float, 3> x0(sizes), mask(sizes);
  gen.normal(x0.view());
  draw_mask(MaskKind::rm, sizes[2] / 10, gen, mask.view());
  const NoiseLevels<float> levels(schedule());
  Tape<float> tape;
  const auto net = [](Tape<float>& on, Var<float, 3> x, auto, auto, auto) { return on.variable(x.value()); };
  auto step = [&] {
    tape.rewind();
    const auto loss = training_loss(tape, net, TrainingSample<float>{x0, mask}, levels, gen);
    tape.backward(loss);
    benchmark::DoNotOptimize(loss.value().data());
  };
  step();
  for (auto _ : state) step();
}
BENCHMARK(loss_alone)->Apply(sizes);

// All steps of a plan; per step divided by 200 or 20.
void sampler_alone(benchmark::State& state, const SamplingPlan& plan) {
  const Extents<3> sizes{state.range(0), state.range(1), state.range(2)};
  const Tensor<float, 3> cond(sizes), mask(sizes);
  Generator gen(1);
  Sampler<float> sampler(plan, sizes);
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(no_network<float>, cond, mask, gen).data());
}
BENCHMARK_CAPTURE(sampler_alone, ddpm_200, ddpm(schedule()))->Apply(sizes);
BENCHMARK_CAPTURE(sampler_alone, ddim_20, ddim(schedule(), even_steps(200, 20)))->Apply(sizes);

// C = 1, L = 200; 24 blocks of 128 channels is the published network for kernel traces.
void network_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "blocks", "channels"})->Args({8, 4, 64})->Args({32, 24, 128})->UseRealTime();
  b->Unit(benchmark::kMillisecond);
}

template <class Net>
void training_step(benchmark::State& state) {
  const index_t B = state.range(0), L = 200;
  Generator gen(1);
  Net net({.num_res_layers = state.range(1), .res_channels = state.range(2), .skip_channels = state.range(2)}, gen);
  Adam<float> optimizer(net, {.lr = 2e-4});
  const NoiseLevels<float> levels(schedule());
  Tensor<float, 3> x0(B, 1, L), mask(B, 1, L);
  gen.normal(x0.view());
  Tape<float> tape;
  tape.train(gen);
  auto step = [&] {
    draw_mask(MaskKind::rm, 10, gen, mask.view());
    tape.rewind();
    tape.backward(training_loss(tape, net, TrainingSample<float>{x0, mask}, levels, gen));
    optimizer.step();
  };
  step();
  for (auto _ : state) step();
}
BENCHMARK_TEMPLATE(training_step, Sssd<float>)->Apply(network_sizes);
BENCHMARK_TEMPLATE(training_step, SssdS4d<float>)->Apply(network_sizes);

// One of the steps, which all cost the same.
template <class Net>
void sampling_step(benchmark::State& state) {
  const Extents<3> sizes{state.range(0), 1, 200};
  Generator gen(1);
  Net net({.num_res_layers = state.range(1), .res_channels = state.range(2), .skip_channels = state.range(2)}, gen);
  const Tensor<float, 3> cond(sizes), mask(sizes);
  Sampler<float> sampler(ddim(schedule(), even_steps(200, 20)), sizes);
  index_t left = 0;
  auto step = [&] {
    if (left == 0) {
      sampler.start(cond, mask, gen);
      left = sampler.steps();
    }
    sampler.step(net, gen);
    --left;
  };
  step();
  for (auto _ : state) step();
}
BENCHMARK_TEMPLATE(sampling_step, Sssd<float>)->Apply(network_sizes);
BENCHMARK_TEMPLATE(sampling_step, SssdS4d<float>)->Apply(network_sizes);

}  // namespace
}  // namespace longwave
