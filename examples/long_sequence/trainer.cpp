#include "long_sequence/trainer_on.hpp"

#include <cmath>
#include <cstdio>

#include "longwave/optim/lr_schedule.hpp"

namespace longwave::examples {

namespace {

// Exact: hexadecimal.
std::string text_of(double x) {
  char text[48];
  std::snprintf(text, sizeof text, "%a", x);
  return text;
}

double number_in(const Checkpoint& saved, const char* key) {
  const auto at = saved.info().more.find(key);
  if (at == saved.info().more.end()) throw IoError(saved.path(), std::string("the checkpoint lacks ") + key);
  char* end = nullptr;
  const double x = std::strtod(at->second.c_str(), &end);
  if (end == at->second.c_str() || *end != '\0') throw IoError(saved.path(), std::string(key) + " is not a number");
  return x;
}

}  // namespace

void check_step(const StepResult& result) {
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm))
    throw_value_error("training step " + std::to_string(result.step) + ": the loss is " + std::to_string(result.loss) +
                      " and its gradient's norm " + std::to_string(result.grad_norm) +
                      "; lower optimizer.lr or set optimizer.clip (train.finite_check=true names the operation)");
}

LoaderOptions loader_options(const RunOptions& options, const RunData& data) {
  // A smaller last batch would weigh its sequences more; where there is only one batch it stays.
  return {.batch = options.train.batch, .shuffle = true, .drop_last = data.train.size() >= options.train.batch};
}

double lr_factor(const RunOptions& options, index_t batches, index_t steps) {
  const auto warmup = static_cast<index_t>(options.schedule.warmup_epochs * static_cast<double>(batches));
  const double lr = options.optimizer.lr;
  if (options.schedule.name == "constant")
    return warmup > 0 ? std::min(1.0, static_cast<double>(steps + 1) / static_cast<double>(warmup)) : 1;
  WarmupCosineSchedule schedule(
      {.lr = lr, .warmup = warmup, .steps = options.train.epochs * batches, .min_lr = options.schedule.min_lr});
  schedule.set_state({.step = steps});
  return schedule.factor();
}

CheckpointInfo checkpoint_info(const Trainer& trainer, index_t batch, const RunData& data) {
  const EpochSums& sums = trainer.sums();
  CheckpointInfo info;
  info.epoch = trainer.epoch();
  info.step = trainer.steps();
  info.schedule = "{\"step\":" + std::to_string(trainer.steps()) + "}";
  info.more = {{"batch", std::to_string(batch)},
               {"batches", std::to_string(trainer.batches())},
               {"loss", text_of(sums.loss)},
               {"right", std::to_string(sums.right)},
               {"seen", std::to_string(sums.seen)},
               {"seconds", text_of(trainer.seconds)},
               {"d_input", std::to_string(data.train.channels())},
               {"classes", std::to_string(data.train.classes)},
               {"length", std::to_string(data.train.length())}};
  return info;
}

SavedRun read_saved_run(const Checkpoint& saved, index_t batches) {
  const auto batch = static_cast<index_t>(number_in(saved, "batch"));
  const auto per_epoch = static_cast<index_t>(number_in(saved, "batches"));
  if (per_epoch != batches || batch < 0 || batch >= batches)
    throw IoError(saved.path(), "was written in epochs of " + std::to_string(per_epoch) +
                                    " batches, the data here makes " + std::to_string(batches) +
                                    "; name the data it was trained with (--data)");
  if (saved.info().generators.count("dropout") == 0)
    throw IoError(saved.path(), "the checkpoint lacks its dropout generator");
  return {batch,
          {number_in(saved, "loss"), static_cast<index_t>(number_in(saved, "right")),
           static_cast<index_t>(number_in(saved, "seen"))},
          number_in(saved, "seconds")};
}

}  // namespace longwave::examples
