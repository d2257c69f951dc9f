// runner.hpp - batches through the learner, on the device, with nobody waiting for anybody: batches are staged two
// ahead, a step on a full batch of one length is a replay of a captured one, its numbers are fetched when they are
// there. Where several passes make a step, three parts are captured: the kernels that they share, a pass, and the way
// from the sums of their gradients to new parameters. Where batches have few lengths (loader.pad_to_bound), each length
// has a step of its own that is captured.
#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include "long_sequence/cuda/staging.hpp"
#include "long_sequence/runner_host.hpp"

namespace longwave::examples {

template <>
class Runner<Cuda> {
 public:
  Runner(const RunOptions& options, const NetworkShape& shape, Learner<Cuda>& learner)
      : accumulate_(options.trainer.accumulate),
        batch_(options.loader.batch),
        // A check looks at every value on the host, which a captured step cannot. Kernels that passes share are of one
        // length.
        captures_(!options.trainer.finite_check &&
                  (!shape.variable || (options.loader.pad_to_bound && accumulate_ == 1))),
        numbers_(std::max<index_t>(256, slots * (accumulate_ + 1))) {
    if (accumulate_ == 1) return;
    finish_.advances(numbers_);
    advances_with_update(finish_, learner);
  }

  void run(Learner<Cuda>& learner, Batches& batches, index_t first) {
    if (queued_ - told_ == slots)
      throw_value_error("Runner: ask next() for the numbers of earlier steps before more are queued");
    Slot& slot = slots_[queued_ % slots];
    slot.result = {.lr = learner.optimizer.lr()};
    slot.batches.resize(static_cast<std::size_t>(accumulate_));
    slot.first_number = numbers_.published();
    for (index_t i = 0; i < accumulate_; ++i) {
      learner.start(first + i, [&](index_t j) { return staging_.send(batches.batch(j)).input; });
      const HostBatch host = batches.batch(first + i);
      const StagedBatch batch = staging_.send(host);
      const bool full = captures_ && host.items == batch_;
      Pass& of_length = full ? pass_of(batch.input, learner) : part_;
      auto& scores = of_length.scores;
      if (learner.holds() && (i == 0 || !captures_)) queue(captures_, hold_, [&] { learner.hold(batch.input); });
      queue(full, of_length.graph, [&] {
        learner.pass(batch.input, batch.target);
        scores = learner.scores;
        if (accumulate_ > 1) return numbers_.publish(learner.loss);
        learner.finish_gradients();
        numbers_.publish(learner.loss, learner.clip.norm());
        learner.update();
      });
      fetch(slot.batches[static_cast<std::size_t>(i)], host, scores);
      slot.result.items += host.items;
    }
    if (accumulate_ > 1)
      queue(captures_, finish_, [&] {
        learner.finish_gradients();
        numbers_.publish(learner.clip.norm());
        learner.update();
      });
    slot.done.record();
    slot.result.step = learner.optimizer.steps();
    ++queued_;
  }

  bool next(StepResult& result, bool wait) {
    if (told_ == queued_) return false;
    Slot& slot = slots_[told_ % slots];
    if (wait)
      slot.done.synchronize();
    else if (!slot.done.happened())
      return false;
    result = slot.result;
    for (index_t i = 0; i < accumulate_; ++i) {
      const double loss = numbers_.value(slot.first_number + i, 0);
      result.loss += loss / static_cast<double>(accumulate_);
      slot.batches[static_cast<std::size_t>(i)].add_to(result.sums, loss);
    }
    // One pass tells both at once.
    result.grad_norm =
        accumulate_ == 1 ? numbers_.value(slot.first_number, 1) : numbers_.value(slot.first_number + accumulate_, 0);
    ++told_;
    return true;
  }

 private:
  static constexpr index_t slots = 8;
  static constexpr index_t most_scores = index_t(1) << 20;  // per batch; of more only the loss is known

  // What is needed to judge a batch once its scores are here.
  struct Fetched {
    cuda::PinnedTensor<float, 1> scores;
    Extents<3> sizes;
    Tensor<index_t, 1> classes;
    Tensor<float, 1> values;
    Extents<2> targets;
    bool of_classes = true, has_scores = true;

    void add_to(ScoreSums& sums, double loss) const {
      HostBatch target;
      if (of_classes)
        target.classes = {classes.data(), targets};
      else
        target.values = {values.data(), targets};
      if (has_scores)
        sums.add(TensorView<const float, 3>(scores.data(), sizes), target);
      else
        sums.add_loss(loss, targets.count(), of_classes, targets[1]);
    }
  };
  struct Slot {
    std::vector<Fetched> batches;
    cuda::Event done;
    index_t first_number = 0;
    StepResult result;
  };

  // All of a step, or with several passes per step one of them.
  struct Pass {
    cuda::Graph graph;
    TensorView<const float, 3, Cuda> scores;  // where replays write
  };

  static void advances_with_update(cuda::Graph& graph, Learner<Cuda>& learner) {
    graph.advances(learner.optimizer);
    if (learner.ema) graph.advances(*learner.ema);
  }

  Pass& pass_of(const NetworkInput<Cuda>& input, Learner<Cuda>& learner) {
    if (staging_.moves() != moves_) passes_.clear();  // they read where inputs lay before
    moves_ = staging_.moves();
    const auto [at, is_new] = passes_.try_emplace(input.x.data() != nullptr ? input.x.size(2) : input.tokens.size(1));
    cuda::Graph& graph = at->second.graph;
    if (is_new) {
      graph.advances(learner.dropout, numbers_);
      if (accumulate_ == 1) advances_with_update(graph, learner);
    }
    return at->second;
  }

  template <class F>
  static void queue(bool captured, cuda::Graph& graph, F&& part) {
    if (captured)
      graph.run(part);
    else
      part();
  }

  static void fetch(Fetched& to, const HostBatch& host, TensorView<const float, 3, Cuda> scores) {
    to.sizes = scores.sizes();
    to.of_classes = host.values.data() == nullptr;
    to.has_scores = scores.sizes().count() <= most_scores;
    to.targets = to.of_classes ? host.classes.sizes() : host.values.sizes();
    if (to.has_scores) {
      if (to.scores.sizes().count() < scores.sizes().count())
        to.scores = cuda::PinnedTensor<float, 1>(Extents<1>{scores.sizes().count()});
      cuda::copy_async(TensorView<float, 3>(to.scores.data(), to.sizes), scores);
    }
    const Extents<1> count{to.targets.count()};
    if (to.of_classes) {
      if (to.classes.count() < count[0]) to.classes = Tensor<index_t, 1>(count);
      std::copy_n(host.classes.data(), count[0], to.classes.data());
    } else {
      if (to.values.count() < count[0]) to.values = Tensor<float, 1>(count);
      std::copy_n(host.values.data(), count[0], to.values.data());
    }
  }

  index_t accumulate_, batch_;
  bool captures_;
  BatchStaging staging_;
  cuda::Readback numbers_;
  cuda::Graph hold_, finish_;       // where a step has several passes
  std::map<index_t, Pass> passes_;  // by length
  Pass part_;                       // of batches that are not captured
  index_t moves_ = 0;
  Slot slots_[slots];
  index_t queued_ = 0, told_ = 0;
};

// use(i, scores (B, K, M), batch) for every batch, without dropout. options: of the run, for trainer.state.
template <class Use>
void predict(Network<Cuda>& network, Batches& batches, double rate, Tape<float, Cuda>& tape, Use&& use,
             const RunOptions& options = {}) {
  Carried<Cuda> carried(options);
  BatchStaging staging;
  tape.evaluate();
  tape.set_recording(false);
  batches.start_epoch(0);
  for (index_t i = 0; i < batches.batches(); ++i) {
    carried.start(network, tape, i, [&](index_t j) { return staging.send(batches.batch(j)).input; });
    const HostBatch batch = batches.batch(i);
    tape.rewind();
    const Tensor<float, 3> scores = cuda::to_host(carried(network, tape, staging.send(batch).input, rate).value());
    use(i, scores.view(), batch);
  }
}

}  // namespace longwave::examples
