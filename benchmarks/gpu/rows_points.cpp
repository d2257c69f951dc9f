// The point U-Net of examples/mnist1d_diffusion: a linear layer of its size, a training step, and 100 samples in 20
// steps, which the loss with the KL draws in every step. Full float32; launches are what these cost.
#include "bench.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/optim/adam.hpp"

namespace longwave::bench {
namespace {

constexpr index_t B = 128, points = 41, drawn_rows = 100, T = 20;

// The layer of the network, the largest that is one launch each way, and one above it.
void layer(Suite& suite, index_t in, index_t out) {
  const std::string name =
      "linear + relu, forward+backward B" + std::to_string(B) + " " + std::to_string(in) + " to " + std::to_string(out);
  if (!suite.wants(name)) return;
  Generator gen(1);
  Linear<float, Cuda> map({.in = in, .out = out}, gen);
  const auto x = random<float>(Extents<2>(B, in), 2), dy = random<float>(Extents<2>(B, out), 3);
  Tape<float, Cuda> tape;
  const double bytes = 4.0 * static_cast<double>(2 * B * (in + out) + 3 * in * out);
  const double flops = 6.0 * static_cast<double>(B * in * out);
  suite.time_step({name, bytes, flops, Products::fp32}, [&](cuda::Graph&) {
    return [&] {
      tape.rewind();
      tape.backward(map.with_relu(tape, tape.variable(x.view())), dy.view());
    };
  });
}

void training_step(Suite& suite) {
  const std::string name = "point U-Net training step B128";
  if (!suite.wants(name)) return;
  Generator gen(1);
  Mnist1dDenoiser<float, Cuda> net({.points = points}, gen);
  Adam<float, Cuda> optimizer(net, {.lr = 1e-3});
  const NoiseLevels<float, Cuda> levels(NoiseSchedule::linear(T, 1e-4, 0.02));
  const auto x0 = random<float>(Extents<2>(B, points), 2), c = random<float>(Extents<2>(B, points), 3);
  Tape<float, Cuda> tape;
  const double weights = static_cast<double>(count_parameters(net));
  suite.time_step({name, 32 * weights, 6 * weights * B, Products::fp32}, [&](cuda::Graph& graph) {
    graph.advances(gen, optimizer);
    return [&] {
      tape.rewind();
      const auto steps = tape.keep<index_t>(Extents<1>{B});
      draw_steps(gen, steps, T);
      const auto drawn = GaussianNoise().draw(tape, gen, x0.view());
      const auto x_t = tape.keep<float>(x0.sizes());
      diffuse(x_t, x0.view(), drawn.added, levels, std::as_const(steps));
      tape.backward(mse(net(tape, tape.input(x_t), tape.input(c), steps), tape.input(drawn.target)));
      optimizer.step();
    };
  });
}

template <class Noise>
void sampling(Suite& suite, const std::string& name) {
  if (!suite.wants(name)) return;
  Generator gen(1);
  Mnist1dDenoiser<float, Cuda> net({.points = points}, gen);
  PointSampler<float, Noise, Cuda> sampler(ddpm(NoiseSchedule::linear(T, 1e-4, 0.02), DdpmOptions{.clamp = 5}), {},
                                           drawn_rows);
  const auto c = random<float>(Extents<2>(drawn_rows, points), 2);
  const double weights = static_cast<double>(count_parameters(net));
  suite.time_step({name, 4 * weights * T, 2 * weights * drawn_rows * T, Products::fp32}, [&](cuda::Graph& graph) {
    graph.advances(gen);
    return [&] { sampler.sample(net, c.view(), gen); };
  });
}

const Family family("points", [](Suite& suite) {
  layer(suite, 64, 64);
  layer(suite, 256, 128);
  layer(suite, 256, 256);
  training_step(suite);
  sampling<GaussianNoise>(suite, "point U-Net, 100 samples in 20 steps");
  sampling<ConvexNoise>(suite, "point U-Net, 100 samples in 20 steps, convex noise");
});

}  // namespace
}  // namespace longwave::bench
