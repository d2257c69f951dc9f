// learning_rate.hpp - the learning rate of a run over its steps and evaluations, as scheduler.* ask for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "long_sequence/config.hpp"
#include "longwave/optim/lr_schedule.hpp"

namespace longwave::examples {

class LearningRate {
 public:
  // In optimiser steps.
  LearningRate(const RunOptions& options, index_t per_epoch, index_t in_all);

  double factor(index_t steps) const;  // of optimizer.lr, for the step after `steps` ones
  void evaluated(double metric);       // larger is better; plateau lowers the rate by it

  // Exact, for checkpoints.
  std::string state() const;
  void set_state(const std::string& text);

 private:
  double after_warmup(index_t steps) const;

  const RunOptions& options_;
  index_t per_epoch_, in_all_, warmup_;
  std::vector<index_t> milestones_;  // steps
  std::optional<PlateauSchedule> plateau_;
};

}  // namespace longwave::examples
