// runner_host.hpp - batches through the learner, on the host.
#pragma once

#include "long_sequence/learner.hpp"
#include "long_sequence/scores.hpp"
#include "long_sequence/trainer.hpp"

namespace longwave::examples {

// Runner<D>: run() works on the batches [first, first + accumulate) and takes the step, or queues both; next() gives
// the numbers of each step, in order. Both throw by way of check_step() where they are not finite.
template <device D>
class Runner;

void check_step(const StepResult& result);

template <>
class Runner<Host> {
 public:
  Runner(const RunOptions& options, const NetworkShape&, Learner<Host>&) : accumulate_(options.trainer.accumulate) {}

  void run(Learner<Host>& learner, Batches& batches, index_t first) {
    result_ = {.step = learner.optimizer.steps() + 1, .lr = learner.optimizer.lr()};
    for (index_t i = 0; i < accumulate_; ++i) {
      learner.start(first + i, [&](index_t j) { return batches.batch(j).input; });
      const HostBatch batch = batches.batch(first + i);
      if (learner.holds()) learner.hold(batch.input);
      learner.pass(batch.input, {batch.classes, batch.values});
      result_.sums.add(learner.scores, batch);
      result_.loss += static_cast<double>(learner.loss()) / static_cast<double>(accumulate_);
      result_.items += batch.items;
    }
    learner.finish_gradients();
    result_.grad_norm = learner.clip.last_norm();
    check_step(result_);
    learner.update();
    there_ = true;
  }

  bool next(StepResult& result, bool) {
    if (!there_) return false;
    result = result_;
    there_ = false;
    return true;
  }

 private:
  index_t accumulate_;
  StepResult result_;
  bool there_ = false;
};

// use(i, scores (B, K, M), batch) for every batch, without dropout. options: of the run, for trainer.state.
template <class Use>
void predict(Network<Host>& network, Batches& batches, double rate, Tape<float>& tape, Use&& use,
             const RunOptions& options = {}) {
  Carried<Host> carried(options);
  tape.evaluate();
  tape.set_recording(false);
  batches.start_epoch(0);
  for (index_t i = 0; i < batches.batches(); ++i) {
    carried.start(network, tape, i, [&](index_t j) { return batches.batch(j).input; });
    const HostBatch batch = batches.batch(i);
    tape.rewind();
    use(i, carried(network, tape, batch.input, rate).value(), batch);
  }
}

}  // namespace longwave::examples
