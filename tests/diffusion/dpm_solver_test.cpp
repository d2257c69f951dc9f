#include "longwave/diffusion/dpm_solver.hpp"

#include "check.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

const NoiseSchedule& schedule() {
  static const NoiseSchedule s = NoiseSchedule::linear(200, 1e-4, 0.02);
  return s;
}

double some_eps(double x, index_t t) { return std::sin(x) - 0.002 * double(t); }

template <class T>
Var<T, 3> some_net(Tape<T>& tape, Var<T, 3> x, Var<T, 3>, Var<T, 3>, TensorView<const index_t, 1> steps) {
  const auto eps = tape.make(x.sizes(), false);
  for (index_t i = 0; i < x.value().count(); ++i)
    eps.output().data()[i] = T(some_eps(double(x.value().data()[i]), steps(0)));
  return eps;
}

// Algorithm 2 as the paper writes it, one number at a time. noise: what would be drawn, in order.
double naive(const NoiseSchedule& s, const std::vector<index_t>& steps, bool stochastic,
             const std::vector<double>& noise) {
  const auto lambda = [](double bar) { return std::log(std::sqrt(bar) / std::sqrt(1 - bar)); };
  double x = noise[0], before = 0, h_before = 0;
  for (std::size_t i = steps.size(); i-- > 0;) {
    const double bar = s.alpha_bar(steps[i]);
    const double x0 = (x - std::sqrt(1 - bar) * some_eps(x, steps[i])) / std::sqrt(bar);
    if (i == 0) return x0;
    const double next = s.alpha_bar(steps[i - 1]), h = lambda(next) - lambda(bar), r = h_before / h;
    const double data = h_before > 0 ? (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before : x0;
    const double times = stochastic ? 2 : 1, shrink = stochastic ? std::exp(-h) : 1;
    x = std::sqrt((1 - next) / (1 - bar)) * shrink * x + std::sqrt(next) * (1 - std::exp(-times * h)) * data;
    if (stochastic) x += std::sqrt(1 - next) * std::sqrt(1 - std::exp(-2 * h)) * noise[steps.size() - i];
    before = x0;
    h_before = h;
  }
  return x;
}

// Data of one normal distribution, N(mean, deviation^2), for which all is known: the noise in x is
// sqrt(1 - alpha_bar) (x - sqrt(alpha_bar) mean) / v with v = alpha_bar deviation^2 + 1 - alpha_bar, and without noise
// on the way (x - sqrt(alpha_bar) mean) / sqrt(v) stays what it is.
struct Normal {
  const NoiseSchedule& schedule;
  double mean, deviation;

  double v(double bar) const { return bar * deviation * deviation + 1 - bar; }
  // What the flow makes of x at the last step.
  double flow(double x) const {
    const double bar = schedule.alpha_bar(schedule.steps() - 1);
    return mean + deviation * (x - std::sqrt(bar) * mean) / std::sqrt(v(bar));
  }

  // Mean and variance of what a plan makes of N(start mean, start variance). All is linear, so both are exact: x and
  // the x_0 of the step before are each a constant plus factors of the noises drawn.
  struct Moments {
    double mean, variance;
  };
  Moments moments(const SamplingPlan& plan, double start_mean, double start_variance) const {
    std::vector<double> x = {start_mean, std::sqrt(start_variance)}, before = {0, 0};
    for (const SamplingStep& step : plan.steps) {
      const double bar = schedule.alpha_bar(step.t), slope = std::sqrt(1 - bar) / v(bar);
      std::vector<double> x0(x.size()), next(x.size() + 1);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double eps = slope * (x[i] - (i == 0 ? std::sqrt(bar) * mean : 0.0));
        x0[i] = step.x0_from_x * x[i] + step.x0_from_eps * eps;
        next[i] = step.from_x0 * x0[i] + step.from_x * x[i] + step.from_eps * eps;
        if (i < before.size()) next[i] += step.from_x0_before * before[i];
      }
      next.back() = step.deviation;
      before = x0;
      x = next;
    }
    double variance = 0;
    for (std::size_t i = 1; i < x.size(); ++i) variance += x[i] * x[i];
    return {x[0], variance};
  }

  // Largest error of a plan without noise, over starts within two deviations.
  double error(const SamplingPlan& plan) const {
    double most = 0;
    for (const double start : {-2.0, -0.5, 0.0, 1.0, 2.0})
      most = std::max(most, std::abs(moments(plan, start, 0).mean - flow(start)));
    return most;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("dpm_solver: agrees with the paper's loop", "", float, double) {
  using T = TestType;
  const NoiseSchedule s = NoiseSchedule::linear(30, 1e-3, 0.2);
  const Extents<3> sizes{2, 1, 3};
  const Tensor<T, 3> nothing(sizes);
  for (const auto& steps : {even_steps(30, 30), even_steps(30, 5), std::vector<index_t>{2, 3, 11},
                            std::vector<index_t>{4, 9}, std::vector<index_t>{7}})
    for (const bool stochastic : {false, true}) {
      const auto S = static_cast<index_t>(steps.size());
      const auto noise = random<T>(Extents<4>{S, 2, 1, 3}, 8);
      Tensor<double, 3> want(sizes);
      for (index_t i = 0; i < want.count(); ++i) {
        std::vector<double> drawn;
        for (index_t n = 0; n < S; ++n) drawn.push_back(double(noise.data()[n * want.count() + i]));
        want.data()[i] = naive(s, steps, stochastic, drawn);
      }
      Sampler<T> sampler(dpm_solver(s, steps, {.stochastic = stochastic}), sizes);
      for (int again = 0; again < 2; ++again)  // nothing of a sample is left for the next
        CHECK(relative_error(sampler.sample(some_net<T>, nothing, nothing, noise.view()), want.view()) <
              (sizeof(T) == 4 ? 2e-5 : 1e-13));
    }
}

TEST_CASE("dpm_solver: of two steps it is DDIM with eta 0 or 1; velocities are understood") {
  const NoiseSchedule& s = schedule();
  const Extents<3> sizes{1, 1, 6};
  const Tensor<double, 3> nothing(sizes);
  const auto noise = random<double>(Extents<4>{2, 1, 1, 6}, 3);
  const std::vector<index_t> two = {20, 199};
  for (const bool stochastic : {false, true}) {
    Sampler<double> a(dpm_solver(s, two, {.stochastic = stochastic}), sizes);
    Sampler<double> b(ddim(s, two, {.eta = stochastic ? 1.0 : 0.0}), sizes);
    const auto x = a.sample(some_net<double>, nothing, nothing, noise.view());
    CHECK(relative_error(b.sample(some_net<double>, nothing, nothing, noise.view()), x) < 1e-13);
  }
  const auto velocity = [&](Tape<double>& tape, Var<double, 3> x, Var<double, 3> cond, Var<double, 3> mask,
                            TensorView<const index_t, 1> steps) {
    const auto eps = some_net<double>(tape, x, cond, mask, steps);
    const auto v = tape.make(x.sizes(), false);
    const double signal = std::sqrt(s.alpha_bar(steps(0))), rest = std::sqrt(1 - s.alpha_bar(steps(0)));
    for (index_t i = 0; i < v.value().count(); ++i)
      v.output().data()[i] = (eps.value().data()[i] - rest * x.value().data()[i]) / signal;
    return v;
  };
  const auto more = random<double>(Extents<4>{9, 1, 1, 6}, 3);
  const auto nine = even_steps(200, 9);
  Sampler<double> a(dpm_solver(s, nine), sizes), b(dpm_solver(s, nine, {.prediction = Prediction::velocity}), sizes);
  const auto x = a.sample(some_net<double>, nothing, nothing, more.view());
  CHECK(relative_error(b.sample(velocity, nothing, nothing, more.view()), x) < 1e-12);
}

TEST_CASE("dpm_solver: on data whose flow is known it is of second order, DDIM of first") {
  const NoiseSchedule fine = NoiseSchedule::linear(4000, 5e-6, 1e-3);
  const Normal data{fine, 0.3, 0.5};
  const auto steps = [&](index_t count) { return spaced_steps(fine, count, Spacing::quadratic); };
  const double first = data.error(ddim(fine, steps(20))), second = data.error(dpm_solver(fine, steps(20)));
  CHECK(second < 0.3 * first);
  const double first_of_half = data.error(ddim(fine, steps(40))),
               second_of_half = data.error(dpm_solver(fine, steps(40)));
  CHECK(first / first_of_half > 1.7);
  CHECK(first / first_of_half < 2.5);
  CHECK(second / second_of_half > 3);
}

TEST_CASE("samplers: 20 of the published schedule's steps on data whose flow is known") {
  const NoiseSchedule& s = schedule();
  // Narrow data, as what is left to know of a gap is: most of the flow happens near the end, in the last few even
  // steps.
  const Normal data{s, 0.1, 0.05};
  const auto at = [&](Spacing how) { return spaced_steps(s, 20, how); };
  const auto error = [&](const SamplingPlan& plan) { return data.error(plan) / data.deviation; };
  const double even = error(ddim(s, at(Spacing::even))), quadratic = error(ddim(s, at(Spacing::quadratic)));
  CHECK(even > 0.7);
  CHECK(quadratic < 0.4 * even);
  CHECK(error(ddim(s, at(Spacing::log_snr))) < 0.3 * even);
  CHECK(error(ddim(s, at(Spacing::trailing))) > even);  // ends at step 9
  CHECK(error(dpm_solver(s, at(Spacing::quadratic))) < 0.1 * quadratic);
  CHECK(error(dpm_solver(s, at(Spacing::log_snr))) < 0.2 * quadratic);
  // With noise on the way the start, of which N(0, 1) is not the true distribution, is forgotten; the spread that comes
  // out of 200 steps of DDPM is reached by 20, and by the solver that of the data.
  const auto spread = [&](const SamplingPlan& plan) {
    return std::sqrt(data.moments(plan, 0, 1).variance) / data.deviation;
  };
  CHECK(spread(ddpm(s)) == Approx(0.885).margin(0.001));
  CHECK(spread(ddpm(s, at(Spacing::even))) < 0.6);
  CHECK(spread(ddpm(s, at(Spacing::log_snr))) == Approx(0.861).margin(0.001));
  CHECK(spread(dpm_solver(s, at(Spacing::quadratic), {.stochastic = true})) == Approx(1).margin(0.01));
  const auto off = [&](const SamplingPlan& plan) {
    return std::abs(data.moments(plan, 0, 1).mean - data.mean) / data.deviation;
  };
  CHECK(off(ddpm(s)) < 1e-3);
  CHECK(off(dpm_solver(s, at(Spacing::quadratic), {.stochastic = true})) < 1e-3);
  CHECK(off(ddim(s)) > 0.02);
}

TEST_CASE("dpm_solver: errors name the argument") {
  const NoiseSchedule& s = schedule();
  CHECK(error_text<ValueError>([&] {
          dpm_solver(s, std::vector<index_t>{3, 1});
        }) == "dpm_solver: step number 1 is 1 after 3, expected increasing steps");
  CHECK(error_text<ValueError>([&] { dpm_solver(s, even_steps(200, 2), {.clamp = -1}); }) ==
        "dpm_solver: clamp is -1.000000, expected more than 0");
  CHECK(error_text<ValueError>([&] { dpm_solver(s, even_steps(200, 2), {.least = 1, .most = 0}); }) ==
        "dpm_solver: x_0 is cut to 1.000000 to 0.000000, expected a range");
}
