// forward_process.hpp - from data to noise, and the loss of a network that finds its way back (Ho et al. 2020,
// equations 4 and 14).
//
//   diffuse      x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) z               a step t of its own per sample
//   predict_x0   x_0 = (x_t - sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_bar_t)         cut to [-clamp, clamp]
//   add_noise    x_t of a training sample and what the network should say of it, in one pass
//   training_loss   mean (eps_hat - z)^2 where the mask says, or the same for velocities
//
// x_0, x_t, z (B, ..), any rank; steps (B) in 0 .. T-1. Mask, of the same shape: 0 = to impute, else known.
#pragma once

#include <limits>

#include "longwave/autograd/functions/loss.hpp"
#include "longwave/diffusion/schedule.hpp"
#include "longwave/nn/init.hpp"

namespace longwave {

// Both factors of the forward process where they are needed, rounded once from double.
template <class T, device D = Host>
struct NoiseLevels {
  Tensor<T, 1, D> signal, noise;  // (T): sqrt(alpha_bar), sqrt(1 - alpha_bar)

  explicit NoiseLevels(const NoiseSchedule& schedule)
      : signal(Extents<1>{schedule.steps()}), noise(Extents<1>{schedule.steps()}) {
    init::on_host(signal.view(), [&](TensorView<T, 1> to) {
      for (index_t t = 0; t < to.size(0); ++t) to(t) = static_cast<T>(std::sqrt(schedule.alpha_bar(t)));
    });
    init::on_host(noise.view(), [&](TensorView<T, 1> to) {
      for (index_t t = 0; t < to.size(0); ++t) to(t) = static_cast<T>(std::sqrt(1 - schedule.alpha_bar(t)));
    });
  }

  index_t steps() const { return signal.size(0); }
};

struct ForwardOptions {
  bool only_generate_missing = true;  // known entries are not noise: z = x_0 there, and the loss leaves them out
  bool consistent_known = false;      // x_t = x_0 there, as in sampling; published trainers mix x_0 with itself
  Prediction prediction = Prediction::noise;
};

namespace detail {

// Factors (2, B) of a batch's steps.
template <class T, device D>
struct GatherLevels {
  static constexpr const char* name = "gather_levels";
  TensorView<T, 2, D> at;
  TensorView<const T, 1, D> signal, noise;
  TensorView<const index_t, 1, D> steps;
  LONGWAVE_HD void operator()(index_t b) const {
    at(0, b) = signal(steps(b));
    at(1, b) = noise(steps(b));
  }
};

struct Diffused {
  static constexpr const char* name = "diffuse";
  template <class T>
  LONGWAVE_HD void operator()(T& x_t, T x0, T z, T signal, T noise) const {
    x_t = signal * x0 + noise * z;
  }
};

struct AddedNoise {
  static constexpr const char* name = "add_noise";
  bool only_generate_missing, consistent_known, velocity;
  template <class T>
  LONGWAVE_HD void operator()(T& x_t, T& target, T x0, T eps, T mask, T signal, T noise) const {
    const bool known = mask != T(0);
    const T mixed = math::select(known && only_generate_missing, x0, eps);
    target = math::select(velocity, signal * mixed - noise * x0, mixed);
    x_t = math::select(known && consistent_known, x0, signal * x0 + noise * mixed);
  }
};

template <class T>
struct PredictedStart {
  static constexpr const char* name = "predict_x0";
  T clamp;
  LONGWAVE_HD void operator()(T& x0, T eps, T x_t, T signal, T noise) const {
    const T x = (x_t - noise * eps) / signal;
    x0 = math::select(x > clamp, clamp, math::select(x < -clamp, -clamp, x));
  }
};

template <class T>
struct PredictedStartSlope {  // 0 where it was cut
  static constexpr const char* name = "predict_x0";
  T clamp;
  LONGWAVE_HD void operator()(T& deps, T dx0, T eps, T x_t, T signal, T noise) const {
    const T x = (x_t - noise * eps) / signal;
    deps = math::select(x > clamp || x < -clamp, T(0), -dx0 * noise / signal);
  }
};

struct MissingWeight {  // 1 for an entry to impute; with `observed`, only if it was
  static constexpr const char* name = "missing_weight";
  template <class T>
  LONGWAVE_HD void operator()(T& w, T mask) const {
    w = math::select(mask == T(0), T(1), T(0));
  }
  template <class T>
  LONGWAVE_HD void operator()(T& w, T mask, T observed) const {
    w = math::select(mask == T(0) && observed != T(0), T(1), T(0));
  }
};

template <device D>
struct DrawnSteps {
  static constexpr const char* name = "draw_steps";
  TensorView<index_t, 1, D> steps;
  TensorView<const double, 1, D> uniform;
  index_t T;
  LONGWAVE_HD void operator()(index_t b) const {
    steps(b) = static_cast<index_t>(uniform(b) * static_cast<double>(T));  // uniform < 1
  }
};

// The factors of each sample's step, seen as repeating over that sample's numbers.
template <class T, int N, device D>
struct SampleLevels {
  TensorView<const T, N, D> signal, noise;
};

// room (2, B): where they are kept.
template <class T, int N, device D>
SampleLevels<T, N, D> sample_levels(const char* op, TensorView<T, 2, D> room, const Extents<N>& sizes,
                                    const NoiseLevels<T, D>& levels, In<index_t, 1, D> steps) {
  static_assert(N >= 1, "the first axis is the batch");
  check_shape(op, "steps", steps, Extents<1>{sizes[0]}, "B");
  if constexpr (std::is_same_v<D, Host>)
    for (index_t b = 0; b < sizes[0]; ++b)
      if (steps(b) < 0 || steps(b) >= levels.steps())
        throw_value_error(std::string(op) + ": the step of sample " + std::to_string(b) + " is " +
                          std::to_string(steps(b)) + ", expected 0 to " + std::to_string(levels.steps() - 1));
  for_each_index<D>(sizes[0], GatherLevels<T, D>{room, levels.signal, levels.noise, steps});
  Extents<N> strides;
  strides[0] = 1;
  return {{room[0].data(), sizes, strides}, {room[1].data(), sizes, strides}};
}

}  // namespace detail

// x_t is assigned and may be x0 or z.
template <class T, int N, device D>
void diffuse(TensorView<T, N, D> x_t, In<T, N, D> x0, In<T, N, D> z, const NoiseLevels<T, D>& levels,
             In<index_t, 1, D> steps) {
  check_same_shape("diffuse", "x_t", x_t, "x0", x0);
  check_same_shape("diffuse", "z", z, "x0", x0);
  ScratchOn<D> scratch;
  const auto at = detail::sample_levels("diffuse", scratch.template tensor<T>(Extents<2>{2, x0.size(0)}), x0.sizes(),
                                        levels, steps);
  map_elements<1>(detail::Diffused(), x_t, x0, z, at.signal, at.noise);
}

// x_t and the target of a training sample, from data x0 and noise eps: z, or the velocity with it. x0 holds numbers
// everywhere: entries that were never observed are filled with any, say 0, and left out of the loss.
template <class T, int N, device D>
void add_noise(TensorView<T, N, D> x_t, Out<T, N, D> target, In<T, N, D> x0, In<T, N, D> eps, In<T, N, D> mask,
               const NoiseLevels<T, D>& levels, In<index_t, 1, D> steps, ForwardOptions options = {}) {
  check_same_shape("add_noise", "x_t", x_t, "x0", x0);
  check_same_shape("add_noise", "target", target, "x0", x0);
  check_same_shape("add_noise", "eps", eps, "x0", x0);
  check_same_shape("add_noise", "mask", mask, "x0", x0);
  if (options.consistent_known && !options.only_generate_missing)
    throw_value_error("add_noise: consistent_known needs only_generate_missing; else sampling noises known entries");
  ScratchOn<D> scratch;
  const auto at = detail::sample_levels("add_noise", scratch.template tensor<T>(Extents<2>{2, x0.size(0)}), x0.sizes(),
                                        levels, steps);
  const detail::AddedNoise f{options.only_generate_missing, options.consistent_known,
                             options.prediction == Prediction::velocity};
  map_elements<2>(f, x_t, target, x0, eps, mask, at.signal, at.noise);
}

// steps (B): uniform in 0 .. T-1, drawn where they are needed.
template <device D>
void draw_steps(Generator& gen, TensorView<index_t, 1, D> steps, index_t T) {
  if (T < 1) throw_value_error("draw_steps: T is " + std::to_string(T) + ", expected at least 1");
  ScratchOn<D> scratch;
  const TensorView<double, 1, D> uniform = scratch.template tensor<double>(steps.sizes());
  gen.uniform(uniform);
  for_each_index<D>(steps.size(0), detail::DrawnSteps<D>{steps, uniform, T});
}

// The data that a prediction eps of the noise in x_t stands for; clamp: largest magnitude. x_t must stay until
// backward has run. The gradient flows to eps.
template <class T, int N, device D>
Var<T, N, D> predict_x0(Var<T, N, D> eps, In<T, N, D> x_t, const NoiseLevels<T, D>& levels, In<index_t, 1, D> steps,
                        double clamp = std::numeric_limits<double>::infinity()) {
  check_same_shape("predict_x0", "eps", eps.value(), "x_t", x_t);
  if (!(clamp > 0)) throw_value_error("predict_x0: clamp is " + std::to_string(clamp) + ", expected more than 0");
  Tape<T, D>& tape = eps.tape();
  const T most = static_cast<T>(clamp);
  const Var<T, N, D> x0 = tape.make(eps.sizes(), eps.needs_grad());
  const auto at = detail::sample_levels("predict_x0", tape.template keep<T>(Extents<2>{2, eps.size(0)}), eps.sizes(),
                                        levels, steps);
  map_elements<1>(detail::PredictedStart<T>{most}, x0.output(), eps.value(), x_t, at.signal, at.noise);
  tape.record("predict_x0", x0, [=] {
    Grad deps(eps);
    map_elements<1>(detail::PredictedStartSlope<T>{most}, deps.view(), x0.grad(), eps.value(), x_t, at.signal,
                    at.noise);
  });
  return x0;
}

// Mean of (eps_hat - z)^2 over the entries to impute (mask 0), or over all; with `observed` (0: was never measured)
// over those of them that are known at all. z must stay until backward has run. None to impute: ValueError, on the
// device NaN.
template <class T, int N, device D>
Var<T, 0, D> noise_loss(Var<T, N, D> eps_hat, In<T, N, D> z, In<T, N, D> mask, ForwardOptions options = {},
                        In<T, N, D> observed = {}) {
  check_same_shape("noise_loss", "z", z, "eps_hat", eps_hat.value());
  check_same_shape("noise_loss", "mask", mask, "eps_hat", eps_hat.value());
  if (wanted(observed)) check_same_shape("noise_loss", "observed", observed, "eps_hat", eps_hat.value());
  Tape<T, D>& tape = eps_hat.tape();
  if (!options.only_generate_missing)
    return mse(eps_hat, tape.input(z), wanted(observed) ? tape.input(observed) : Var<T, N, D>());
  const TensorView<T, N, D> w = tape.template keep<T>(eps_hat.sizes());
  if (wanted(observed))
    map_elements<1>(detail::MissingWeight(), w, mask, observed);
  else
    map_elements<1>(detail::MissingWeight(), w, mask);
  if constexpr (std::is_same_v<D, Host>)
    if (!eps_hat.value().empty() && !(impl::weight_sum(TensorView<const T, N, D>(w)) > 0))
      throw_value_error("noise_loss: the mask has nothing to impute, so there is nothing to learn from");
  return mse(eps_hat, tape.input(z), tape.input(w));
}

// What a training step knows of its batch.
template <class T, device D = Host>
struct TrainingSample {
  TensorView<const T, 3, D> x0;             // (B, C, L)
  TensorView<const T, 3, D> mask;           // (B, C, L): 0 = to impute
  TensorView<const T, 3, D> observed = {};  // (B, C, L), or none: 0 = never measured, in no loss
  TensorView<const T, 3, D> cond = {};      // what the network is told, if it is not x0
};

// The loss of net(tape, x_t, cond, mask, steps) -> eps_hat for given noise (B, C, L) and steps (B).
template <class T, device D, class Net>
Var<T, 0, D> training_loss(Tape<T, D>& tape, Net&& net, const TrainingSample<T, D>& sample,
                           const NoiseLevels<T, D>& levels, In<T, 3, D> noise, In<index_t, 1, D> steps,
                           ForwardOptions options = {}) {
  const TensorView<T, 3, D> x_t = tape.template keep<T>(sample.x0.sizes());
  const TensorView<T, 3, D> target = tape.template keep<T>(sample.x0.sizes());
  add_noise(x_t, target, sample.x0, noise, sample.mask, levels, steps, options);
  const Var<T, 3, D> cond = tape.input(wanted(sample.cond) ? sample.cond : sample.x0);
  const Var<T, 3, D> eps_hat = net(tape, tape.input(x_t), cond, tape.input(sample.mask), steps);
  return noise_loss(eps_hat, TensorView<const T, 3, D>(target), sample.mask, options, sample.observed);
}

// The same with noise and steps drawn from gen.
template <class T, device D, class Net>
Var<T, 0, D> training_loss(Tape<T, D>& tape, Net&& net, const TrainingSample<T, D>& sample,
                           const NoiseLevels<T, D>& levels, Generator& gen, ForwardOptions options = {}) {
  const TensorView<T, 3, D> noise = tape.template keep<T>(sample.x0.sizes());
  const TensorView<index_t, 1, D> steps = tape.template keep<index_t>(Extents<1>{sample.x0.size(0)});
  draw_steps(gen, steps, levels.steps());
  gen.normal(noise);
  return training_loss(tape, net, sample, levels, TensorView<const T, 3, D>(noise),
                       TensorView<const index_t, 1, D>(steps), options);
}

}  // namespace longwave
