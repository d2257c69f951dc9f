// The snippets of docs/course/15.
#include "check.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/mask.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/diffusion/step_embedding.hpp"
#include "longwave/metrics/histogram_kl.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/nn/conv1d.hpp"
#include "longwave/optim/adam.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("course 15: schedules, and a batch at steps of its own") {
  // [snippet: diffusion_schedule]
  const auto schedule = NoiseSchedule::linear(200, 1e-4, 0.02);  // T, beta_0, beta_T; or cosine(T), quadratic(..)
  CHECK(schedule.alpha_bar(0) == Approx(0.9999));
  CHECK(schedule.alpha_bar(199) == Approx(0.13218275));  // a third of the amplitude is still there

  const NoiseLevels<float> levels(schedule);  // the roots of alpha_bar and 1 - alpha_bar where steps run
  // [/snippet]
  Generator gen(1);
  const auto x0 = random<float>(Extents<3>{2, 1, 50}, 1), z = random<float>(Extents<3>{2, 1, 50}, 2);
  // [snippet: diffusion_forward]
  Tensor<index_t, 1> steps(2);  // (B)
  draw_steps(gen, steps.view(), levels.steps());
  Tensor<float, 3> x_t(2, 1, 50);
  diffuse(x_t.view(), x0, z, levels, steps);
  // [/snippet]
  CHECK(x_t(1, 0, 7) == Approx(levels.signal(steps(1)) * x0(1, 0, 7) + levels.noise(steps(1)) * z(1, 0, 7)));
}

TEST_CASE("course 15: masks") {
  // [snippet: diffusion_mask]
  Generator gen(1);
  Tensor<float, 3> mask(8, 7, 120);                                             // (B, C, L)
  draw_mask(MaskKind::forecast, 24, gen, mask.view());                          // the last 24 of each channel are 0
  draw_mask(MaskKind::rm, 12, gen, mask.view());                                // 12 entries of each channel
  draw_mask(MaskKind::bm, 12, gen, mask.view(), MaskPer::batch);                // one black-out for all samples
  CHECK_THROWS_AS(draw_mask(MaskKind::rm, 120, gen, mask.view()), ValueError);  // nothing would be known
  // [/snippet]
}

TEST_CASE("course 15: training and sampling") {
  Generator gen(1);
  const index_t B = 16, C = 2, L = 12;
  const auto schedule = NoiseSchedule::linear(50, 1e-4, 0.2);
  const NoiseLevels<float> levels(schedule);
  Tensor<float, 3> x0(B, C, L), mask(B, C, L);
  // [snippet: diffusion_net]
  Conv1d<float> conv({.in = 3 * C, .out = C, .kernel = 5, .padding = 2}, gen);  // no network to be proud of
  const auto net = [&](Tape<float>& tape, Var<float, 3> x, Var<float, 3> cond, Var<float, 3> mask_,
                       TensorView<const index_t, 1>) { return conv(tape, concat(1, x, cond * mask_, mask_)); };
  // [/snippet]
  Adam<float> optimizer(conv, {.lr = 1e-2});
  Tape<float> tape;
  float first = 0, last = 0;
  for (int i = 0; i < 60; ++i) {
    gen.normal(x0.view());
    for (index_t b = 0; b < B; ++b) copy(x0.view()[b].slice(0, 1, 2), x0.view()[b].slice(0, 0, 1));
    // [snippet: diffusion_training]
    draw_mask(MaskKind::rm, 3, gen, mask.view());
    tape.rewind();
    const auto loss = training_loss(tape, net, TrainingSample<float>{x0, mask}, levels, gen);
    tape.backward(loss);
    optimizer.step();
    // [/snippet]
    (i == 0 ? first : last) = loss.value()();
  }
  CHECK(last < 0.8f * first);

  // [snippet: diffusion_sampling]
  Sampler<float> slow(ddpm(schedule), {B, C, L});                      // all 50 steps
  Sampler<float> fast(ddim(schedule, even_steps(50, 10)), {B, C, L});  // ten of them
  const auto x = fast.sample(net, x0, mask, gen);                      // (B, C, L), x0 where mask is 1
  // [/snippet]
  for (index_t i = 0; i < x.count(); ++i)
    if (mask.data()[i] == 1) CHECK(x.data()[i] == x0.data()[i]);
  CHECK(slow.sample(net, x0, mask, gen).sizes() == x.sizes());
}

TEST_CASE("course 15: from the right noise come the right data") {
  // [snippet: diffusion_gauss]
  // Data N(mean, deviation^2): then the noise to expect in x_t is known.
  const double mean = 1.5, deviation = 0.25;
  const auto schedule = NoiseSchedule::linear(200, 1e-4, 0.1);
  const auto net = [&](Tape<double>&, Var<double, 3> x, auto, auto, TensorView<const index_t, 1> steps) {
    const double a = schedule.alpha_bar(steps(0));  // the same for all samples
    const double slope = std::sqrt(1 - a) / (a * deviation * deviation + 1 - a);
    return scale(x, slope, -slope * std::sqrt(a) * mean);
  };
  const Tensor<double, 3> nothing(1, 1, 4000);  // mask 0: nothing is known
  Generator gen(1);
  for (const SamplingPlan& plan : {ddpm(schedule), ddim(schedule), ddim(schedule, even_steps(200, 100))}) {
    Sampler<double> sampler(plan, nothing.sizes());
    const auto x = sampler.sample(net, nothing, nothing, gen);
    double sum = 0, square = 0;
    for (index_t i = 0; i < 4000; ++i) sum += x(0, 0, i), square += x(0, 0, i) * x(0, 0, i);
    CHECK(std::abs(sum / 4000 - mean) < 0.02);
    CHECK(std::abs(std::sqrt(square / 4000 - sum * sum / 16e6) - deviation) < 0.02);
  }
  // [/snippet]
}

TEST_CASE("course 15: points, mixed with each other") {
  Generator gen(1);
  const index_t B = 64, P = 5, T = 20;
  const auto schedule = NoiseSchedule::linear(T, 1e-4, 0.02);
  const NoiseLevels<float> levels(schedule);
  const auto x0 = random<float>(Extents<2>{B, P}, 2), c = random<float>(Extents<2>{B, P}, 3);
  Tape<float> tape;
  // [snippet: diffusion_points]
  const ConvexNoise noise{ConvexTarget::effective};
  Mnist1dDenoiser<float> net({.points = P, .hidden = 16, .steps = T}, gen);
  tape.rewind();
  const auto steps = tape.keep<index_t>(Extents<1>{B});
  draw_steps(gen, steps, T);
  const auto drawn = noise.draw(tape, gen, std::as_const(x0).view());
  const auto x_t = tape.keep<float>(x0.sizes());
  diffuse(x_t, x0, drawn.added, levels, steps);
  tape.backward(mse(net(tape, tape.input(x_t), tape.input(c), steps), tape.input(drawn.target)));

  PointSampler<float, ConvexNoise> sampler(ddpm(schedule, DdpmOptions{.clamp = 5}), noise, B);  // or ddim(..)
  const auto x = sampler.sample(net, c, gen);                                                   // (B, P)
  CHECK(histogram_kl(x, x0.view()) > histogram_kl(x0.view(), x0.view()));                       // of x0 with itself: 0
  // [/snippet]
  CHECK(x.sizes() == x0.sizes());
  CHECK(histogram_kl(x0.view(), x0.view()) == 0);
}
