// sgd, adam, adamw, lr_schedule.
#include "case.hpp"
#include "longwave/optim/adam.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/lr_schedule.hpp"
#include "longwave/optim/sgd.hpp"

namespace longwave::golden {
namespace {

// Two parameters in groups of their own, moved by the stored gradients; out/a and out/b after every step.
template <class T, class MakeOptimizer>
void optimise(Case<T>& c, const MakeOptimizer& make) {
  const std::vector<double> lr = c.config.numbers("lr"), wd = c.config.numbers("wd");
  const index_t steps = c.size_option("steps", "out/a", 0);
  if (lr.size() != 2 || wd.size() != 2) throw Unsupported("groups other than [a, b]");
  const char* names[] = {"a", "b"};
  std::vector<Tensor<T, 1>> gradients;
  std::vector<TensorView<T, 1>> values, all_gradients;
  std::vector<ParameterRef<T>> parameters;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string name = names[i];
    const index_t count = c.count("in/" + name);
    if (c.count("in/grad_" + name) != steps * count)
      throw_shape_error("in/grad_" + name + " is " + detail::shape_text(c.shape("in/grad_" + name)) + ", expected " +
                        std::to_string(steps) + " times " + detail::shape_text(c.shape("in/" + name)));
    values.push_back(c.flat_values("in/" + name));
    all_gradients.push_back(c.flat_values("in/grad_" + name));
    gradients.emplace_back(count);
    parameters.push_back({name,
                          {count},
                          values[i].data(),
                          gradients[i].data(),
                          count,
                          ParameterGroup{.lr = lr[i], .weight_decay = wd[i]}});
  }
  auto optimizer = make(parameters);
  std::vector<double> after[2];
  for (index_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < 2; ++i) {
      const index_t count = values[i].count();
      for (index_t j = 0; j < count; ++j) gradients[i](j) = all_gradients[i](step * count + j);
    }
    optimizer.step();
    for (std::size_t i = 0; i < 2; ++i)
      for (index_t j = 0; j < values[i].count(); ++j) after[i].push_back(static_cast<double>(values[i](j)));
  }
  for (std::size_t i = 0; i < 2; ++i) c.out(names[i], after[i]);
}

const Op sgd_op("sgd", []<class T>(Case<T>& c) {
  const SgdOptions options{.momentum = c.config.number("momentum", 0), .nesterov = c.config.flag("nesterov", false)};
  optimise(c, [&](auto parameters) { return Sgd<T>(parameters, options); });
});

template <class Options, class T>
Options adam_options(Case<T>& c) {
  Options options;
  if (c.config.has("betas")) {
    const std::vector<double> betas = c.config.numbers("betas");
    if (betas.size() != 2) throw_value_error("betas: expected two numbers");
    options.beta1 = betas[0];
    options.beta2 = betas[1];
  }
  options.eps = c.config.number("eps", options.eps);
  return options;
}

const Op adam_op("adam", []<class T>(Case<T>& c) {
  const auto options = adam_options<AdamOptions>(c);
  optimise(c, [&](auto parameters) { return Adam<T>(parameters, options); });
});

const Op adamw_op("adamw", []<class T>(Case<T>& c) {
  const auto options = adam_options<AdamWOptions>(c);
  optimise(c, [&](auto parameters) { return AdamW<T>(parameters, options); });
});

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
