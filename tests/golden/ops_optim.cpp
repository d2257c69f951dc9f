// sgd, adam, adamw, lr_schedule.
#include "bodies_optim.hpp"
#include "longwave/optim/lr_schedule.hpp"

namespace longwave::golden {
namespace {

const Op sgd_op("sgd", []<class T>(Case<T>& c) { sgd(c); });
const Op adam_op("adam", []<class T>(Case<T>& c) { adam(c); });
const Op adamw_op("adamw", []<class T>(Case<T>& c) { adamw(c); });

// lr before the first step and after each; step(schedule, e) makes step e.
template <class T, class Schedule, class Step>
void follow(Case<T>& c, Schedule schedule, const Step& step) {
  std::vector<double> lr{schedule.lr()};
  for (index_t e = 0; e + 1 < c.count("out/lr"); ++e) {
    step(schedule, e);
    lr.push_back(schedule.lr());
  }
  c.out("lr", lr);
}

template <class T>
PlateauOptions plateau_options(double lr, const Config& args) {
  PlateauOptions options{.lr = lr};
  const std::string mode = args.text("mode", "min"), threshold = args.text("threshold_mode", "rel");
  if (mode != "min" && mode != "max") throw Unsupported("mode = " + mode);
  if (threshold != "rel" && threshold != "abs") throw Unsupported("threshold_mode = " + threshold);
  options.maximize = mode == "max";
  options.relative = threshold == "rel";
  options.factor = args.number("factor", options.factor);
  options.patience = args.integer("patience", options.patience);
  options.threshold = args.number("threshold", options.threshold);
  options.cooldown = args.integer("cooldown", options.cooldown);
  options.min_lr = args.number("min_lr", options.min_lr);
  options.eps = args.number("eps", options.eps);
  return options;
}

const Op lr_schedule_op("lr_schedule", []<class T>(Case<T>& c) {
  const std::string kind = c.config.text("kind");
  const double lr = c.config.number("lr");
  const index_t epochs = c.size_option("epochs", c.count("out/lr") - 1);
  const Config args = c.config.object("args");
  auto steps = [](auto& schedule, index_t) { schedule.step(); };
  if (kind == "cosine") {
    follow(c, CosineSchedule({.lr = lr, .steps = args.integer("T_max"), .min_lr = args.number("eta_min", 0)}), steps);
  } else if (kind == "exponential") {
    follow(c, ExponentialSchedule({.lr = lr, .gamma = args.number("gamma")}), steps);
  } else if (kind == "step") {
    follow(c, StepSchedule({.lr = lr, .step_size = args.integer("step_size"), .gamma = args.number("gamma", 0.1)}),
           steps);
  } else if (kind == "warmup_cosine") {
    follow(c,
           WarmupCosineSchedule(
               {.lr = lr, .warmup = args.integer("warmup"), .steps = epochs, .min_lr = args.number("min_lr", 0)}),
           steps);
  } else if (kind == "plateau") {
    const auto metric = c.flat_values("in/metric");
    if (metric.count() != epochs) throw_shape_error("in/metric has another length than epochs");
    follow(c, PlateauSchedule(plateau_options<T>(lr, args)),
           [&](PlateauSchedule& schedule, index_t e) { schedule.step(static_cast<double>(metric(e))); });
  } else {
    throw Unsupported("kind = " + kind);
  }
});

}  // namespace
}  // namespace longwave::golden
