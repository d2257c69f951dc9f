#include "long_sequence/learning_rate.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace longwave::examples {

namespace {

// "100,200" in epochs.
std::vector<index_t> parse_milestones(const std::string& text, index_t per_epoch) {
  std::vector<index_t> steps;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    double epochs = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), epochs);
    if (error != std::errc() || !(epochs > 0) || (end != text.data() + text.size() && *end != ','))
      throw_value_error("scheduler.milestones is \"" + text + "\", expected epochs such as 100,200");
    steps.push_back(static_cast<index_t>(epochs * static_cast<double>(per_epoch)));
    at = end == text.data() + text.size() ? end : end + 1;
  }
  return steps;
}

}  // namespace

LearningRate::LearningRate(const RunOptions& options, index_t per_epoch, index_t in_all)
    : options_(options),
      per_epoch_(per_epoch),
      in_all_(options.scheduler.steps > 0 ? static_cast<index_t>(options.scheduler.steps) : in_all),
      warmup_(options.scheduler.warmup_steps +
              static_cast<index_t>(options.scheduler.warmup_epochs * static_cast<double>(per_epoch))),
      milestones_(parse_milestones(options.scheduler.milestones, per_epoch)) {
  if (warmup_ >= in_all_)
    throw_value_error("the warm-up takes " + std::to_string(warmup_) + " of the " +
                      (options.scheduler.steps > 0 ? "schedule's " : "run's ") + std::to_string(in_all_) +
                      " steps; lower scheduler.warmup_steps or scheduler.warmup_epochs");
  if (options.scheduler.name == "plateau")
    plateau_.emplace(PlateauOptions{.lr = options.optimizer.lr,
                                    .maximize = true,
                                    .factor = options.scheduler.factor,
                                    .patience = options.scheduler.patience,
                                    .min_lr = options.scheduler.min_lr});
}

double LearningRate::factor(index_t steps) const {
  if (steps < warmup_) return static_cast<double>(steps + 1) / static_cast<double>(warmup_);
  return after_warmup(steps);
}

double LearningRate::after_warmup(index_t steps) const {
  const auto& s = options_.scheduler;
  const double floor = s.min_lr / options_.optimizer.lr;
  const double so_far = static_cast<double>(steps - warmup_) / static_cast<double>(in_all_ - warmup_);
  const double part = s.periodic ? so_far : std::min(1.0, so_far);
  if (s.name == "cosine") return detail::cosine_between(1, floor, part);
  if (s.name == "linear") return 1 + (floor - 1) * part;
  if (plateau_) return plateau_->factor();
  index_t drops = 0;
  if (s.name == "step") drops = steps / std::max<index_t>(1, s.patience * per_epoch_);
  if (s.name == "multistep")
    for (const index_t milestone : milestones_) drops += steps >= milestone ? 1 : 0;
  return std::max(floor, std::pow(s.factor, static_cast<double>(drops)));
}

void LearningRate::evaluated(double metric) {
  if (plateau_) plateau_->step(metric);
}

std::string LearningRate::state() const {
  if (!plateau_) return "";
  const ScheduleState s = plateau_->state();
  char text[200];
  std::snprintf(text, sizeof text, "%lld %a %d %a %lld %lld", static_cast<long long>(s.step), s.lr, s.has_best ? 1 : 0,
                s.best, static_cast<long long>(s.bad_steps), static_cast<long long>(s.cooldown));
  return text;
}

void LearningRate::set_state(const std::string& text) {
  if (!plateau_) return;
  long long step = 0, bad = 0, cooldown = 0;
  int has_best = 0;
  double lr = 0, best = 0;
  if (std::sscanf(text.c_str(), "%lld %la %d %la %lld %lld", &step, &lr, &has_best, &best, &bad, &cooldown) != 6)
    throw_value_error("the checkpoint's schedule is \"" + text + "\", not that of a plateau");
  plateau_->set_state({step, lr, has_best == 1, best, bad, cooldown});
}

}  // namespace longwave::examples
