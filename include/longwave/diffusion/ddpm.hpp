// ddpm.hpp - ancestral sampling (Ho et al. 2020, algorithm 2), over all steps of a schedule or some of them.
//
//   x <- (x - beta / sqrt(1 - alpha_bar) eps) / sqrt(alpha) + sigma N(0, 1),          no noise after the last
// which is the mean of q(x_{t-1} | x_t, x_0) for the x_0 that eps stands for. If a range is given, that x_0 is cut to
// it first. Over some of the steps, alpha, beta and sigma are those of the longer strides
// (NoiseSchedule::respaced; Nichol and Dhariwal 2021).
#pragma once

#include "longwave/diffusion/sampler.hpp"
#include "longwave/diffusion/schedule.hpp"

namespace longwave {

struct DdpmOptions {
  double clamp = std::numeric_limits<double>::infinity();  // largest magnitude of x_0
  double least = -std::numeric_limits<double>::infinity(),
         most = std::numeric_limits<double>::infinity();  // its range, if it has one
  Prediction prediction = Prediction::noise;              // of the network
};

// steps: increasing.
inline SamplingPlan ddpm(const NoiseSchedule& schedule, std::span<const index_t> steps, DdpmOptions options = {}) {
  detail::check_steps("ddpm", steps, schedule.steps());
  detail::check_range("ddpm", options);
  const NoiseSchedule strides = schedule.respaced(steps);
  const Posterior posterior(strides);
  SamplingPlan plan{{}, options.clamp, options.least, options.most};
  for (index_t i = strides.steps() - 1; i >= 0; --i) {
    const double signal = std::sqrt(strides.alpha_bar(i)), noise = std::sqrt(1 - strides.alpha_bar(i));
    SamplingStep step{.t = steps[static_cast<std::size_t>(i)],
                      .deviation = i > 0 ? strides.sigma(i) : 0.0,
                      .known_as_trained = detail::known_as_trained(strides.alpha_bar(i))};
    if (detail::cuts(options)) {
      step.x0_from_x = 1 / signal;
      step.x0_from_eps = -noise / signal;
      step.from_x0 = posterior.from_x0(i);
      step.from_x = posterior.from_xt(i);
    } else {
      step.from_x = 1 / std::sqrt(strides.alpha(i));
      step.from_eps = -strides.beta(i) / noise * step.from_x;
    }
    if (options.prediction == Prediction::velocity) step = detail::from_velocity(step, strides.alpha_bar(i));
    plan.steps.push_back(step);
  }
  return plan;
}

// Over all steps.
inline SamplingPlan ddpm(const NoiseSchedule& schedule, DdpmOptions options = {}) {
  return ddpm(schedule, even_steps(schedule.steps(), schedule.steps()), options);
}

}  // namespace longwave
