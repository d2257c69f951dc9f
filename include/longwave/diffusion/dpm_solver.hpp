// dpm_solver.hpp - DPM-Solver++ of second order with two steps, "2M" (Lu et al. 2022, "DPM-Solver++: fast solver for
// guided sampling of diffusion probabilistic models", algorithm 2), and its stochastic sibling SDE-DPM-Solver++(2M)
// (there, section 5). A step costs one pass of the network, as DDIM's, and looks back at the x_0 of the step before.
//
//   lambda = log(sqrt(alpha_bar) / sigma),  sigma = sqrt(1 - alpha_bar),  h = lambda' - lambda    ' : what comes next
//
//   D = x_0 + (x_0 - x_0 of the step before) / (2 r),  r = h of the step before / h
//
//   ODE  x <- sigma' / sigma x + sqrt(alpha_bar') (1 - e^-h) D
//
//   SDE  x <- sigma' / sigma e^-h x + sqrt(alpha_bar') (1 - e^-2h) D + sigma' sqrt(1 - e^-2h) N(0, 1)
//
// In the first step, and in the last, which goes to noise 0, D = x_0.
// With D = x_0 the two are DDIM with eta 0 and 1.
#pragma once

#include "longwave/diffusion/sampler.hpp"
#include "longwave/diffusion/schedule.hpp"

namespace longwave {

struct DpmSolverOptions {
  bool stochastic = false;
  double clamp = std::numeric_limits<double>::infinity();  // largest magnitude of x_0
  double least = -std::numeric_limits<double>::infinity(),
         most = std::numeric_limits<double>::infinity();  // its range, if it has one
  Prediction prediction = Prediction::noise;              // of the network
};

// steps: increasing.
inline SamplingPlan dpm_solver(const NoiseSchedule& schedule, std::span<const index_t> steps,
                               DpmSolverOptions options = {}) {
  detail::check_steps("dpm_solver", steps, schedule.steps());
  detail::check_range("dpm_solver", options);
  SamplingPlan plan{{}, options.clamp, options.least, options.most};
  double h_before = 0;
  for (std::size_t i = steps.size(); i-- > 0;) {
    const double here = schedule.alpha_bar(steps[i]), noise = std::sqrt(1 - here), signal = std::sqrt(here);
    SamplingStep step{.t = steps[i],
                      .x0_from_x = 1 / signal,
                      .x0_from_eps = -noise / signal,
                      .from_x0 = 1,
                      .known_as_trained = detail::known_as_trained(here)};
    if (i > 0) {
      const double next = schedule.alpha_bar(steps[i - 1]), left = std::sqrt(1 - next);
      const double h = (detail::log_snr(next) - detail::log_snr(here)) / 2;
      const double times = options.stochastic ? 2 : 1;  // of h
      const double gain = -std::sqrt(next) * std::expm1(-times * h);
      const double back = h_before > 0 ? h / (2 * h_before) : 0.0;  // 1 / (2 r)
      step.from_x0 = gain * (1 + back);
      step.from_x0_before = -gain * back;
      step.from_x = left / noise * (options.stochastic ? std::exp(-h) : 1.0);
      step.deviation = options.stochastic ? left * std::sqrt(-std::expm1(-2 * h)) : 0.0;
      h_before = h;
    }
    if (options.prediction == Prediction::velocity) step = detail::from_velocity(step, here);
    plan.steps.push_back(step);
  }
  return plan;
}

}  // namespace longwave
