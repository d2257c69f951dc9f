// runner_host.hpp - a batch from the loader through the learner, on the host.
#pragma once

#include "long_sequence/learner.hpp"
#include "long_sequence/trainer.hpp"
#include "longwave/data/loader.hpp"

namespace longwave::examples {

// How many of the sequences the logits name rightly.
inline index_t count_right(TensorView<const float, 2> logits, TensorView<const index_t, 1> y) {
  index_t right = 0;
  for (index_t b = 0; b < y.size(0); ++b) right += largest(logits[b]) == y(b) ? 1 : 0;
  return right;
}

// Runner<D>: run() works on batch i or queues it, next() gives the numbers of each, in order. Both throw by way of
// check_step() where they are not finite.
template <device D>
class Runner;

void check_step(const StepResult& result);

template <>
class Runner<Host> {
 public:
  Runner(const RunOptions&, const Loader<float>&, Learner<Host>&) {}

  void run(Learner<Host>& learner, Loader<float>& loader, index_t i) {
    const Batch<float> batch = loader.batch(i);
    learner.pass(batch.x, batch.y);
    result_ = {.step = learner.optimizer.steps() + 1,
               .loss = static_cast<double>(learner.loss()),
               .lr = learner.optimizer.lr(),
               .grad_norm = learner.clip.last_norm(),
               .right = count_right(learner.logits, batch.y),
               .sequences = batch.y.size(0)};
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
  StepResult result_;
  bool there_ = false;
};

// Logits (n, classes) of all sequences, `batch` at a time, without dropout.
inline Tensor<float, 2> predict(ModelOn<Host>& model, TensorView<const float, 3> x, index_t batch, Tape<float>& tape) {
  Tensor<float, 2> logits(x.size(0), model.options.d_output);
  tape.evaluate();
  tape.set_recording(false);
  for (index_t begin = 0; begin < x.size(0); begin += batch) {
    const index_t end = std::min(x.size(0), begin + batch);
    tape.rewind();
    const Var<float, 2> y = model(tape, tape.input(x.slice(0, begin, end)));
    copy(logits.view().slice(0, begin, end), y.value());
  }
  return logits;
}

}  // namespace longwave::examples
