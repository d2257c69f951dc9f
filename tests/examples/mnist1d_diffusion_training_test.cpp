#include "mnist1d_diffusion/training.hpp"

#include "check.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "mnist1d_diffusion/explain.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;
using namespace longwave::examples::mnist1d_diffusion;

namespace {

using Net = Mnist1dDenoiser<double>;

// A small problem with all that a step works with; every pass uses the same random numbers.
template <class Noise>
struct Problem {
  NoiseSchedule schedule = NoiseSchedule::linear(6, 1e-3, 0.3);
  NoiseLevels<double> levels{schedule};
  Generator weights{1}, gen{2};
  Net net{{.points = 4, .hidden = 6, .step_dim = 4, .steps = 6}, weights};
  PointSampler<double, Noise> sampler;
  Tape<double> tape;
  Tensor<double, 2> c = random<double>(Extents<2>{12, 4}, 3), x0 = random<double>(Extents<2>{12, 4}, 4, 2.0);
  Diffusion<double, Net, Noise, Host> d;

  explicit Problem(Noise noise = {}, PointPrediction prediction = PointPrediction::noise)
      : sampler(ddpm(schedule, DdpmOptions{.clamp = 5}), noise, 12, prediction), d{tape,       net,     noise, levels,
                                                                                   prediction, sampler, gen} {}

  // look(loss of the policy) after a fresh pass over the batch.
  template <class F>
  auto pass(F&& f) {
    gen = Generator(2);
    tape.rewind();
    return f(d, std::as_const(x0).view(), tape.input(c));
  }

  std::vector<double> gradient_of(Var<double, 0> loss) {
    tape.backward(loss);
    std::vector<double> all;
    for (const auto& p : parameters<double>(net)) {
      all.insert(all.end(), p.grad, p.grad + p.count);
      std::fill_n(p.grad, p.count, 0.0);
    }
    return all;
  }
};

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("mnist1d_diffusion: implicit training is the mean squared error of the target") {
  Problem<GaussianNoise> problem;
  const auto [loss, answer] = problem.pass([&](auto& d, auto x0, auto c) {
    const double shown = ImplicitMse()(d, x0, c).loss.value()();
    problem.gen = Generator(2);
    return std::pair(shown, ask(d, x0, c));
  });
  double want = 0;
  for (index_t b = 0; b < 12; ++b)
    for (index_t p = 0; p < 4; ++p) {
      const index_t t = answer.steps(b);
      const double bar = problem.schedule.alpha_bar(t), eps = answer.target(b, p);
      CHECK(answer.x_t(b, p) == Approx(std::sqrt(bar) * problem.x0(b, p) + std::sqrt(1 - bar) * eps));
      want += std::pow(answer.value.value()(b, p) - eps, 2) / 48;
    }
  CHECK(loss == Approx(want));
}

TEST_CASE("mnist1d_diffusion: the KL loss trains on a tenth of the MSE and shows the KL") {
  Problem<GaussianNoise> problem;
  const auto whole = problem.pass(ImplicitKl());
  CHECK(whole.constant() > 0);
  const auto of_kl = problem.gradient_of(whole.loss);
  const auto of_mse = problem.gradient_of(problem.pass([&](auto& d, auto x0, auto c) {
    problem.sampler.sample(problem.net, problem.c.view(), problem.gen);  // so that the same numbers follow
    return forward_loss(problem.tape, ask(d, x0, c));
  }));
  double most = 0;
  for (std::size_t i = 0; i < of_kl.size(); ++i) most = std::max(most, std::abs(of_kl[i] - 0.1 * of_mse[i]));
  CHECK(most < 1e-14);
}

TEST_CASE("mnist1d_diffusion: semi-implicit training is forward + 0.5 inverse, the clean signal a constant") {
  Problem<GaussianNoise> problem;
  const auto forward = problem.gradient_of(
      problem.pass([](auto& d, auto x0, auto c) { return SemiImplicit().parts(d, x0, c).forward; }));
  const auto inverse = problem.gradient_of(
      problem.pass([](auto& d, auto x0, auto c) { return SemiImplicit().parts(d, x0, c).inverse; }));
  const auto attached = problem.gradient_of(
      problem.pass([](auto& d, auto x0, auto c) { return SemiImplicit{.detached = false}.parts(d, x0, c).inverse; }));
  const StepLoss<double, Host> loss = problem.pass(SemiImplicit());
  const double shown = loss.loss.value()();
  const auto total = problem.gradient_of(loss.loss);
  for (std::size_t i = 0; i < total.size(); ++i) CHECK(total[i] == Approx(forward[i] + 0.5 * inverse[i]).margin(1e-14));
  CHECK(largest_difference(inverse, attached) > 1e-3);

  // The same by hand: the clean signal of the first sight, written down, is what a second, ordinary step starts from.
  problem.pass([&](auto& d, auto x0, auto c) {
    const auto parts = SemiImplicit().parts(d, x0, c);
    CHECK(shown == Approx(parts.forward.value()() + 0.5 * parts.inverse.value()()));
    double square = 0;
    for (index_t b = 0; b < 12; ++b)
      for (index_t p = 0; p < 4; ++p) {
        const auto estimate = [&](const auto& answer) {
          const double bar = problem.schedule.alpha_bar(answer.steps(b));
          return std::clamp((answer.x_t(b, p) - std::sqrt(1 - bar) * answer.value.value()(b, p)) / std::sqrt(bar), -5.0,
                            5.0);
        };
        CHECK(parts.clean.value()(b, p) == Approx(estimate(parts.seen)));
        CHECK(parts.recovered.value()(b, p) == Approx(estimate(parts.again)));
        square += std::pow(parts.recovered.value()(b, p) - parts.clean.value()(b, p), 2) / 48;
      }
    CHECK(parts.inverse.value()() == Approx(square));
    CHECK_FALSE(parts.clean.needs_grad());
    CHECK(parts.recovered.needs_grad());
    return 0;
  });
}

TEST_CASE("mnist1d_diffusion: policies take every kind of noise and of prediction") {
  const auto finite = [](auto&& problem, auto policy) {
    const StepLoss<double, Host> loss = problem.pass(policy);
    CHECK(std::isfinite(loss.loss.value()()));
    double norm = 0;
    for (const double g : problem.gradient_of(loss.loss)) norm += g * g;
    CHECK(norm > 0);
  };
  for (const ConvexTarget target : {ConvexTarget::noise, ConvexTarget::effective, ConvexTarget::gauss_pairs}) {
    finite(Problem<ConvexNoise>({target}), ImplicitMse());
    finite(Problem<ConvexNoise>({target}), SemiImplicit());
    finite(Problem<ConvexNoise>({target}), ImplicitKl());
  }
  finite(Problem<GaussianNoise>({}, PointPrediction::clean), SemiImplicit());
  finite(Problem<GaussianNoise>({}, PointPrediction::clean), ImplicitMse{.mmd_weight = 1});
}

TEST_CASE("mnist1d_diffusion: the MMD loss has a gradient of its own") {
  Problem<GaussianNoise> problem;
  const auto without = problem.gradient_of(problem.pass(ImplicitMse()).loss);
  const auto with = problem.gradient_of(problem.pass(ImplicitMse{.mmd_weight = 1}).loss);
  CHECK(largest_difference(without, with) > 1e-6);
}

// What docs/semi_implicit.md says of a real batch.
TEST_CASE("mnist1d_diffusion: one batch taken apart") {
  Options options;
  options.n_samples = 256;
  const Explanation e = explain_batch(options, 0);
  CHECK(e.total == Approx(e.forward + 0.5 * e.inverse));
  CHECK(e.inverse == Approx(e.recovered_error * e.recovered_error).epsilon(1e-4));
  CHECK(e.inverse <= e.weighted_noise_mse);  // clamps only shorten
  CHECK(e.inverse > 0.9 * e.weighted_noise_mse);
  CHECK(e.attached_with_inverse < 0.95);
  CHECK(explanation_text(e, 0).find("forward  = mean (eps - eps_hat)^2") != std::string::npos);
}
