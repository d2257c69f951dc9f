// trainer_on.hpp - the trainer on one device: what to do next, when, and what a checkpoint holds of it. How a batch
// gets there and back is the Runner's part (runner_host.hpp, cuda/runner.hpp).
#pragma once

#include <algorithm>

#include "long_sequence/learning_rate.hpp"
#include "long_sequence/runner_host.hpp"

namespace longwave::examples {

BatchOptions training_batches(const RunOptions& options, const RunData& data);
BatchOptions evaluation_batches(const RunOptions& options, const NetworkShape& shape);

// What a checkpoint holds of the run besides tensors.
struct SavedRun {
  index_t batch = 0;  // of the epoch under way
  EpochSums sums;
  double seconds = 0;
  double best = 0;          // merit of the best evaluation so far
  index_t since_best = -1;  // evaluations since; -1: none was made
};
CheckpointInfo checkpoint_info(const Trainer& trainer, const SavedRun& run, const NetworkShape& shape, index_t batches);
// IoError: made with other data.
SavedRun read_saved_run(const Checkpoint& saved, index_t batches);
NetworkShape saved_shape(const Checkpoint& saved);

template <device D>
class TrainerOn final : public Trainer {
 public:
  // Both must outlive it. `config` is the text of the options that checkpoints carry.
  TrainerOn(const RunOptions& options, std::string config, const RunData& data)
      : options_(options),
        config_(std::move(config)),
        data_(data),
        learner_(options, data.shape),
        batches_(make_batches(data.train, training_batches(options, data), generator_of(options, order_of_batches))),
        rate_(options, per_epoch(), last_step()),
        runner_(options, data.shape, learner_) {}

  // Before the first step: the weights that load(parameters and buffers) puts in place of the drawn ones. The averages
  // start there too.
  template <class Load>
  void start_from(Load&& load) {
    load(learner_.network->state());
    learner_.start_averages(options_);
  }

  void step() override {
    if (run_.batch == 0) {
      settle();
      batches_->start_epoch(epoch_);
      sums_ = {};
    }
    learner_.optimizer.set_lr_factor(rate_.factor(steps()));
    runner_.run(learner_, *batches_, run_.batch);
    run_.batch += options_.trainer.accumulate;
    if (run_.batch / options_.trainer.accumulate == per_epoch()) {
      run_.batch = 0;
      ++epoch_;
    }
  }

  bool next(StepResult& result, bool wait) override {
    if (!runner_.next(result, wait)) return false;
    check_step(result);
    ScoreSums& sums = sums_.scores;
    sums.of_classes = result.sums.of_classes;
    sums.positions = std::max(sums.positions, result.sums.positions);
    sums.knows_right = sums.knows_right && result.sums.knows_right;
    sums.loss += result.sums.loss;
    sums.absolute += result.sums.absolute;
    sums.right += result.sums.right;
    sums.count += result.sums.count;
    sums_.items += result.items;
    return true;
  }

  void save(const std::string& path) override {
    settle();
    run_.sums = sums_;
    run_.seconds = seconds;
    CheckpointInfo info = checkpoint_info(*this, run_, data_.shape, batches_->batches());
    info.generators = {{"dropout", learner_.dropout.state()}};
    info.config = config_;
    info.schedule = rate_.state();
    for (const auto& [name, text] : data_.fit) info.more[fit_key + name] = text;
    save_checkpoint(path, learner_.network->state(), learner_.optimizer_state(), info);
  }

  void load(const Checkpoint& saved) override {
    run_ = read_saved_run(saved, batches_->batches());
    saved.load(learner_.network->state(), learner_.optimizer_state());
    learner_.dropout.set_state(saved.info().generators.at("dropout"));
    learner_.optimizer.set_steps(saved.info().step);
    if (learner_.ema) learner_.ema->set_updates(saved.info().step);
    rate_.set_state(saved.info().schedule);
    epoch_ = saved.info().epoch;
    sums_ = run_.sums;
    seconds = run_.seconds;
    if (run_.batch > 0) batches_->start_epoch(epoch_);
  }

  Scores evaluate(const Part& part) override {
    if (learner_.ema) learner_.ema->swap_in();
    const auto batches = make_batches(part, evaluation_batches(options_, data_.shape), Generator(0));
    ScoreSums sums;
    predict(
        *learner_.network, *batches, 1, evaluation_tape_,
        [&](index_t, TensorView<const float, 3> scores, const HostBatch& batch) { sums.add(scores, batch); }, options_);
    if (learner_.ema) learner_.ema->swap_out();
    return mean_of(sums);
  }

  bool judge(const Scores& scores) override {
    rate_.evaluated(scores.merit());
    const bool best = run_.since_best < 0 || scores.merit() > run_.best;
    run_.since_best = best ? 0 : run_.since_best + 1;
    if (best) run_.best = scores.merit();
    return best;
  }

  index_t epoch() const override { return epoch_; }
  index_t steps() const override { return learner_.optimizer.steps(); }
  index_t items_per_epoch() const override { return batches_->items(); }
  bool in_epoch() const override { return run_.batch > 0; }
  bool done() const override {
    const auto& o = options_.trainer;
    return steps() >= last_step() || (o.stop_patience > 0 && run_.since_best >= o.stop_patience);
  }
  index_t count_parameters() const override {
    index_t n = 0;
    for (const auto& p : learner_.optimizer.parameters()) n += p.count;
    return n;
  }

 private:
  index_t per_epoch() const { return std::max<index_t>(1, batches_->batches() / options_.trainer.accumulate); }
  index_t last_step() const {
    const index_t all = options_.trainer.epochs * per_epoch();
    return options_.trainer.steps > 0 ? std::min<index_t>(all, options_.trainer.steps) : all;
  }
  void settle() {
    StepResult result;
    while (next(result, true)) {
    }
  }

  const RunOptions& options_;
  std::string config_;
  const RunData& data_;
  Learner<D> learner_;
  std::unique_ptr<Batches> batches_;
  LearningRate rate_;
  Runner<D> runner_;
  Tape<float, D> evaluation_tape_;
  SavedRun run_;
  index_t epoch_ = 0;
};

}  // namespace longwave::examples
