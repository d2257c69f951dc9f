// learner.hpp - one training run on a device: an experiment's loss and noise as policies, epochs of shuffled batches,
// samples for the test rows and for as many training rows.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <utility>

#include "longwave/cuda/memory.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/models/mnist1d_s4d_denoiser.hpp"
#include "longwave/optim/adam.hpp"
#include "mnist1d_diffusion/backend.hpp"
#include "mnist1d_diffusion/runner_host.hpp"
#include "mnist1d_diffusion/training.hpp"

namespace longwave::examples::mnist1d_diffusion {

template <device D, class T, int N>
Tensor<T, N, D> there(const Tensor<T, N>& x) {
  if constexpr (std::is_same_v<D, Host>)
    return x.clone();
  else
    return cuda::to_device(x);
}
template <device D, class T, int N>
Tensor<std::remove_const_t<T>, N> here(TensorView<T, N, D> x) {
  Tensor<std::remove_const_t<T>, N> t(x.sizes());
  if constexpr (std::is_same_v<D, Host>)
    copy(t.view(), x);
  else
    cuda::copy(t.view(), x);
  return t;
}

inline SamplingPlan sampling_plan(const Options& options, const NoiseSchedule& schedule) {
  if (options.sampler == "ddpm") return ddpm(schedule, DdpmOptions{.clamp = largest_clean});
  const index_t count = options.sampling_steps > 0 ? options.sampling_steps : schedule.steps();
  return ddim(schedule, even_steps(schedule.steps(), count), DdimOptions{.clamp = largest_clean});
}

// Rows of a table in a new random order for each epoch, a batch at a time; the last may be short.
template <device D>
class Batches {
 public:
  Batches(const Rows& rows, index_t batch, Generator gen)
      : condition_(there<D>(rows.condition)),
        target_(there<D>(rows.target)),
        order_(Extents<1>{rows.condition.size(0)}),
        batch_(batch),
        gen_(gen) {}

  index_t count() const { return (order_.size(0) + batch_ - 1) / batch_; }
  void shuffle() { gen_.permutation(order_.view()); }

  // Batch i in the tape's memory: conditions and targets (B, P).
  std::pair<TensorView<const float, 2, D>, TensorView<const float, 2, D>> get(Tape<float, D>& tape, index_t i) const {
    const index_t begin = i * batch_, end = std::min(order_.size(0), begin + batch_);
    const TensorView<const index_t, 1, D> places = order_.view().slice(0, begin, end);
    const auto rows = [&](TensorView<const float, 2, D> table) {
      const TensorView<float, 2, D> y = tape.template keep<float>(Extents<2>{end - begin, table.size(1)});
      ops::Embedding::forward(y, table, places);
      return y;
    };
    return {rows(condition_.view()), rows(target_.view())};
  }

 private:
  Tensor<float, 2, D> condition_, target_;
  Tensor<index_t, 1, D> order_;
  index_t batch_;
  Generator gen_;
};

// step(tape, x0, c) -> StepLoss, with random numbers from `draws`. Returns the mean loss of each epoch.
template <device D, class Net, class Step>
std::vector<double> train(const Options& options, Net& net, const Rows& rows, Generator shuffles, Generator& draws,
                          const LogLine& log, Tape<float, D>& tape, Step&& step) {
  Adam<float, D> optimizer(net, {.lr = options.lr});
  Batches<D> batches(rows, options.batch_size, shuffles);
  Tensor<float, 0, D> trained{Extents<0>()};
  Tensor<double, 0, D> constant{Extents<0>()};
  std::vector<double> losses;
  EpochRunner<D> runner(options.cosine_lr, draws, optimizer);
  const double all_steps = static_cast<double>(options.epochs * batches.count());
  for (index_t epoch = 0; epoch < options.epochs; ++epoch) {
    batches.shuffle();
    runner.run([&] {
      trained.zero();
      constant.zero();
      for (index_t i = 0; i < batches.count(); ++i) {
        if (options.cosine_lr) {
          const double done = static_cast<double>(epoch * batches.count() + i) / all_steps;
          optimizer.set_lr_factor(0.5 * (1 + std::cos(std::numbers::pi * done)));
        }
        tape.rewind();
        const auto [condition, target] = batches.get(tape, i);
        const StepLoss<float, D> loss = step(tape, target, tape.input(condition));
        tape.backward(loss.loss);
        optimizer.step();
        longwave::detail::add_to(trained.view(), loss.loss.value());
        if (wanted(loss.constant)) longwave::detail::add_to(constant.view(), loss.constant);
      }
    });
    const double sum = static_cast<double>(here<D>(trained.view())()) + here<D>(constant.view())();
    losses.push_back(sum / static_cast<double>(batches.count()));
    if (epoch % 10 == 0 || epoch + 1 == options.epochs) {
      char line[80];
      std::snprintf(line, sizeof line, "Epoch %lld/%lld, Loss: %.6f", static_cast<long long>(epoch),
                    static_cast<long long>(options.epochs), losses.back());
      log(line);
    }
  }
  return losses;
}

// Streams of one seed: every experiment starts from the same weights and sees the same batches.
enum Stream : std::uint32_t { weights = 0, rows = 1, shuffles = 2, training = 3, testing = 4, testing_on_training = 5 };

template <class Net, device D, class Policy, class Noise>
Outcome learn(const Options& options, Net& net, const Task& task, std::uint64_t seed, const LogLine& log, Policy policy,
              Noise noise) {
  const NoiseSchedule schedule = NoiseSchedule::linear(options.timesteps, 1e-4, options.beta_end);
  const NoiseLevels<float, D> levels(schedule);
  const PointPrediction prediction = options.prediction == "clean" ? PointPrediction::clean : PointPrediction::noise;
  const index_t largest = std::max(generated_rows, options.n_test);
  PointSampler<float, Noise, D> sampler(sampling_plan(options, schedule), noise, largest, prediction);
  Generator gen(seed, Stream::training);
  Tape<float, D> tape;
  Diffusion<float, Net, Noise, D> diffusion{tape, net, noise, levels, prediction, sampler, gen};

  Outcome outcome;
  outcome.losses = train<D>(
      options, net, task.train, Generator(seed, Stream::shuffles), gen, log, tape,
      [&](Tape<float, D>&, TensorView<const float, 2, D> x0, Var<float, 2, D> c) { return policy(diffusion, x0, c); });
  const auto predict = [&](TensorView<const float, 2> condition, Stream stream) {
    Generator draws(seed, stream);
    Tensor<float, 2> dense(condition.sizes());
    copy(dense.view(), condition);
    return here<D>(sampler.sample(net, there<D>(dense).view(), draws));
  };
  outcome.test = predict(task.test.condition.view(), Stream::testing);
  outcome.train = predict(training_rows(task.train.condition.view(), options.n_test), Stream::testing_on_training);
  return outcome;
}

template <class Net, device D, class Policy>
Outcome learn(const Options& options, Net& net, const Experiment& experiment, const Task& task, std::uint64_t seed,
              const LogLine& log, Policy policy) {
  if (experiment.mixing == Mixing::gaussian)
    return learn<Net, D>(options, net, task, seed, log, policy, GaussianNoise());
  const ConvexTarget target = options.convex_target == "effective"     ? ConvexTarget::effective
                              : options.convex_target == "gauss_pairs" ? ConvexTarget::gauss_pairs
                                                                       : ConvexTarget::noise;
  return learn<Net, D>(options, net, task, seed, log, policy, ConvexNoise{target});
}

// Semi-implicit training has one loss, whatever the experiment's.
template <class Net, device D>
Outcome learn(const Options& options, Net& net, const Experiment& experiment, const Task& task, std::uint64_t seed,
              const LogLine& log) {
  if (experiment.training == Training::semi_implicit)
    return learn<Net, D>(options, net, experiment, task, seed, log, SemiImplicit());
  if (experiment.loss == Loss::kl) return learn<Net, D>(options, net, experiment, task, seed, log, ImplicitKl());
  return learn<Net, D>(options, net, experiment, task, seed, log, ImplicitMse{options.mmd_weight});
}

// f(net) with the network that the options name.
template <device D, class F>
Outcome with_network(const Options& options, index_t points, std::uint64_t seed, F&& f) {
  Generator gen(seed, Stream::weights);
  const auto run = [&](auto net) {
    Outcome outcome = f(net);
    outcome.parameters = count_parameters(net);
    return outcome;
  };
  if (options.denoiser == "s4d")
    return run(Mnist1dS4dDenoiser<float, D>({.points = points, .steps = options.timesteps}, gen));
  return run(Mnist1dDenoiser<float, D>({.points = points, .steps = options.timesteps}, gen));
}

template <device D>
Outcome run_experiment(const Options& options, const Experiment& experiment, const Task& task, std::int64_t seed,
                       const LogLine& log) {
  const auto s = static_cast<std::uint64_t>(seed);
  return with_network<D>(options, task.points(), s, [&](auto& net) {
    return learn<std::remove_reference_t<decltype(net)>, D>(options, net, experiment, task, s, log);
  });
}

// The same network as a plain regressor: x = 0, t = 0, target x_0.
template <device D>
Outcome run_regressor(const Options& options, const Task& task, std::int64_t seed, const LogLine& log) {
  const auto s = static_cast<std::uint64_t>(seed);
  return with_network<D>(options, task.points(), s, [&](auto& net) {
    Tape<float, D> tape;
    const auto answer = [&](Tape<float, D>& on, Var<float, 2, D> c) {
      const auto x = on.template keep<float>(c.sizes());
      const auto t = on.template keep<index_t>(Extents<1>{c.size(0)});
      longwave::detail::fill(x, 0.0f);
      longwave::detail::fill(t, index_t(0));
      return net(on, on.input(x), c, t);
    };
    Outcome outcome;
    Generator none(s, Stream::training);
    outcome.losses = train<D>(options, net, task.train, Generator(s, Stream::shuffles), none, log, tape,
                              [&](Tape<float, D>& on, TensorView<const float, 2, D> x0, Var<float, 2, D> c) {
                                return StepLoss<float, D>{mse(answer(on, c), on.input(x0)), {}};
                              });
    tape.rewind();
    tape.set_recording(false);
    const auto condition = there<D>(task.test.condition);
    outcome.test = here<D>(answer(tape, tape.input(condition)).value());
    return outcome;
  });
}

}  // namespace longwave::examples::mnist1d_diffusion
