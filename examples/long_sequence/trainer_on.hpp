// trainer_on.hpp - the trainer on one device: what to do next, when, and what a checkpoint holds of it. How a batch
// gets there and back is the Runner's part (runner_host.hpp, cuda/runner.hpp).
#pragma once

#include <algorithm>

#include "long_sequence/runner_host.hpp"

namespace longwave::examples {

LoaderOptions loader_options(const RunOptions& options, const RunData& data);

// The factor of the learning rate for the step after `steps` ones.
double lr_factor(const RunOptions& options, index_t batches, index_t steps);

// What a checkpoint holds of the run besides tensors.
CheckpointInfo checkpoint_info(const Trainer& trainer, index_t batch, const RunData& data);
struct SavedRun {
  index_t batch = 0;
  EpochSums sums;
  double seconds = 0;
};
// IoError: made with other data.
SavedRun read_saved_run(const Checkpoint& saved, index_t batches);

template <device D>
class TrainerOn final : public Trainer {
 public:
  // Both must outlive it. `config` is the text of the options that checkpoints carry.
  TrainerOn(const RunOptions& options, std::string config, const RunData& data)
      : options_(options),
        config_(std::move(config)),
        data_(data),
        learner_(options, {data.train.channels(), data.train.classes, data.train.length()}),
        loader_(data.train, loader_options(options, data), generator_of(options, order_of_batches)),
        runner_(options, loader_, learner_) {}

  void step() override {
    if (batch_ == 0) {
      settle();
      loader_.start_epoch(epoch_);
      sums_ = {};
    }
    learner_.optimizer.set_lr_factor(lr_factor(options_, batches(), steps()));
    runner_.run(learner_, loader_, batch_);
    if (++batch_ == batches()) {
      batch_ = 0;
      ++epoch_;
    }
  }

  bool next(StepResult& result, bool wait) override {
    if (!runner_.next(result, wait)) return false;
    check_step(result);
    sums_.right += result.right;
    sums_.loss += result.loss * static_cast<double>(result.sequences);
    sums_.seen += result.sequences;
    return true;
  }

  void save(const std::string& path) override {
    settle();
    CheckpointInfo info = checkpoint_info(*this, batch_, data_);
    info.generators = {{"dropout", learner_.dropout.state()}};
    info.config = config_;
    save_checkpoint(path, state<float, D>(learner_.model), learner_.optimizer_state(), info);
  }

  void load(const Checkpoint& saved) override {
    const SavedRun run = read_saved_run(saved, batches());
    saved.load(state<float, D>(learner_.model), learner_.optimizer_state());
    learner_.dropout.set_state(saved.info().generators.at("dropout"));
    learner_.optimizer.set_steps(saved.info().step);
    if (learner_.ema) learner_.ema->set_updates(saved.info().step);
    epoch_ = saved.info().epoch;
    batch_ = run.batch;
    sums_ = run.sums;
    seconds = run.seconds;
    if (batch_ > 0) loader_.start_epoch(epoch_);
  }

  Scores evaluate(const Dataset<float>& data) override {
    if (learner_.ema) learner_.ema->swap_in();
    const index_t batch =
        std::max<index_t>(options_.train.batch, std::min<index_t>(256, (index_t(1) << 18) / data.length()));
    const Tensor<float, 2> logits = predict(learner_.model, data.x.view(), batch, evaluation_tape_);
    if (learner_.ema) learner_.ema->swap_out();
    return score(logits.view(), data.y.view());
  }

  index_t epoch() const override { return epoch_; }
  index_t steps() const override { return learner_.optimizer.steps(); }
  index_t batches() const override { return loader_.batches(); }
  index_t samples_per_epoch() const override { return std::min(data_.train.size(), batches() * options_.train.batch); }
  bool in_epoch() const override { return batch_ > 0; }
  bool done() const override { return epoch_ == options_.train.epochs; }
  index_t count_parameters() const override {
    index_t n = 0;
    for (const auto& p : learner_.optimizer.parameters()) n += p.count;
    return n;
  }

 private:
  void settle() {
    StepResult result;
    while (next(result, true)) {
    }
  }

  const RunOptions& options_;
  std::string config_;
  const RunData& data_;
  Learner<D> learner_;
  Loader<float> loader_;
  Runner<D> runner_;
  Tape<float, D> evaluation_tape_;
  index_t epoch_ = 0, batch_ = 0;
};

}  // namespace longwave::examples
