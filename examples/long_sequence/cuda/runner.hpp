// runner.hpp - a batch from the loader through the learner, on the device, with nobody waiting for anybody: batches are
// staged two ahead, a full one is a replay of a captured step, its numbers are fetched when they are there.
#pragma once

#include <deque>
#include <utility>

#include "long_sequence/runner_host.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

template <>
class Runner<Cuda> {
 public:
  Runner(const RunOptions& options, const Loader<float>& loader, Learner<Cuda>& learner)
      : staging_(loader.batch_sizes()),
        full_(loader.batch_sizes()[0]),
        // The check looks at every value on the host, which a captured step cannot.
        graph_({.eager = options.train.finite_check}) {
    graph_.advances(learner.dropout, learner.optimizer, numbers_);
    if (learner.ema) graph_.advances(*learner.ema);
    for (Slot& slot : slots_) {
      slot.logits = cuda::PinnedTensor<float, 2>(Extents<2>(full_, learner.model.options.d_output));
      slot.labels = Tensor<index_t, 1>(full_);
    }
  }

  void run(Learner<Cuda>& learner, Loader<float>& loader, index_t i) {
    if (queued_ - told_ == slots)
      throw_value_error("Runner: ask next() for the numbers of earlier steps before more are queued");
    const cuda::DeviceBatch<float> batch = staging_.next(loader, i);
    const index_t B = batch.y.size(0);
    auto& logits = B == full_ ? full_logits_ : part_logits_;
    const auto step = [&] {
      learner.pass(batch.x, batch.y);
      learner.update();
      numbers_.publish(learner.loss, learner.clip.norm());
      logits = learner.logits;
    };
    const double lr = learner.optimizer.lr();
    const index_t number = numbers_.published();
    if (B == full_)
      graph_.run(step);
    else
      step();
    Slot& slot = slots_[queued_ % slots];
    cuda::copy_async(slot.logits.view().slice(0, 0, B), logits);
    slot.done.record();
    copy(slot.labels.view().slice(0, 0, B), batch.labels);
    slot.number = number;
    slot.result = {.step = learner.optimizer.steps(), .lr = lr, .sequences = B};
    ++queued_;
  }

  bool next(StepResult& result, bool wait) {
    if (told_ == queued_) return false;
    Slot& slot = slots_[told_ % slots];
    if (wait)
      slot.done.synchronize();
    else if (!slot.done.happened())
      return false;
    const index_t B = slot.result.sequences;
    result = slot.result;
    result.loss = numbers_.value(slot.number, 0);
    result.grad_norm = numbers_.value(slot.number, 1);
    result.right = count_right(std::as_const(slot.logits).view().slice(0, 0, B), slot.labels.view().slice(0, 0, B));
    ++told_;
    return true;
  }

 private:
  static constexpr index_t slots = 8;

  struct Slot {
    cuda::PinnedTensor<float, 2> logits;
    Tensor<index_t, 1> labels;
    cuda::Event done;
    index_t number = 0;
    StepResult result;
  };

  cuda::Staging<float> staging_;
  index_t full_;  // sequences of a full batch
  cuda::Readback numbers_;
  cuda::Graph graph_;
  TensorView<const float, 2, Cuda> full_logits_, part_logits_;  // the first: where replays write
  Slot slots_[slots];
  index_t queued_ = 0, told_ = 0;
};

// Logits (n, classes) of all sequences, `batch` at a time, without dropout.
inline Tensor<float, 2> predict(ModelOn<Cuda>& model, TensorView<const float, 3> x, index_t batch,
                                Tape<float, Cuda>& tape) {
  Tensor<float, 2> logits(x.size(0), model.options.d_output);
  tape.evaluate();
  tape.set_recording(false);
  for (index_t begin = 0; begin < x.size(0); begin += batch) {
    const index_t end = std::min(x.size(0), begin + batch);
    const auto there = cuda::to_device(x.slice(0, begin, end));
    tape.rewind();
    const Var<float, 2, Cuda> y = model(tape, tape.input(there));
    cuda::copy(logits.view().slice(0, begin, end), y.value());
  }
  return logits;
}

}  // namespace longwave::examples
