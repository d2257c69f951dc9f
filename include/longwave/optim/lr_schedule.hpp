// lr_schedule.hpp - learning rates over time, as the schedulers of PyTorch.
//
// Each schedule starts at step 0; step() (PlateauSchedule: step(metric)) moves on, lr() is the rate to use now and
// factor() the same relative to the options' lr. A "step" is whatever the caller counts: an epoch or an update.
//
//   opt.set_lr(schedule.lr());  train();  schedule.step();
//
// The optimiser scales every parameter group by the same factor, so min_lr is the floor of the main group.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "longwave/core/error.hpp"
#include "longwave/core/extents.hpp"

namespace longwave {

// All that a checkpoint keeps of any schedule; those that depend on the step alone leave the rest as it is.
struct ScheduleState {
  index_t step = 0;
  double lr = 0;  // PlateauSchedule only, as all that follows
  bool has_best = false;
  double best = 0;
  index_t bad_steps = 0;
  index_t cooldown = 0;
};

namespace detail {

inline void check_schedule(const char* name, const char* option, double value, bool ok, const char* expected) {
  if (!ok)
    throw_value_error(std::string(name) + ": " + option + " is " + std::to_string(value) + ", expected " + expected);
}

inline void check_schedule_lr(const char* name, double lr, double min_lr = 0) {
  check_schedule(name, "lr", lr, std::isfinite(lr) && lr > 0, "a finite number above 0");
  check_schedule(name, "min_lr", min_lr, min_lr >= 0 && min_lr <= lr, "0 to lr");
}

inline void check_gamma(const char* name, double gamma) {
  check_schedule(name, "gamma", gamma, std::isfinite(gamma) && gamma >= 0, "a finite number of at least 0");
}

// low + (high - low) (1 + cos(pi part)) / 2: from high at part = 0 to low at part = 1.
inline double cosine_between(double high, double low, double part) {
  return low + (high - low) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

// The part that all schedules of the form lr_at(step) share.
template <class Options>
class ClosedFormSchedule {
 public:
  const Options& options() const { return options_; }
  void step() { ++state_.step; }
  ScheduleState state() const { return state_; }
  void set_state(const ScheduleState& state) { state_ = state; }

 protected:
  explicit ClosedFormSchedule(const Options& options) : options_(options) {}
  double at() const { return static_cast<double>(state_.step); }

  Options options_;
  ScheduleState state_;
};

}  // namespace detail

// From lr to min_lr along half a cosine of `steps` steps, and up again after that (CosineAnnealingLR).
struct CosineOptions {
  double lr = 1e-3;
  index_t steps = 1;  // T_max
  double min_lr = 0;
};

class CosineSchedule : public detail::ClosedFormSchedule<CosineOptions> {
 public:
  explicit CosineSchedule(const CosineOptions& options) : ClosedFormSchedule(options) {
    detail::check_schedule_lr("CosineSchedule", options.lr, options.min_lr);
    detail::check_schedule("CosineSchedule", "steps", double(options.steps), options.steps > 0, "more than 0");
  }
  double lr() const {
    return detail::cosine_between(options_.lr, options_.min_lr, at() / static_cast<double>(options_.steps));
  }
  double factor() const { return lr() / options_.lr; }
};

// lr * gamma^floor(step / step_size) (StepLR).
struct StepScheduleOptions {
  double lr = 1e-3;
  index_t step_size = 1;
  double gamma = 0.1;
};

class StepSchedule : public detail::ClosedFormSchedule<StepScheduleOptions> {
 public:
  explicit StepSchedule(const StepScheduleOptions& options) : ClosedFormSchedule(options) {
    detail::check_schedule_lr("StepSchedule", options.lr);
    detail::check_schedule("StepSchedule", "step_size", double(options.step_size), options.step_size > 0,
                           "more than 0");
    detail::check_gamma("StepSchedule", options.gamma);
  }
  double factor() const { return std::pow(options_.gamma, static_cast<double>(state_.step / options_.step_size)); }
  double lr() const { return options_.lr * factor(); }
};

// lr * gamma^step (ExponentialLR).
struct ExponentialOptions {
  double lr = 1e-3;
  double gamma = 1;
};

class ExponentialSchedule : public detail::ClosedFormSchedule<ExponentialOptions> {
 public:
  explicit ExponentialSchedule(const ExponentialOptions& options) : ClosedFormSchedule(options) {
    detail::check_schedule_lr("ExponentialSchedule", options.lr);
    detail::check_gamma("ExponentialSchedule", options.gamma);
  }
  double factor() const { return std::pow(options_.gamma, at()); }
  double lr() const { return options_.lr * factor(); }
};

// lr (step + 1) / warmup for the first `warmup` steps, then half a cosine down to min_lr at step `steps`, and there on.
struct WarmupCosineOptions {
  double lr = 1e-3;
  index_t warmup = 0;
  index_t steps = 1;
  double min_lr = 0;
};

class WarmupCosineSchedule : public detail::ClosedFormSchedule<WarmupCosineOptions> {
 public:
  explicit WarmupCosineSchedule(const WarmupCosineOptions& options) : ClosedFormSchedule(options) {
    detail::check_schedule_lr("WarmupCosineSchedule", options.lr, options.min_lr);
    detail::check_schedule("WarmupCosineSchedule", "warmup", double(options.warmup), options.warmup >= 0, "at least 0");
    detail::check_schedule("WarmupCosineSchedule", "steps", double(options.steps), options.steps > options.warmup,
                           "more than warmup");
  }
  double lr() const {
    if (state_.step < options_.warmup) return options_.lr * (at() + 1) / static_cast<double>(options_.warmup);
    const double part =
        static_cast<double>(state_.step - options_.warmup) / static_cast<double>(options_.steps - options_.warmup);
    return detail::cosine_between(options_.lr, options_.min_lr, std::min(part, 1.0));
  }
  double factor() const { return lr() / options_.lr; }
};

// lr * factor each time a metric has not improved for more than `patience` steps (ReduceLROnPlateau). Improved: beyond
// the best so far by more than `threshold`, a part of the best (relative) or an absolute amount. A NaN never improves.
struct PlateauOptions {
  double lr = 1e-3;
  bool maximize = false;  // the metric is better when larger
  double factor = 0.1;
  index_t patience = 10;
  double threshold = 1e-4;
  bool relative = true;
  index_t cooldown = 0;  // steps after a reduction in which none is counted as bad
  double min_lr = 0;
  double eps = 1e-8;  // a smaller reduction is left out
};

class PlateauSchedule {
 public:
  explicit PlateauSchedule(const PlateauOptions& options) : options_(options) {
    detail::check_schedule_lr("PlateauSchedule", options.lr, options.min_lr);
    detail::check_schedule("PlateauSchedule", "factor", options.factor, options.factor >= 0 && options.factor < 1,
                           "[0, 1)");
    detail::check_schedule("PlateauSchedule", "patience", double(options.patience), options.patience >= 0,
                           "at least 0");
    detail::check_schedule("PlateauSchedule", "threshold", options.threshold, std::isfinite(options.threshold),
                           "a finite number");
    detail::check_schedule("PlateauSchedule", "cooldown", double(options.cooldown), options.cooldown >= 0,
                           "at least 0");
    state_.lr = options.lr;
  }

  void step(double metric) {
    ++state_.step;
    if (improves(metric)) {
      state_.has_best = true;
      state_.best = metric;
      state_.bad_steps = 0;
    } else {
      ++state_.bad_steps;
    }
    if (state_.cooldown > 0) {
      --state_.cooldown;
      state_.bad_steps = 0;
    }
    if (state_.bad_steps <= options_.patience) return;
    const double lower = std::max(state_.lr * options_.factor, options_.min_lr);
    if (state_.lr - lower > options_.eps) state_.lr = lower;
    state_.cooldown = options_.cooldown;
    state_.bad_steps = 0;
  }

  double lr() const { return state_.lr; }
  double factor() const { return lr() / options_.lr; }
  const PlateauOptions& options() const { return options_; }
  ScheduleState state() const { return state_; }
  void set_state(const ScheduleState& state) { state_ = state; }

 private:
  bool improves(double metric) const {
    if (!state_.has_best) return metric == metric;
    const double sign = options_.maximize ? 1 : -1;
    const double bar =
        options_.relative ? state_.best * (1 + sign * options_.threshold) : state_.best + sign * options_.threshold;
    return options_.maximize ? metric > bar : metric < bar;
  }

  PlateauOptions options_;
  ScheduleState state_;
};

}  // namespace longwave
