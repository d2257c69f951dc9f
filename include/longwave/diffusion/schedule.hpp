// schedule.hpp - how much noise each diffusion step t = 0 .. T-1 adds (Ho et al. 2020, "Denoising diffusion
// probabilistic models").
//
//   alpha_t     = 1 - beta_t
//   alpha_bar_t = alpha_0 alpha_1 .. alpha_t           x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise
//   sigma_t^2   = beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t),   sigma_0^2 = beta_0
//
// In double on the host; what a step needs on the device is in tables of their own (forward_process.hpp, sampler.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "longwave/core/tensor.hpp"

namespace longwave {

namespace detail {

// `steps`: some of the steps 0 .. T-1 in increasing order, at least one.
inline void check_steps(const char* op, std::span<const index_t> steps, index_t T) {
  if (steps.empty()) throw_value_error(std::string(op) + ": no steps");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool known = steps[i] >= 0 && steps[i] < T;
    if (known && (i == 0 || steps[i] > steps[i - 1])) continue;
    throw_value_error(std::string(op) + ": step number " + std::to_string(i) + " is " + std::to_string(steps[i]) +
                      (known ? " after " + std::to_string(steps[i - 1]) + ", expected increasing steps"
                             : ", expected 0 to " + std::to_string(T - 1)));
  }
}

}  // namespace detail

struct NoiseSchedule {
  Tensor<double, 1> beta, alpha, alpha_bar, sigma;  // (T)

  index_t steps() const { return beta.size(0); }

  static NoiseSchedule from_beta(Tensor<double, 1> beta);

  // beta from beta_0 to beta_T in equal steps, both ends included.
  static NoiseSchedule linear(index_t T, double beta_0, double beta_T);
  // The same for sqrt(beta), squared.
  static NoiseSchedule quadratic(index_t T, double beta_0, double beta_T);
  // alpha_bar_t = f(t + 1) / f(0), f(t) = cos^2(pi/2 (t/T + s) / (1 + s)), beta at most max_beta (Nichol and Dhariwal
  // 2021, "Improved denoising diffusion probabilistic models", equation 17).
  static NoiseSchedule cosine(index_t T, double s = 0.008, double max_beta = 0.999);

  // The schedule of a walk that only stops at `steps`: the same alpha_bar there, beta and sigma of the longer strides.
  NoiseSchedule respaced(std::span<const index_t> steps) const;

 private:
  template <class F>
  static NoiseSchedule of(const char* op, index_t T, F&& beta_at) {
    if (T < 1) throw_value_error(std::string(op) + ": T is " + std::to_string(T) + ", expected at least 1");
    Tensor<double, 1> beta(T);
    for (index_t t = 0; t < T; ++t) beta(t) = beta_at(t);
    return from_beta(std::move(beta));
  }
  // Position of step t between the ends of a schedule.
  static double fraction(index_t t, index_t T) {
    return T > 1 ? static_cast<double>(t) / static_cast<double>(T - 1) : 0.0;
  }
};

inline NoiseSchedule NoiseSchedule::from_beta(Tensor<double, 1> beta) {
  const index_t T = beta.size(0);
  if (T < 1) throw_value_error("NoiseSchedule: no steps");
  NoiseSchedule schedule;
  schedule.alpha = Tensor<double, 1>(T);
  schedule.alpha_bar = Tensor<double, 1>(T);
  schedule.sigma = Tensor<double, 1>(T);
  double before = 1;  // alpha_bar of the step before
  for (index_t t = 0; t < T; ++t) {
    const double b = beta(t);
    if (!(b > 0 && b < 1))
      throw_value_error("NoiseSchedule: beta of step " + std::to_string(t) + " is " + std::to_string(b) +
                        ", expected between 0 and 1");
    const double after = before * (1 - b);
    schedule.alpha(t) = 1 - b;
    schedule.alpha_bar(t) = after;
    schedule.sigma(t) = std::sqrt(t == 0 ? b : b * (1 - before) / (1 - after));
    before = after;
  }
  schedule.beta = std::move(beta);
  return schedule;
}

inline NoiseSchedule NoiseSchedule::linear(index_t T, double beta_0, double beta_T) {
  return of("NoiseSchedule::linear", T, [=](index_t t) { return beta_0 + fraction(t, T) * (beta_T - beta_0); });
}

inline NoiseSchedule NoiseSchedule::quadratic(index_t T, double beta_0, double beta_T) {
  const double low = std::sqrt(beta_0), high = std::sqrt(beta_T);
  return of("NoiseSchedule::quadratic", T, [=](index_t t) {
    const double root = low + fraction(t, T) * (high - low);
    return root * root;
  });
}

inline NoiseSchedule NoiseSchedule::cosine(index_t T, double s, double max_beta) {
  if (!(s >= 0)) throw_value_error("NoiseSchedule::cosine: s is " + std::to_string(s) + ", expected at least 0");
  const auto f = [=](index_t t) {
    const double c = std::cos(std::numbers::pi / 2 * (static_cast<double>(t) / static_cast<double>(T) + s) / (1 + s));
    return c * c;
  };
  return of("NoiseSchedule::cosine", T, [=](index_t t) { return std::min(1 - f(t + 1) / f(t), max_beta); });
}

inline NoiseSchedule NoiseSchedule::respaced(std::span<const index_t> steps_kept) const {
  detail::check_steps("NoiseSchedule::respaced", steps_kept, steps());
  Tensor<double, 1> strides(static_cast<index_t>(steps_kept.size()));
  index_t t = 0;
  for (index_t i = 0; i < strides.size(0); ++i) {
    double b = 0;  // 1 - product of alpha; a single step keeps its beta to the bit
    for (; t <= steps_kept[static_cast<std::size_t>(i)]; ++t) b += beta(t) * (1 - b);
    strides(i) = b;
  }
  return from_beta(std::move(strides));
}

// What a network's result stands for: the noise z, or the velocity v = sqrt(alpha_bar) z - sqrt(1 - alpha_bar) x_0
// (Salimans and Ho 2022, "Progressive distillation"). Where little signal is left, z says next to nothing about x_0 and
// hides in x_t itself; the squared error of v counts that of x_0 there in full, and a network need not copy its input.
enum class Prediction { noise, velocity };

// `count` of the steps 0 .. T-1 as evenly as they go, both ends included; a single one is T-1.
inline std::vector<index_t> even_steps(index_t T, index_t count) {
  if (count < 1 || count > T)
    throw_value_error("even_steps: count is " + std::to_string(count) + ", expected 1 to T = " + std::to_string(T));
  std::vector<index_t> steps(static_cast<std::size_t>(count), T - 1);
  for (index_t i = 0; i + 1 < count; ++i)
    steps[static_cast<std::size_t>(i)] = (2 * i * (T - 1) + count - 1) / (2 * (count - 1));  // rounded
  return steps;
}

// Which steps a sampler stops at. Where they lie in noise is what counts: of 20 even steps of the published schedule
// the last leads from a noise of 0.08 of the data's unit to 0.01.
//   even       as even_steps: 0, T-1 and what lies between in equal strides
//   leading    0, T/S, 2 T/S, ..: "linear" of Song et al. 2021; starts below T-1
//   trailing   T-1, T-1 - T/S, ..: ends above 0 (Lin et al. 2024, "Common diffusion noise schedules ..", table 2)
//   quadratic  t ~ i^2, both ends included (Song et al. 2021, appendix D.2): short strides near the data
//   log_snr    equal strides of log(alpha_bar / (1 - alpha_bar)), both ends included (Lu et al. 2022, "DPM-Solver")
enum class Spacing { even, leading, trailing, quadratic, log_snr };

// "even", "leading", "trailing", "quadratic", "log_snr"
inline Spacing spacing(const std::string& name) {
  constexpr const char* names[] = {"even", "leading", "trailing", "quadratic", "log_snr"};
  for (int i = 0; i < 5; ++i)
    if (name == names[i]) return static_cast<Spacing>(i);
  throw_value_error("spacing: '" + name + "' is not one of even, leading, trailing, quadratic, log_snr");
}

namespace detail {

// Pushes rounded steps apart where two fell together; 0 .. T-1 stay the ends.
inline void push_apart(std::vector<index_t>& steps, index_t T) {
  const auto count = static_cast<index_t>(steps.size());
  for (index_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i > 0) steps[at] = std::max(steps[at], steps[at - 1] + 1);
    steps[at] = std::min(steps[at], T - count + i);
  }
}

inline double log_snr(double alpha_bar) { return std::log(alpha_bar / (1 - alpha_bar)); }

}  // namespace detail

// `count` of the steps, increasing; a single one is T-1.
inline std::vector<index_t> spaced_steps(const NoiseSchedule& schedule, index_t count, Spacing how) {
  const index_t T = schedule.steps();
  std::vector<index_t> steps = even_steps(T, count);
  if (how == Spacing::even || count == 1) return steps;
  const double start = detail::log_snr(schedule.alpha_bar(0)), end = detail::log_snr(schedule.alpha_bar(T - 1));
  index_t nearest = 0;
  for (index_t i = 0; i < count; ++i) {
    index_t& t = steps[static_cast<std::size_t>(i)];
    const double part = static_cast<double>(i) / static_cast<double>(count - 1);
    if (how == Spacing::leading) t = i * (T / count);
    if (how == Spacing::trailing) t = (2 * (i + 1) * T + count) / (2 * count) - 1;
    if (how == Spacing::quadratic) t = static_cast<index_t>(std::lround(part * part * static_cast<double>(T - 1)));
    if (how == Spacing::log_snr) {
      const double want = start + part * (end - start);
      const auto off = [&](index_t s) { return std::abs(detail::log_snr(schedule.alpha_bar(s)) - want); };
      while (nearest + 1 < T && off(nearest + 1) < off(nearest)) ++nearest;
      t = nearest;
    }
  }
  detail::push_apart(steps, T);
  return steps;
}

// q(x_{t-1} | x_t, x_0) = N(from_x0_t x_0 + from_xt_t x_t, variance_t); at t = 0 it is x_0 itself.
struct Posterior {
  Tensor<double, 1> from_x0, from_xt, variance;  // (T)

  explicit Posterior(const NoiseSchedule& schedule)
      : from_x0(schedule.steps()), from_xt(schedule.steps()), variance(schedule.steps()) {
    from_x0(0) = 1;
    for (index_t t = 1; t < schedule.steps(); ++t) {
      const double before = schedule.alpha_bar(t - 1), rest = 1 - schedule.alpha_bar(t);
      from_x0(t) = schedule.beta(t) * std::sqrt(before) / rest;
      from_xt(t) = (1 - before) * std::sqrt(schedule.alpha(t)) / rest;
      variance(t) = schedule.beta(t) * (1 - before) / rest;
    }
  }
};

}  // namespace longwave
