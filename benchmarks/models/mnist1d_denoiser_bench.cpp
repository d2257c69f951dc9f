// The denoisers of the MNIST-1D diffusion experiments on one thread: a training step (forward, backward, Adam) for a
// batch of 128, and 100 samples in 20 steps, which the KL loss draws in every step. Flops: of the products alone.
#include <benchmark/benchmark.h>

#include "longwave/autograd/functions/loss.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/models/mnist1d_s4d_denoiser.hpp"
#include "longwave/optim/adam.hpp"

namespace longwave {
namespace {

constexpr index_t points = 41, T = 20;

template <class Net>
void training_step(benchmark::State& state) {
  set_num_threads(1);
  const index_t B = 128;
  Generator gen(1);
  Net net({}, gen);
  Adam<float> optimizer(net, {.lr = 1e-3});
  const NoiseLevels<float> levels(NoiseSchedule::linear(T, 1e-4, 0.02));
  Tensor<float, 2> c(B, points), x0(B, points);
  gen.normal(c.view());
  gen.normal(x0.view());
  Tape<float> tape;
  auto step = [&] {
    tape.rewind();
    const auto t = tape.keep<index_t>(Extents<1>{B});
    const auto x_t = tape.keep<float>(x0.sizes());
    draw_steps(gen, t, T);
    const auto drawn = GaussianNoise().draw(tape, gen, std::as_const(x0).view());
    diffuse(x_t, x0, drawn.added, levels, t);
    tape.backward(mse(net(tape, tape.input(x_t), tape.input(c), t), tape.input(drawn.target)));
    optimizer.step();
  };
  step();
  for (auto _ : state) step();
  // Each weight of a linear map: a product forward and two backward, with an addition each.
  const double flops = 6.0 * static_cast<double>(count_parameters(net) * B);
  state.counters["flop/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

template <class Net>
void sampling(benchmark::State& state) {
  set_num_threads(1);
  const index_t B = 100;
  Generator gen(1);
  Net net({}, gen);
  PointSampler<float, GaussianNoise> sampler(ddpm(NoiseSchedule::linear(T, 1e-4, 0.02), DdpmOptions{.clamp = 5}), {},
                                             B);
  Tensor<float, 2> c(B, points);
  gen.normal(c.view());
  sampler.sample(net, c, gen);
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(net, c, gen).data());
  const double flops = 2.0 * static_cast<double>(count_parameters(net) * B * T);
  state.counters["flop/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

BENCHMARK_TEMPLATE(training_step, Mnist1dDenoiser<float>)->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(training_step, Mnist1dS4dDenoiser<float>)->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(sampling, Mnist1dDenoiser<float>)->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(sampling, Mnist1dS4dDenoiser<float>)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
