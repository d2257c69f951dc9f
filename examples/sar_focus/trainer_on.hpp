// trainer_on.hpp - the trainer on one device. How a batch gets there and its numbers back is the Runner's part
// (runner_host.hpp, cuda/runner.hpp).
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "longwave/metrics/image.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "sar_focus/network.hpp"
#include "sar_focus/runner_host.hpp"

namespace longwave::examples::sar_focus {

// One stream of random numbers for each purpose, so that none depends on how many numbers another takes.
enum class Purpose : std::uint32_t { weights = 1, dropout };
inline Generator generator_of(const TrainOptions& options, Purpose purpose) {
  return Generator(static_cast<std::uint64_t>(options.seed), static_cast<std::uint32_t>(purpose));
}

SarLossOptions loss_options(const TrainOptions& options);

// The factor of the learning rate for the step after `done` ones of `steps`.
double lr_factor(const TrainOptions& options, index_t done, index_t steps);

// ValueError where a number is not finite.
void check_step(const StepResult& result);

template <device D>
class TrainerOn final : public Trainer {
 public:
  TrainerOn(const TrainOptions& options, index_t steps)
      : options_(options),
        loss_(loss_options(options)),
        steps_(steps),
        dropout_(generator_of(options, Purpose::dropout)),
        network_(make(options)),
        optimizer_(network_->parameters(), {.lr = options.learning_rate, .weight_decay = options.weight_decay}),
        clip_(optimizer_.parameters(), options.gradient_clip > 0 ? options.gradient_clip : INFINITY) {
    runner_.advances(dropout_, optimizer_);
  }

  void step(const SarBatch& batch, Figures* all) override {
    runner_.stage(batch);
    optimizer_.set_lr_factor(lr_factor(options_, steps(), steps_));
    if (queued_ - told_ == slots)
      throw_value_error("Trainer: ask next() for the numbers of earlier steps before more are made");
    waiting_[static_cast<std::size_t>(queued_++ % slots)] = {.step = steps() + 1, .lr = optimizer_.lr()};
    Var<float, 3, D> y;
    SarLoss<float, D> loss;
    runner_.run(
        [&] {
          tape_.rewind();
          tape_.train(dropout_);
          y = (*network_)(tape_, tape_.input(runner_.x()));
          loss = sar_loss(y, tape_.input(runner_.target()), loss_, all != nullptr);
          tape_.backward(loss.total);
          clip_.apply();
          runner_.publish(loss.total.value(), loss.mae.value(), clip_.norm());
          optimizer_.step();
        },
        all == nullptr);
    if (all != nullptr) *all = figures(loss, y.value(), batch);
  }

  bool next(StepResult& result, bool wait) override {
    StepResult numbers;
    if (!runner_.next(numbers, wait)) return false;
    result = waiting_[static_cast<std::size_t>(told_++ % slots)];
    result.total = numbers.total;
    result.mae = numbers.mae;
    result.grad_norm = numbers.grad_norm;
    check_step(result);
    return true;
  }

  Figures evaluate(const SarBatch& batch) override {
    runner_.stage(batch);
    evaluation_tape_.rewind();
    evaluation_tape_.set_recording(false);
    const Var<float, 3, D> y = (*network_)(evaluation_tape_, evaluation_tape_.input(runner_.x()));
    return figures(sar_loss(y, evaluation_tape_.input(runner_.target()), loss_, true), y.value(), batch);
  }

  void save(const std::string& path, CheckpointInfo info) override {
    info.step = steps();
    info.generators = {{"dropout", dropout_.state()}};
    save_checkpoint(path, network_->state(), optimizer_.state(), info);
  }

  void load(const Checkpoint& saved) override {
    const auto dropout = saved.info().generators.find("dropout");
    if (dropout == saved.info().generators.end()) throw IoError(saved.path(), "lacks its generator dropout");
    saved.load(network_->state(), optimizer_.state());
    dropout_.set_state(dropout->second);
    optimizer_.set_steps(saved.info().step);
  }

  void load_weights(const Checkpoint& saved) override { saved.load_model(network_->state()); }

  void export_model(const std::string& path, const std::string& weights_path, CheckpointInfo info) override {
    info.step = steps();
    const std::vector<ParameterRef<float, D>> state = network_->state();
    save_checkpoint(path, state, std::vector<ParameterRef<float, D>>(), info);
    Checkpoint written(path);  // the same numbers, from the host
    std::vector<NamedArray> arrays;
    for (const ParameterRef<float, D>& ref : state)
      arrays.push_back({ref.name, DType::f32, ref.shape, written.file().raw("model/" + ref.name).data()});
    write_safetensors(weights_path, arrays, {{"format", "pt"}});
  }

  index_t steps() const override { return optimizer_.steps(); }
  index_t count_parameters() const override {
    index_t n = 0;
    for (const auto& p : optimizer_.parameters()) n += p.count;
    return n;
  }

 private:
  static constexpr index_t slots = 64;

  static std::unique_ptr<Network<D>> make(const TrainOptions& options) {
    Generator weights = generator_of(options, Purpose::weights);
    return make_network<D>(options, weights);
  }

  Figures figures(const SarLoss<float, D>& loss, TensorView<const float, 3, D> y, const SarBatch& batch) {
    runner_.lines(image_, y);
    target_image_.fill(batch.target.view());
    return {
        .total = runner_.number(loss.total.value()),
        .mae = runner_.number(loss.mae.value()),
        .mse = runner_.number(loss.mse.value()),
        .huber = runner_.number(loss.huber.value()),
        .ssim_loss = runner_.number(loss.ssim_loss.value()),
        .edge = runner_.number(loss.edge.value()),
        .ssim = structural_similarity(std::as_const(image_.pixels).view(), std::as_const(target_image_.pixels).view())};
  }

  const TrainOptions& options_;
  SarLossOptions loss_;
  index_t steps_;
  Generator dropout_;
  std::unique_ptr<Network<D>> network_;
  AdamW<float, D> optimizer_;
  GradClip<float, D> clip_;
  Runner<D> runner_;
  Tape<float, D> tape_, evaluation_tape_;
  std::vector<StepResult> waiting_ = std::vector<StepResult>(slots);  // steps whose numbers were not asked for yet
  index_t queued_ = 0, told_ = 0;
  LineImage image_, target_image_;
};

}  // namespace longwave::examples::sar_focus
