#include "sar_focus/trainer.hpp"

#include <cmath>

#include "longwave/optim/lr_schedule.hpp"
#include "sar_focus/trainer_on.hpp"

namespace longwave::examples::sar_focus {

void Figures::add(const Figures& other, double share) {
  total += share * other.total;
  mae += share * other.mae;
  mse += share * other.mse;
  huber += share * other.huber;
  ssim_loss += share * other.ssim_loss;
  edge += share * other.edge;
  ssim += share * other.ssim;
}

SarLossOptions loss_options(const TrainOptions& options) {
  return {.ssim = options.ssim, .mse = options.w_mse, .huber = options.w_huber, .edge = options.w_edge};
}

double lr_factor(const TrainOptions& options, index_t done, index_t steps) {
  if (options.schedule == "constant") return 1;
  CosineSchedule schedule({.lr = options.learning_rate, .steps = steps});
  schedule.set_state({.step = std::min(done, steps)});
  return schedule.factor();
}

void check_step(const StepResult& result) {
  if (std::isfinite(result.total) && std::isfinite(result.grad_norm)) return;
  throw_value_error("training step " + std::to_string(result.step) + ": the loss is " + std::to_string(result.total) +
                    " and its gradient's norm " + std::to_string(result.grad_norm) +
                    "; lower --learning_rate or set --gradient_clip");
}

std::unique_ptr<Trainer> make_trainer(const TrainOptions& options, index_t steps, const DeviceChoice& device) {
  if (device.on_cuda) return make_cuda_trainer(options, steps);
  return std::make_unique<TrainerOn<Host>>(options, steps);
}

}  // namespace longwave::examples::sar_focus
