#include "longwave/diffusion/point_sampler.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "check.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// What a network is to the sampler, made of one function of (x, c, t).
template <class F>
struct PointNet {
  F f;
  struct Prepared {
    Var<double, 2> c;
    Prepared on(Tape<double>& tape) const { return {tape.input(c.value())}; }
  };
  Prepared prepare(Tape<double>&, Var<double, 2> c) { return {c}; }
  Var<double, 2> denoise(Tape<double>& tape, Var<double, 2> x, const Prepared& prepared,
                         TensorView<const index_t, 1> t) {
    const Var<double, 2> y = tape.make(x.sizes(), false);
    for (index_t b = 0; b < x.size(0); ++b)
      for (index_t p = 0; p < x.size(1); ++p) y.output()(b, p) = f(x.value()(b, p), prepared.c.value()(b, p), t(b));
    return y;
  }
};
template <class F>
PointNet<F> point_net(F f) {
  return {f};
}

double some_noise(double x, double c, index_t t) { return 0.3 * x - 0.1 * c + 0.01 * static_cast<double>(t); }

}  // namespace

TEST_CASE("point_sampler: the formulas of the posterior, written out") {
  const index_t T = 20, B = 5, P = 3;
  const auto schedule = NoiseSchedule::linear(T, 1e-4, 0.02);
  auto net = point_net(some_noise);
  const auto c = random<double>(Extents<2>{B, P}, 1, 3.0);
  PointSampler<double, GaussianNoise> sampler(ddpm(schedule, DdpmOptions{.clamp = 5}), {}, 8);
  Generator gen(7), same(7);
  const auto got = sampler.sample(net, c.view(), gen);

  Tensor<double, 2> x(B, P), z(B, P);
  same.normal(x.view());
  for (index_t t = T - 1; t >= 0; --t) {
    const double bar = schedule.alpha_bar(t), before = t > 0 ? schedule.alpha_bar(t - 1) : 1;
    if (t > 0) same.normal(z.view());
    for (index_t i = 0; i < x.count(); ++i) {
      const double eps = some_noise(x.data()[i], c.data()[i], t);
      const double x0 = std::clamp((x.data()[i] - std::sqrt(1 - bar) * eps) / std::sqrt(bar), -5.0, 5.0);
      const double mean =
          (schedule.beta(t) * std::sqrt(before) * x0 + (1 - before) * std::sqrt(schedule.alpha(t)) * x.data()[i]) /
          (1 - bar);
      const double variance = schedule.beta(t) * (1 - before) / (1 - bar);
      x.data()[i] = mean + (t > 0 ? std::sqrt(variance) * z.data()[i] : 0);
    }
  }
  CHECK(relative_error(got, x.view()) < 1e-12);
}

// The coefficients that the reference schedule of the experiments gives.
TEST_CASE("point_sampler: numbers of the schedule with 20 steps up to 0.02") {
  const auto schedule = NoiseSchedule::linear(20, 1e-4, 0.02);
  const Posterior posterior(schedule);
  for (const auto& [t, want] :
       {std::pair(0, 0.9999), std::pair(1, 0.99875275), std::pair(10, 0.94277893), std::pair(19, 0.8167771)})
    CHECK(schedule.alpha_bar(t) == Approx(want).epsilon(1e-7));
  for (const auto& [t, want] : {std::pair(1, 9.1992e-5), std::pair(10, 8.71193e-3), std::pair(19, 1.81805e-2)})
    CHECK(posterior.variance(t) == Approx(want).epsilon(1e-5));
  for (const auto& [t, x0, xt] : {std::tuple(0, 1.0, 0.0), std::tuple(1, 0.91986984, 0.08013014)}) {
    CHECK(posterior.from_x0(t) == Approx(x0).epsilon(1e-7));
    CHECK(posterior.from_xt(t) == Approx(xt).margin(1e-8));
  }
  CHECK(posterior.from_x0(19) == Approx(0.09965268).epsilon(1e-6));
  CHECK(posterior.from_xt(19) == Approx(0.89988766).epsilon(1e-6));
  CHECK(posterior.variance(0) == 0);
}

TEST_CASE("point_sampler: Gaussian noise gives what Sampler gives") {
  const auto schedule = NoiseSchedule::linear(6, 1e-3, 0.3);
  const auto c = random<double>(Extents<2>{4, 7}, 1);
  const Tensor<double, 3> none(4, 1, 7);
  for (const SamplingPlan& plan : {ddpm(schedule, DdpmOptions{.clamp = 2}), ddim(schedule, DdimOptions{.clamp = 2}),
                                   ddim(schedule, even_steps(6, 3), DdimOptions{.clamp = 2})}) {
    auto net = point_net([](double x, double, index_t t) { return some_noise(x, 0, t); });
    const auto flat = [&](Tape<double>& tape, Var<double, 3> x, auto, auto, TensorView<const index_t, 1> t) {
      const Var<double, 3> y = tape.make(x.sizes(), false);
      for (index_t b = 0; b < 4; ++b)
        for (index_t l = 0; l < 7; ++l) y.output()(b, 0, l) = some_noise(x.value()(b, 0, l), 0, t(b));
      return y;
    };
    PointSampler<double, GaussianNoise> points(plan, {}, 4);
    Sampler<double> sequences(plan, {4, 1, 7});
    Generator a(5), b(5);
    const auto x = points.sample(net, c.view(), a);
    const auto y = sequences.sample(flat, none, none, b);
    CHECK(relative_error(x, y.reshape(Extents<2>{4, 7})) < 1e-12);
  }
}

TEST_CASE("point_sampler: a network that knows the answer is right, whichever it predicts") {
  const auto schedule = NoiseSchedule::linear(9, 1e-3, 0.4);
  const auto c = random<double>(Extents<2>{6, 5}, 1);
  const NoiseLevels<double> levels(schedule);
  auto knows_noise =
      point_net([&](double x, double x0, index_t t) { return (x - levels.signal(t) * x0) / levels.noise(t); });
  auto knows_clean = point_net([](double, double x0, index_t) { return x0; });
  for (const SamplingPlan& plan : {ddpm(schedule, DdpmOptions{.clamp = 9}), ddim(schedule, DdimOptions{.clamp = 9})}) {
    Generator gen(1);
    PointSampler<double, GaussianNoise> by_noise(plan, {}, 6);
    PointSampler<double, ConvexNoise> by_convex(plan, {}, 6);
    PointSampler<double, GaussianNoise> by_clean(plan, {}, 6, PointPrediction::clean);
    CHECK(relative_error(by_noise.sample(knows_noise, c.view(), gen), c.view()) < 1e-12);
    CHECK(relative_error(by_convex.sample(knows_noise, c.view(), gen), c.view()) < 1e-12);
    CHECK(relative_error(by_clean.sample(knows_clean, c.view(), gen), c.view()) < 1e-12);
  }
}

TEST_CASE("point_sampler: errors") {
  const auto schedule = NoiseSchedule::linear(4, 1e-3, 0.4);
  using Points = PointSampler<double, GaussianNoise>;
  CHECK(error_text<ValueError>([&] { Points(SamplingPlan(), {}, 2); }) == "PointSampler: the plan has no steps");
  CHECK(error_text<ValueError>([&] { Points(ddpm(schedule), {}, 2); }) ==
        "PointSampler: a step does not say what x_0 is; give the plan a clamp");
  auto net = point_net(some_noise);
  Points sampler(ddpm(schedule, DdpmOptions{.clamp = 5}), {}, 2);
  const Tensor<double, 2> c(3, 5);
  Generator gen(1);
  CHECK(error_text<ShapeError>([&] { sampler.sample(net, c.view(), gen); }) ==
        "PointSampler: condition is (B=3, P=5), made for B up to 2");
}
