// Training steps of examples/mnist1d_diffusion, B = 128 rows of 41 points: the Gaussian implicit one, and a call of its
// sampler for 100 rows, as the loss with the KL draws them; then the same sampler with convex noise.
#include "launches.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/cuda.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/metrics/histogram_kl.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/optim/adam.hpp"

int main() {
  using namespace longwave;
  const index_t B = 128, P = 41, shown = 100;
  Generator gen(1);
  Mnist1dDenoiser<float, Cuda> net({.points = P}, gen);
  Adam<float, Cuda> optimizer(net, {.lr = 1e-3});
  const Tensor<float, 2, Cuda> x0(B, P), condition(B, P);
  const NoiseSchedule schedule = NoiseSchedule::linear(20, 1e-4, 0.02);
  const NoiseLevels<float, Cuda> levels(schedule);
  const SamplingPlan plan = ddpm(schedule, DdpmOptions{.clamp = 5});
  PointSampler<float, GaussianNoise, Cuda> gaussian(plan, {}, B);
  PointSampler<float, ConvexNoise, Cuda> convex(plan, {}, B);
  const Tensor<double, 0, Cuda> kl{Extents<0>()};
  Tape<float, Cuda> tape;
  count_second([&](auto part) {
    tape.rewind();
    part("forward");
    const TensorView<index_t, 1, Cuda> steps = tape.keep<index_t>(Extents<1>{B});
    draw_steps(gen, steps, levels.steps());
    const auto drawn = GaussianNoise().draw(tape, gen, x0.view());
    const TensorView<float, 2, Cuda> x_t = tape.keep<float>(x0.sizes());
    diffuse(x_t, x0.view(), drawn.added, levels, std::as_const(steps));
    const auto y = net(tape, tape.input(x_t), tape.input(condition), steps);
    part("loss");
    const auto loss = mse(y, tape.input(drawn.target));
    part("backward");
    tape.backward(loss);
    part("update");
    optimizer.step();
    part("sampling");
    const auto made = gaussian.sample(net, condition.view().slice(0, 0, shown), gen);
    part("kl");
    histogram_kl(TensorView<double, 0, Cuda>(const_cast<double*>(kl.data()), Extents<0>()), made,
                 x0.view().slice(0, 0, shown));
    part("convex");
    convex.sample(net, condition.view().slice(0, 0, shown), gen);
  });
}
