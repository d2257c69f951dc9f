// learner.hpp - all that a training step moves: the network, its optimiser, averages and tape, on one device.
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "long_sequence/carried.hpp"
#include "longwave/autograd/functions.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/ema.hpp"

namespace longwave::examples {

// Streams of the one seed, so that a change in one use of random numbers leaves the others as they are.
enum RandomStream : std::uint32_t { initial_weights, dropout_masks, order_of_batches, generation };

inline Generator generator_of(const RunOptions& options, RandomStream stream) {
  return Generator(static_cast<std::uint64_t>(options.trainer.seed), stream);
}

// A bias, a norm's weight or an embedding, by its name. A linear encoder's weight, of the same name as an embedding's,
// is told by `tokens`.
inline bool is_bias_norm_or_embedding(const std::string& name, bool tokens) {
  return name.ends_with("bias") || name.find("norm.") != std::string::npos || (tokens && name == "encoder.weight");
}

// What a batch is to a learner. Of classes and values one is there.
template <device D>
struct DeviceTarget {
  TensorView<const index_t, 2, D> classes = {};  // (B, M)
  TensorView<const float, 2, D> values = {};     // (B, K M)
};

template <device D>
struct Learner {
  Generator init, dropout;
  std::unique_ptr<Network<D>> network;
  AdamW<float, D> optimizer;
  GradClip<float, D> clip;
  std::optional<Ema<float, D>> ema;
  Tape<float, D> tape;
  Carried<D> carried;

  // Of the last pass, valid until the next.
  TensorView<const float, 3, D> scores;  // (B, K, M)
  TensorView<const float, 0, D> loss;    // mean over the batch

  Learner(const RunOptions& options, const NetworkShape& shape)
      : init(generator_of(options, initial_weights)),
        dropout(generator_of(options, dropout_masks)),
        network(make_network<D>(checked(options), shape, init)),
        optimizer(decaying(network->trained(), options, shape),
                  {.lr = options.optimizer.lr, .weight_decay = options.optimizer.weight_decay}),
        clip(optimizer.parameters(),
             std::isnan(options.optimizer.clip) ? std::numeric_limits<double>::infinity() : options.optimizer.clip),
        carried(options),
        accumulate_(options.trainer.accumulate),
        task_(options.task) {
    start_averages(options);
    carried.prepare(*network, options.loader.batch);
    tape.set_finite_check(options.trainer.finite_check);
  }

  void start_averages(const RunOptions& options) {
    if (options.optimizer.ema > 0)
      ema.emplace(network->trained(), EmaOptions{.decay = options.optimizer.ema, .warm_up = true});
  }

  // Before passes over inputs like this one, where several make a step: what they share is worked out once.
  bool holds() const { return accumulate_ > 1 && network->holds() && !carried.on(); }
  void hold(const NetworkInput<D>& input) {
    const bool numbers = input.x.data() != nullptr;
    network->hold(numbers ? input.x.size(0) : input.tokens.size(0), numbers ? input.x.size(2) : input.tokens.size(1));
  }

  // Batch i of an epoch is next; input(j): that of an earlier one.
  template <class Input>
  void start(index_t i, Input&& input) {
    carried.start(*network, tape, i, input);
  }

  // The gradients, added to those of earlier passes of the same step.
  void pass(const NetworkInput<D>& input, const DeviceTarget<D>& target) {
    tape.rewind();
    tape.train(dropout);
    const Var<float, 3, D> y = carried(*network, tape, input, 1);
    const Var<float, 0, D> mean = loss_of(y, target);
    scores = y.value();
    loss = mean.value();
    tape.backward(accumulate_ > 1 ? mean / static_cast<double>(accumulate_) : mean);
  }

  // After the last pass of a step.
  void finish_gradients() {
    if (holds()) network->release();
    clip.apply();
  }
  void update() {
    optimizer.step();
    if (ema) ema->update();
  }

  Var<float, 0, D> loss_of(Var<float, 3, D> y, const DeviceTarget<D>& target) const {
    if (target.values.data() == nullptr) return cross_entropy(y, target.classes, {.smoothing = task_.smoothing});
    const Var<float, 2, D> x = reshape(y, target.values.sizes()), t = y.tape().input(target.values);
    return task_.loss == "mse" ? mse(x, t) : task_.loss == "mae" ? l1(x, t) : huber(x, t);
  }

  std::vector<ParameterRef<float, D>> optimizer_state() {
    std::vector<ParameterRef<float, D>> refs = optimizer.state();
    if (ema)
      for (ParameterRef<float, D>& ref : ema->state()) refs.push_back(std::move(ref));
    for (ParameterRef<float, D>& ref : carried.state()) refs.push_back(std::move(ref));
    return refs;
  }

 private:
  // optimizer.decay_all = false: biases, norms and embeddings do not decay.
  static std::vector<ParameterRef<float, D>> decaying(std::vector<ParameterRef<float, D>> refs,
                                                      const RunOptions& options, const NetworkShape& shape) {
    if (options.optimizer.decay_all) return refs;
    for (ParameterRef<float, D>& ref : refs)
      if (!ref.group.has_weight_decay() && is_bias_norm_or_embedding(ref.name, shape.vocabulary > 0))
        ref.group.weight_decay = 0;
    return refs;
  }

  static const RunOptions& checked(const RunOptions& options) {
    if (std::is_same_v<D, Host> && options.trainer.precision == "bf16")
      throw_value_error("trainer.precision = bf16 is for training on a GPU: add --device cuda, or take float32");
    return options;
  }

  std::int64_t accumulate_;
  decltype(RunOptions::task) task_;
};

}  // namespace longwave::examples
