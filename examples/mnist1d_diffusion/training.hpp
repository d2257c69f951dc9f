// training.hpp - the loss of one training step, as policies: implicit with MSE or histogram KL, semi-implicit.
// They differ in what they do with a prediction; how one comes about is the same for all:
//
//   t uniform in 0 .. T-1;  x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) added;  prediction = net(x_t, c, t)
//
// Explained with the numbers of a real batch: docs/semi_implicit.md.
#pragma once

#include <utility>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/mmd.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/metrics/histogram_kl.hpp"

namespace longwave::examples::mnist1d_diffusion {

inline constexpr double largest_clean = 5;      // |x_0| of the data, where estimates of it are cut
inline constexpr index_t generated_rows = 100;  // of a batch, for the KL loss

// What a step works with; one per training run.
template <class T, class Net, class Noise, device D>
struct Diffusion {
  Tape<T, D>& tape;
  Net& net;
  Noise noise;
  const NoiseLevels<T, D>& levels;
  PointPrediction prediction;
  PointSampler<T, Noise, D>& sampler;
  Generator& gen;
};

// The network's answer to a batch at random steps.
template <class T, device D>
struct Answer {
  Var<T, 2, D> value;                     // (B, P)
  TensorView<const T, 2, D> target, x_t;  // (B, P)
  TensorView<const index_t, 1, D> steps;  // (B)
};

// One random step per row, the batch disturbed, the network asked.
template <class T, class Net, class Noise, device D>
Answer<T, D> ask(Diffusion<T, Net, Noise, D>& d, TensorView<const T, 2, D> x0, Var<T, 2, D> condition) {
  const TensorView<index_t, 1, D> steps = d.tape.template keep<index_t>(Extents<1>{x0.size(0)});
  draw_steps(d.gen, steps, d.levels.steps());
  const Disturbance<T, D> drawn = d.noise.draw(d.tape, d.gen, x0);
  const TensorView<T, 2, D> x_t = d.tape.template keep<T>(x0.sizes());
  diffuse(x_t, x0, drawn.added, d.levels, steps);
  const Var<T, 2, D> value = d.net(d.tape, d.tape.input(x_t), condition, steps);
  return {value, d.prediction == PointPrediction::clean ? x0 : drawn.target, x_t, steps};
}

// x_0 as the answer has it, cut to its range where the noise was predicted. The gradient flows on.
template <class T, class Net, class Noise, device D>
Var<T, 2, D> clean_of(Diffusion<T, Net, Noise, D>& d, const Answer<T, D>& answer, Var<T, 2, D> value) {
  return d.prediction == PointPrediction::clean ? value
                                                : predict_x0(value, answer.x_t, d.levels, answer.steps, largest_clean);
}

// mean (net(x_t, c, t) - target)^2
template <class T, device D>
Var<T, 0, D> forward_loss(Tape<T, D>& tape, const Answer<T, D>& answer) {
  return mse(answer.value, tape.input(answer.target));
}

// What a policy returns: `loss` is trained on; `constant` is only shown, it has no gradient (without data: none).
template <class T, device D>
struct StepLoss {
  Var<T, 0, D> loss;
  TensorView<const double, 0, D> constant;
};

// Distances between rows of 41 numbers of variance 3 are about sqrt(2 41 3) = 16.
inline RbfMixture mmd_kernel() { return RbfMixture({4, 8, 16, 32}); }

// The forward process is all that is learned; sampling walks it backwards. mmd_weight above 0 adds the extension: the
// maximum mean discrepancy between the estimated and the real clean signals, which unlike the KL has a gradient.
struct ImplicitMse {
  double mmd_weight = 0;

  template <class T, class Net, class Noise, device D>
  StepLoss<T, D> operator()(Diffusion<T, Net, Noise, D>& d, TensorView<const T, 2, D> x0, Var<T, 2, D> c) const {
    const Answer<T, D> answer = ask(d, x0, c);
    const Var<T, 0, D> loss = forward_loss(d.tape, answer);
    if (mmd_weight == 0) return {loss, {}};
    return {loss + mmd_weight * mmd(clean_of(d, answer, answer.value), d.tape.input(x0), mmd_kernel()), {}};
  }
};

// 0.1 MSE + KL between samples of the network as it is and the targets. The samples are drawn without a gradient, so
// the KL changes the figure that is shown and nothing else.
struct ImplicitKl {
  template <class T, class Net, class Noise, device D>
  StepLoss<T, D> operator()(Diffusion<T, Net, Noise, D>& d, TensorView<const T, 2, D> x0, Var<T, 2, D> c) const {
    const index_t n = std::min(generated_rows, x0.size(0));
    const TensorView<const T, 2, D> generated = d.sampler.sample(d.net, c.value().slice(0, 0, n), d.gen);
    const TensorView<double, 0, D> kl = d.tape.template keep<double>(Extents<0>());
    histogram_kl(kl, generated, x0.slice(0, 0, n));
    return {0.1 * forward_loss(d.tape, ask(d, x0, c)), kl};
  }
};

// total = forward + 0.5 inverse: the clean signal that the network sees in x_t is disturbed again, and the network
// shall see it once more. The first sight is a constant to the second.
struct SemiImplicit {
  static constexpr double inverse_weight = 0.5;
  bool detached = true;  // false: to show what it would do otherwise (explain.cpp)

  template <class T, device D>
  struct Parts {
    Answer<T, D> seen, again;
    Var<T, 2, D> clean, recovered;
    Var<T, 0, D> forward, inverse;
  };

  template <class T, class Net, class Noise, device D>
  Parts<T, D> parts(Diffusion<T, Net, Noise, D>& d, TensorView<const T, 2, D> x0, Var<T, 2, D> c) const {
    const Answer<T, D> seen = ask(d, x0, c);
    const Var<T, 2, D> sight = detached ? d.tape.input(seen.value.value()) : seen.value;  // input: no gradient
    const Var<T, 2, D> clean = clean_of(d, seen, sight);
    const Answer<T, D> again = ask(d, clean.value(), c);
    const Var<T, 2, D> recovered = clean_of(d, again, again.value);
    return {seen, again, clean, recovered, forward_loss(d.tape, seen), mse(recovered, clean)};
  }

  template <class T, class Net, class Noise, device D>
  StepLoss<T, D> operator()(Diffusion<T, Net, Noise, D>& d, TensorView<const T, 2, D> x0, Var<T, 2, D> c) const {
    const Parts<T, D> p = parts(d, x0, c);
    return {p.forward + inverse_weight * p.inverse, {}};
  }
};

}  // namespace longwave::examples::mnist1d_diffusion
