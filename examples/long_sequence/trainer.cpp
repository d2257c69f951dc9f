#include "long_sequence/trainer.hpp"

#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "longwave/autograd/functions.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/lr_schedule.hpp"

namespace longwave::examples {

namespace {

// Streams of the one seed, so that a change in one use of random numbers leaves the others as they are.
enum Stream : std::uint32_t { initial_weights, dropout, order };

std::uint64_t seed_of(const RunOptions& options) { return static_cast<std::uint64_t>(options.train.seed); }

LoaderOptions loader_options(const RunOptions& options, const RunData& data) {
  // A smaller last batch would weigh its sequences more; where there is only one batch it stays.
  return {.batch = options.train.batch, .shuffle = true, .drop_last = data.train.size() >= options.train.batch};
}

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

Trainer::Trainer(const RunOptions& options, std::string config, const RunData& data)
    : options_(options),
      config_(std::move(config)),
      data_(data),
      init_(seed_of(options), Stream::initial_weights),
      dropout_(seed_of(options), Stream::dropout),
      model_(make_model(options, {data.train.channels(), data.train.classes, data.train.length()}, init_)),
      optimizer_(parameters<float>(model_),
                 {.lr = options.optimizer.lr, .weight_decay = options.optimizer.weight_decay}),
      loader_(data.train, loader_options(options, data), Generator(seed_of(options), Stream::order)) {
  if (options.optimizer.ema > 0)
    ema_.emplace(parameters<float>(model_), EmaOptions{.decay = options.optimizer.ema, .warm_up = true});
  tape_.set_finite_check(options.train.finite_check);
}

index_t Trainer::samples_per_epoch() const { return std::min(data_.train.size(), batches() * options_.train.batch); }

double Trainer::lr_factor() const {
  const auto per_epoch = static_cast<double>(batches());
  const auto warmup = static_cast<index_t>(options_.schedule.warmup_epochs * per_epoch);
  const double lr = options_.optimizer.lr;
  if (options_.schedule.name == "constant")
    return warmup > 0 ? std::min(1.0, static_cast<double>(steps() + 1) / static_cast<double>(warmup)) : 1;
  WarmupCosineSchedule schedule(
      {.lr = lr, .warmup = warmup, .steps = options_.train.epochs * batches(), .min_lr = options_.schedule.min_lr});
  schedule.set_state({.step = steps()});
  return schedule.factor();
}

StepResult Trainer::step() {
  if (batch_ == 0) {
    loader_.start_epoch(epoch_);
    sums_ = {};
  }
  const Batch<float> batch = loader_.batch(batch_);
  tape_.rewind();
  tape_.train(dropout_);
  const Var<float, 2> logits = model_(tape_, tape_.input(batch.x));
  const Var<float, 0> loss = cross_entropy(logits, batch.y);

  StepResult result;
  result.loss = static_cast<double>(loss.value()());
  tape_.backward(loss);
  result.grad_norm = std::isnan(options_.optimizer.clip)
                         ? grad_norm(optimizer_.parameters())
                         : clip_grad_norm(optimizer_.parameters(), options_.optimizer.clip);
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm))
    throw_value_error("training step " + std::to_string(steps() + 1) + ": the loss is " + std::to_string(result.loss) +
                      " and its gradient's norm " + std::to_string(result.grad_norm) +
                      "; lower optimizer.lr or set optimizer.clip (train.finite_check=true names the operation)");
  optimizer_.set_lr_factor(lr_factor());
  result.lr = optimizer_.lr();
  optimizer_.step();
  if (ema_) ema_->update();

  const index_t B = batch.y.size(0);
  for (index_t b = 0; b < B; ++b) sums_.right += largest(logits.value()[b]) == batch.y(b) ? 1 : 0;
  sums_.loss += result.loss * static_cast<double>(B);
  sums_.seen += B;
  if (++batch_ == batches()) {
    batch_ = 0;
    ++epoch_;
  }
  return result;
}

Scores Trainer::evaluate(const Dataset<float>& data) {
  if (ema_) ema_->swap_in();
  const index_t batch =
      std::max<index_t>(options_.train.batch, std::min<index_t>(256, (index_t(1) << 18) / data.length()));
  const Tensor<float, 2> logits = predict(model_, data.x.view(), batch, evaluation_tape_);
  if (ema_) ema_->swap_out();
  return score(logits.view(), data.y.view());
}

std::vector<ParameterRef<float>> Trainer::optimizer_state() {
  std::vector<ParameterRef<float>> refs = optimizer_.state();
  if (ema_)
    for (ParameterRef<float>& ref : ema_->state()) refs.push_back(std::move(ref));
  return refs;
}

void Trainer::save(const std::string& path) {
  CheckpointInfo info;
  info.epoch = epoch_;
  info.step = steps();
  info.generators = {{"dropout", dropout_.state()}};
  info.schedule = "{\"step\":" + std::to_string(steps()) + "}";
  info.config = config_;
  info.more = {{"batch", std::to_string(batch_)},
               {"batches", std::to_string(batches())},
               {"loss", text_of(sums_.loss)},
               {"right", std::to_string(sums_.right)},
               {"seen", std::to_string(sums_.seen)},
               {"seconds", text_of(seconds)},
               {"d_input", std::to_string(data_.train.channels())},
               {"classes", std::to_string(data_.train.classes)},
               {"length", std::to_string(data_.train.length())}};
  save_checkpoint(path, state<float>(model_), optimizer_state(), info);
}

void Trainer::load(const Checkpoint& saved) {
  const auto batch = static_cast<index_t>(number_in(saved, "batch"));
  const auto per_epoch = static_cast<index_t>(number_in(saved, "batches"));
  if (per_epoch != batches() || batch < 0 || batch >= batches())
    throw IoError(saved.path(), "was written in epochs of " + std::to_string(per_epoch) +
                                    " batches, the data here makes " + std::to_string(batches()) +
                                    "; name the data it was trained with (--data)");
  const auto dropout_state = saved.info().generators.find("dropout");
  if (dropout_state == saved.info().generators.end())
    throw IoError(saved.path(), "the checkpoint lacks its dropout generator");
  saved.load(state<float>(model_), optimizer_state());
  dropout_.set_state(dropout_state->second);
  optimizer_.set_steps(saved.info().step);
  if (ema_) ema_->set_updates(saved.info().step);
  epoch_ = saved.info().epoch;
  batch_ = batch;
  sums_ = {number_in(saved, "loss"), static_cast<index_t>(number_in(saved, "right")),
           static_cast<index_t>(number_in(saved, "seen"))};
  seconds = number_in(saved, "seconds");
  if (batch_ > 0) loader_.start_epoch(epoch_);
}

}  // namespace longwave::examples
