// point_sampler.hpp - from noise to samples x (B, P) given a condition c (B, P), by any table of steps (ddpm.hpp,
// ddim.hpp) and either kind of noise (point_noise.hpp).
//
//   net.prepare(tape, c)                      once: what does not change along the steps
//   net.denoise(tape, x, prepared, t)         each step: the noise in x, or x_0 itself (PointPrediction)
//   x0 = clamp(..),  x <- from_x0 x0 + from_x x + from_eps eps, then noise.disturb(x, deviation)
//
// The whole loop allocates nothing after the first call and reads nothing back.
#pragma once

#include <utility>
#include <vector>

#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/point_noise.hpp"
#include "longwave/diffusion/sampler.hpp"

namespace longwave {

// What a network's result stands for: the noise (or what else was mixed in), or the clean signal.
enum class PointPrediction { noise, clean };

namespace detail {

template <class T, device D>
struct PointUpdate {
  static constexpr const char* name = "point_update";
  TensorView<T, 2, D> x;
  TensorView<const T, 2, D> predicted;
  T x0_from_x, x0_from_eps, from_x0, from_x, from_eps, clamp;
  bool clean;  // predicted is x0, not eps

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / x.size(1), p = i % x.size(1);
    const T at = x(b, p), answer = predicted(b, p);
    const T start = clean ? answer : x0_from_x * at + x0_from_eps * answer;
    const T x0 = start > clamp ? clamp : start < -clamp ? -clamp : start;
    const T eps = clean ? (x0 - x0_from_x * at) / x0_from_eps : answer;
    x(b, p) = from_x0 * x0 + from_x * at + from_eps * eps;
  }
};

}  // namespace detail

template <class T, class Noise, device D = Host>
class PointSampler {
 public:
  // plan: with a finite clamp, or steps that say how x_0 follows. largest_batch: rows of one call at most.
  PointSampler(const SamplingPlan& plan, Noise noise, index_t largest_batch,
               PointPrediction prediction = PointPrediction::noise)
      : plan_(plan),
        noise_(noise),
        prediction_(prediction),
        steps_(Extents<2>{static_cast<index_t>(plan.steps.size()), largest_batch}) {
    if (plan.steps.empty()) throw_value_error("PointSampler: the plan has no steps");
    if (plan.low() != -plan.clamp || plan.high() != plan.clamp || plan.looks_back())
      throw_value_error("PointSampler: takes plans with a clamp, of steps that do not look back");
    for (const SamplingStep& step : plan.steps)
      if (step.x0_from_eps == 0)
        throw_value_error("PointSampler: a step does not say what x_0 is; give the plan a clamp");
    init::on_host(steps_.view(), [&](TensorView<index_t, 2> to) {
      for (index_t i = 0; i < to.size(0); ++i)
        for (index_t b = 0; b < to.size(1); ++b) to(i, b) = plan.steps[static_cast<std::size_t>(i)].t;
    });
    condition_tape_.set_recording(false);
    step_tape_.set_recording(false);
  }

  // (B, P) in memory of the sampler, until the next call.
  template <class Net>
  TensorView<const T, 2, D> sample(Net& net, In<T, 2, D> condition, Generator& gen) {
    const index_t B = condition.size(0);
    if (B > steps_.size(1))
      throw_shape_error("PointSampler: condition is " + to_string(condition.sizes(), "BP") + ", made for B up to " +
                        std::to_string(steps_.size(1)));
    condition_tape_.rewind();
    const auto prepared = net.prepare(condition_tape_, condition_tape_.input(condition));
    const TensorView<T, 2, D> x = noise_.start(condition_tape_, gen, condition.sizes());
    for (index_t i = 0; i < steps_.size(0); ++i) {
      const SamplingStep& step = plan_.steps[static_cast<std::size_t>(i)];
      step_tape_.rewind();
      const Var<T, 2, D> predicted = net.denoise(step_tape_, step_tape_.input(x), prepared.on(step_tape_),
                                                 TensorView<const index_t, 1, D>(steps_.view()[i].slice(0, 0, B)));
      for_each_index<D>(x.count(),
                        detail::PointUpdate<T, D>{x, predicted.value(), static_cast<T>(step.x0_from_x),
                                                  static_cast<T>(step.x0_from_eps), static_cast<T>(step.from_x0),
                                                  static_cast<T>(step.from_x), static_cast<T>(step.from_eps),
                                                  static_cast<T>(plan_.clamp), prediction_ == PointPrediction::clean},
                        20);
      if (step.deviation != 0) noise_.disturb(step_tape_, gen, x, step.deviation);
    }
    return x;
  }

 private:
  SamplingPlan plan_;
  Noise noise_;
  PointPrediction prediction_;
  Tensor<index_t, 2, D> steps_;  // (S, largest B): the step each row is at
  Tape<T, D> condition_tape_, step_tape_;
};

}  // namespace longwave
