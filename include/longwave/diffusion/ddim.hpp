// ddim.hpp - implicit sampling (Song et al. 2021, "Denoising diffusion implicit models", equations 12 and 16), which
// needs few of a schedule's steps.
//
//   x <- sqrt(alpha_bar') x_0 + sqrt(1 - alpha_bar' - s^2) eps + s N(0, 1)
//   s  = eta sqrt((1 - alpha_bar') / (1 - alpha_bar)) sqrt(1 - alpha_bar / alpha_bar')
// with x_0 = (x - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar), cut to a range if one is given, and alpha_bar'
// of the step that comes next, 1 after the last. eta = 0: no noise after the start; eta = 1: DDPM.
#pragma once

#include "longwave/diffusion/sampler.hpp"
#include "longwave/diffusion/schedule.hpp"

namespace longwave {

struct DdimOptions {
  double eta = 0;
  double clamp = std::numeric_limits<double>::infinity();  // largest magnitude of x_0
  double least = -std::numeric_limits<double>::infinity(),
         most = std::numeric_limits<double>::infinity();  // its range, if it has one
  Prediction prediction = Prediction::noise;              // of the network
};

// steps: increasing.
inline SamplingPlan ddim(const NoiseSchedule& schedule, std::span<const index_t> steps, DdimOptions options = {}) {
  detail::check_steps("ddim", steps, schedule.steps());
  if (!(options.eta >= 0 && options.eta <= 1))
    throw_value_error("ddim: eta is " + std::to_string(options.eta) + ", expected 0 to 1");
  detail::check_range("ddim", options);
  SamplingPlan plan{{}, options.clamp, options.least, options.most};
  for (std::size_t i = steps.size(); i-- > 0;) {
    const double here = schedule.alpha_bar(steps[i]), next = i > 0 ? schedule.alpha_bar(steps[i - 1]) : 1.0;
    const double signal = std::sqrt(here), noise = std::sqrt(1 - here);
    const double deviation = options.eta * std::sqrt((1 - next) / (1 - here)) * std::sqrt(1 - here / next);
    const double direction = std::sqrt(std::max(0.0, 1 - next - deviation * deviation));
    SamplingStep step{.t = steps[i], .deviation = deviation, .known_as_trained = detail::known_as_trained(here)};
    if (detail::cuts(options)) {
      step.x0_from_x = 1 / signal;
      step.x0_from_eps = -noise / signal;
      step.from_x0 = std::sqrt(next);
      step.from_eps = direction;
    } else {
      step.from_x = std::sqrt(next) / signal;
      step.from_eps = direction - step.from_x * noise;
    }
    if (options.prediction == Prediction::velocity) step = detail::from_velocity(step, here);
    plan.steps.push_back(step);
  }
  return plan;
}

// Over all steps.
inline SamplingPlan ddim(const NoiseSchedule& schedule, DdimOptions options = {}) {
  return ddim(schedule, even_steps(schedule.steps(), schedule.steps()), options);
}

}  // namespace longwave
