// network_on.hpp - the networks of network.hpp, for the backend that makes them.
#pragma once

#include <optional>
#include <utility>

#include "longwave/models/categorical_sampler.hpp"
#include "longwave/models/diffwave.hpp"
#include "longwave/models/sssd.hpp"
#include "sssd/network.hpp"
#include "sssd/runner_host.hpp"

namespace longwave::examples::sssd {

// The network's fields of wavenet_config; lengths and channels from the data where they are 0.
SssdOptions sssd_options(const Options& options, const NetworkShape& shape);
RevealOptions rounds_of(const SamplerChoice& choice, index_t length);

// A network of the signature that diffusion/sampler.hpp wants.
template <class Net, device D>
class Regressor final : public Network<D> {
 public:
  template <class NetOptions>
  Regressor(const Options& options, const NetOptions& net_options, Generator& init)
      : net_(net_options, init),
        levels_(schedule_of(options)),
        forward_{.only_generate_missing = options.train.only_generate_missing == 1,
                 .consistent_known = options.train.consistent_known,
                 .prediction = prediction_of(options)} {}

  Var<float, 0, D> loss(Tape<float, D>& tape, const TrainingSample<float, D>& sample, Generator& gen) override {
    return training_loss(tape, net_, sample, levels_, gen, forward_);
  }

  void prepare_draws(const Options& options, const SamplerChoice& choice, Extents<3> sizes) override {
    sampler_.emplace(plan_of(options, choice), sizes,
                     SampleOptions{.only_generate_missing = forward_.only_generate_missing,
                                   .restore_known = true,
                                   .known = known_of(options, choice)});
    runner_.emplace();
    net_.hold(sizes[2]);
  }
  TensorView<const float, 3, D> draw(TensorView<const float, 3, D> cond, TensorView<const float, 3, D> mask,
                                     Generator& gen) override {
    sampler_->start(cond, mask, gen);
    for (index_t i = 0; i < sampler_->steps(); ++i) runner_->run(gen, [&] { sampler_->step(net_, gen); });
    return sampler_->x();
  }

  std::vector<ParameterRef<float, D>> parameters() override { return longwave::parameters<float, D>(net_); }
  std::vector<ParameterRef<float, D>> state() override { return longwave::state<float, D>(net_); }

 private:
  Net net_;
  NoiseLevels<float, D> levels_;
  ForwardOptions forward_;
  std::optional<Sampler<float, D>> sampler_;
  std::optional<SampleRunner<D>> runner_;  // of the sampler's steps
};

// Predicts events instead of regressing on their numbers.
template <device D>
class Classifier final : public Network<D> {
 public:
  Classifier(const SssdCategoricalOptions& options, Generator& init) : net_(options, init) {}

  Var<float, 0, D> loss(Tape<float, D>& tape, const TrainingSample<float, D>& sample, Generator& gen) override {
    return net_.loss(tape, sample.x0, sample.mask, gen);
  }

  void prepare_draws(const Options&, const SamplerChoice& choice, Extents<3> sizes) override {
    sampler_.emplace(sizes, rounds_of(choice, sizes[2]));
    net_.hold(sizes[2]);
  }
  TensorView<const float, 3, D> draw(TensorView<const float, 3, D> cond, TensorView<const float, 3, D> mask,
                                     Generator& gen) override {
    return sampler_->sample(net_, cond, mask, gen);
  }

  std::vector<ParameterRef<float, D>> parameters() override { return longwave::parameters<float, D>(net_); }
  std::vector<ParameterRef<float, D>> state() override { return longwave::state<float, D>(net_); }

 private:
  SssdCategorical<float, D> net_;
  std::optional<CategoricalSampler<float, D>> sampler_;
};

template <device D>
std::unique_ptr<Network<D>> make_network(const Options& options, const NetworkShape& shape, Generator& init) {
  const SssdOptions o = sssd_options(options, shape);
  switch (model_kind(options)) {
    case ModelKind::s4d:
      return std::make_unique<Regressor<SssdS4d<float, D>, D>>(options, o, init);
    case ModelKind::diffwave:
      return std::make_unique<Regressor<DiffWave<float, D>, D>>(options, o, init);
    case ModelKind::categorical:
      return std::make_unique<Classifier<D>>(
          SssdCategoricalOptions{.network = o, .classes = shape.classes, .steps = options.diffusion.T}, init);
    default:
      return std::make_unique<Regressor<Sssd<float, D>, D>>(options, o, init);
  }
}

}  // namespace longwave::examples::sssd
