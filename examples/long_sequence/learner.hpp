// learner.hpp - all that a training step moves: the model, its optimiser, averages and tape, on one device.
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "long_sequence/datasets.hpp"
#include "long_sequence/model.hpp"
#include "longwave/autograd/functions.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/ema.hpp"

namespace longwave::examples {

// Streams of the one seed, so that a change in one use of random numbers leaves the others as they are.
enum RandomStream : std::uint32_t { initial_weights, dropout_masks, order_of_batches };

inline Generator generator_of(const RunOptions& options, RandomStream stream) {
  return Generator(static_cast<std::uint64_t>(options.train.seed), stream);
}

template <device D>
struct Learner {
  Generator init, dropout;
  ModelOn<D> model;
  AdamW<float, D> optimizer;
  GradClip<float, D> clip;
  std::optional<Ema<float, D>> ema;
  Tape<float, D> tape;

  // Of the last pass, valid until the next.
  TensorView<const float, 2, D> logits;  // (B, classes)
  TensorView<const float, 0, D> loss;

  Learner(const RunOptions& options, const ModelShape& shape)
      : init(generator_of(options, initial_weights)),
        dropout(generator_of(options, dropout_masks)),
        model(model_options(options, shape), init),
        optimizer(parameters<float, D>(model),
                  {.lr = options.optimizer.lr, .weight_decay = options.optimizer.weight_decay}),
        clip(optimizer.parameters(),
             std::isnan(options.optimizer.clip) ? std::numeric_limits<double>::infinity() : options.optimizer.clip) {
    if (options.optimizer.ema > 0)
      ema.emplace(parameters<float, D>(model), EmaOptions{.decay = options.optimizer.ema, .warm_up = true});
    tape.set_finite_check(options.train.finite_check);
  }

  // x (B, C, L), y (B): the gradients, clipped.
  void pass(TensorView<const float, 3, D> x, TensorView<const index_t, 1, D> y) {
    tape.rewind();
    tape.train(dropout);
    const Var<float, 2, D> output = model(tape, tape.input(x));
    const Var<float, 0, D> mean = cross_entropy(output, y);
    logits = output.value();
    loss = mean.value();
    tape.backward(mean);
    clip.apply();
  }

  void update() {
    optimizer.step();
    if (ema) ema->update();
  }

  std::vector<ParameterRef<float, D>> optimizer_state() {
    std::vector<ParameterRef<float, D>> refs = optimizer.state();
    if (ema)
      for (ParameterRef<float, D>& ref : ema->state()) refs.push_back(std::move(ref));
    return refs;
  }
};

}  // namespace longwave::examples
