// trainer_on.hpp - the trainer on one device. How a batch gets there and its loss back is the Runner's part
// (runner_host.hpp, cuda/runner.hpp).
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "longwave/optim/adam.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/ema.hpp"
#include "sssd/batches.hpp"
#include "sssd/runner_host.hpp"
#include "sssd/trainer.hpp"

namespace longwave::examples::sssd {

// One stream of random numbers for each purpose, so that none depends on how many numbers another takes.
enum class Purpose : std::uint32_t {
  weights = 1,
  rows,
  masks,
  noise,
  dropout,
  validation_rows,
  validation_masks,
  validation_noise
};
inline Generator generator_of(const Options& options, Purpose purpose) {
  return Generator(static_cast<std::uint64_t>(options.train.seed), static_cast<std::uint32_t>(purpose));
}

// What a checkpoint holds besides tensors and generators.
CheckpointInfo checkpoint_info(const std::string& config, const Coding& coding, std::int64_t iteration, double seconds);
double saved_seconds(const Checkpoint& saved);
[[noreturn]] void throw_not_finite(std::int64_t iteration);

// The factor of the learning rate in iteration n.
double lr_factor(const Options& options, std::int64_t n);

// What checkpoints hold of the optimiser and of the averaged weights.
template <device D>
std::vector<ParameterRef<float, D>> optimizer_state(Adam<float, D>& adam, std::optional<Ema<float, D>>& ema) {
  std::vector<ParameterRef<float, D>> refs = adam.state();
  if (ema)
    for (ParameterRef<float, D>& ref : ema->state()) refs.push_back(std::move(ref));
  return refs;
}

template <device D>
class TrainerOn final : public Trainer {
 public:
  // Options and data outlive it. `config` is the text of the options that checkpoints carry.
  TrainerOn(const Options& options, std::string config, const RunData& data)
      : options_(options),
        config_(std::move(config)),
        coding_(data.coding),
        batches_(options, data.train, data.coding, generator_of(options, Purpose::rows),
                 generator_of(options, Purpose::masks)),
        validation_(options, data.test, data.coding, generator_of(options, Purpose::validation_rows),
                    generator_of(options, Purpose::validation_masks)),
        noise_(generator_of(options, Purpose::noise)),
        dropout_(generator_of(options, Purpose::dropout)),
        network_(make(options, data)),
        adam_(network_->parameters(), {.lr = options.train.learning_rate}),
        clip_(adam_.parameters(),
              options.train.clip > 0 ? options.train.clip : std::numeric_limits<double>::infinity()),
        state_(network_->state()),
        runner_(batches_.batch()),
        validation_runner_(validation_.batch()) {
    runner_.advances(noise_, adam_);
    if (options.train.ema == 0) return;
    ema_.emplace(adam_.parameters(), EmaOptions{.decay = options.train.ema, .warm_up = true});
    runner_.advances(*ema_);
  }

  void step() override {
    batches_.make(++iteration_);
    runner_.stage(batches_.batch());
    adam_.set_lr_factor(lr_factor(options_, iteration_));
    runner_.run([&] {
      tape_.rewind();
      tape_.train(Runner<D>::dropout_of(noise_, dropout_));
      const Var<float, 0, D> loss = network_->loss(tape_, sample_of(runner_, batches_), noise_);
      tape_.backward(loss);
      if (options_.train.clip > 0) clip_.apply();
      adam_.step();
      if (ema_) ema_->update();
      runner_.publish(loss.value());
    });
  }

  double loss() override {
    const double loss = runner_.newest();
    if (!std::isfinite(loss)) throw_not_finite(iteration_);
    return loss;
  }

  double validate() override {
    validation_.rows = generator_of(options_, Purpose::validation_rows);
    validation_.masks = generator_of(options_, Purpose::validation_masks);
    Generator noise = generator_of(options_, Purpose::validation_noise);
    validation_.make(0);
    validation_runner_.stage(validation_.batch());
    validation_tape_.rewind();
    validation_tape_.evaluate();
    validation_tape_.set_recording(false);
    if (ema_) ema_->swap_in();
    const double loss = validation_runner_.read(
        network_->loss(validation_tape_, sample_of(validation_runner_, validation_), noise).value());
    if (ema_) ema_->swap_out();
    return loss;
  }

  void save(const std::string& path) override {
    CheckpointInfo info = checkpoint_info(config_, coding_, iteration_, seconds);
    info.generators = {{"rows", batches_.rows.state()},
                       {"masks", batches_.masks.state()},
                       {"noise", noise_.state()},
                       {"dropout", dropout_.state()}};
    save_checkpoint(path, state_, optimizer_state(adam_, ema_), info);
  }

  void load(const Checkpoint& saved) override {
    saved.load(network_->state(), optimizer_state(adam_, ema_));
    state_ = network_->state();
    const auto& generators = saved.info().generators;
    for (auto [name, generator] : {std::pair<const char*, Generator*>{"rows", &batches_.rows},
                                   {"masks", &batches_.masks},
                                   {"noise", &noise_},
                                   {"dropout", &dropout_}}) {
      if (generators.count(name) == 0) throw IoError(saved.path(), std::string("lacks its generator ") + name);
      generator->set_state(generators.at(name));
    }
    iteration_ = saved.info().step;
    adam_.set_steps(iteration_ + 1);
    if (ema_) ema_->set_updates(iteration_ + 1);
    seconds = saved_seconds(saved);
  }

  std::int64_t iteration() const override { return iteration_; }
  index_t count_parameters() const override {
    index_t n = 0;
    for (const auto& p : adam_.parameters()) n += p.count;
    return n;
  }

 private:
  static std::unique_ptr<Network<D>> make(const Options& options, const RunData& data) {
    Generator weights = generator_of(options, Purpose::weights);
    return make_network<D>(options, shape_of(data.coding, data.train.length()), weights);
  }
  static TrainingSample<float, D> sample_of(const Runner<D>& runner, const Batches& batches) {
    return {runner.x0(), runner.mask(), batches.complete() ? TensorView<const float, 3, D>() : runner.observed()};
  }

  const Options& options_;
  std::string config_;
  const Coding& coding_;
  Batches batches_, validation_;
  Generator noise_, dropout_;
  std::unique_ptr<Network<D>> network_;
  Adam<float, D> adam_;
  GradClip<float, D> clip_;
  std::optional<Ema<float, D>> ema_;
  std::vector<ParameterRef<float, D>> state_;
  Runner<D> runner_, validation_runner_;
  Tape<float, D> tape_, validation_tape_;
  std::int64_t iteration_ = -1;
};

}  // namespace longwave::examples::sssd
