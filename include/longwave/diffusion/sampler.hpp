// sampler.hpp - from noise to data in S steps of any rule that a table of numbers can say (ddpm.hpp, ddim.hpp,
// dpm_solver.hpp).
//
//   Sampler<float> sampler(ddim(schedule, even_steps(200, 20)), {B, C, L});
//   const auto x = sampler.sample(net, cond, mask, gen);           // (B, C, L), stays until the next call
//
// net(tape, x, cond, mask, steps (B)) -> the noise in x, or what the plan was made for. Each step, from the last of the
// plan's steps to the first:
//   eps = net(x, cond, mask, t)
//   x0  = cut(x0_from_x x + x0_from_eps eps)
//   x   = from_x0 x0 + from_x x + from_eps eps + deviation N(0, 1) + from_x0_before (x0 of the step before)
// Mask: 1 = known, 0 = to impute; cond holds the known numbers, what it holds elsewhere is not read (it may be NaN).
// All zero: nothing is known, the sample is free. In between, known entries of x are those of cond, if the network was
// trained so (only_generate_missing). The published trainer shows such a network sqrt(alpha_bar) x_0 +
// sqrt(1 - alpha_bar) x_0 there, up to 1.41 times of what published sampling does; KnownValues::as_trained does the
// same in sampling.
//
// The table and the number of the current step lie on the device, and the tape is rewound for each step: after the
// first nothing is allocated, and every step queues the same kernels with the same addresses. So one call of step() can
// be captured as a graph and replayed for all others.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "longwave/autograd/tape.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/map.hpp"
#include "longwave/core/math.hpp"
#include "longwave/cuda/map.hpp"
#include "longwave/nn/init.hpp"

namespace longwave {

// One step of a sampler, see above.
struct SamplingStep {
  index_t t = 0;  // as the network is told it
  double x0_from_x = 0, x0_from_eps = 0;
  double from_x0 = 0, from_x = 0, from_eps = 0;
  double deviation = 0;
  double from_x0_before = 0;
  double known_as_trained = 1;  // known entries of x in training, as a multiple of the data
};

struct SamplingPlan {
  std::vector<SamplingStep> steps;                         // in the order of their use: from noise to data
  double clamp = std::numeric_limits<double>::infinity();  // largest magnitude of x_0
  double least = -std::numeric_limits<double>::infinity(),
         most = std::numeric_limits<double>::infinity();  // and its range

  double low() const { return std::max(-clamp, least); }
  double high() const { return std::min(clamp, most); }

  bool draws() const {  // noise after the start
    for (const SamplingStep& step : steps)
      if (step.deviation != 0) return true;
    return false;
  }
  bool looks_back() const {  // at the step before
    for (const SamplingStep& step : steps)
      if (step.from_x0_before != 0) return true;
    return false;
  }
};

namespace detail {

// What a plan's options say of x_0 (DdimOptions and its like).
template <class Options>
void check_range(const char* op, const Options& o) {
  if (!(o.clamp > 0))
    throw_value_error(std::string(op) + ": clamp is " + std::to_string(o.clamp) + ", expected more than 0");
  if (!(o.least < o.most))
    throw_value_error(std::string(op) + ": x_0 is cut to " + std::to_string(o.least) + " to " + std::to_string(o.most) +
                      ", expected a range");
}
template <class Options>
bool cuts(const Options& o) {
  return std::isfinite(o.clamp) || std::isfinite(o.least) || std::isfinite(o.most);
}

inline double known_as_trained(double alpha_bar) { return std::sqrt(alpha_bar) + std::sqrt(1 - alpha_bar); }

// The same step for a network that tells the velocity: eps = sqrt(1 - alpha_bar) x + sqrt(alpha_bar) v.
inline SamplingStep from_velocity(SamplingStep step, double alpha_bar) {
  const double signal = std::sqrt(alpha_bar), noise = std::sqrt(1 - alpha_bar);
  step.x0_from_x += step.x0_from_eps * noise;
  step.x0_from_eps *= signal;
  step.from_x += step.from_eps * noise;
  step.from_eps *= signal;
  return step;
}

}  // namespace detail

// Known entries of x in between: the data, or as many times the data as a network saw that was trained without
// ForwardOptions::consistent_known.
enum class KnownValues { exact, as_trained };

struct SampleOptions {
  bool only_generate_missing = true;  // known entries are those of cond before every step, not noisy
  bool restore_known = true;          // and in the result
  KnownValues known = KnownValues::exact;
};

namespace detail {

// A row of the table. Number 6: known entries are set to so many times cond afterwards; 0: they are not.
inline constexpr index_t sampling_columns = 8;

// cond, its unknown entries 0.
struct KnownOnly {
  static constexpr const char* name = "known_only";
  template <class T>
  LONGWAVE_HD void operator()(T& to, T cond, T mask) const {
    to = math::select(mask != T(0), cond, T(0));
  }
};

template <class T>
struct SetKnown {
  static constexpr const char* name = "set_known";
  T factor;
  LONGWAVE_HD void operator()(T& x, T noise, T cond, T mask) const {
    x = math::select(mask != T(0), factor * cond, noise);
  }
};

// steps (B): the diffusion step that is number position() of the plan.
template <device D>
struct TellStep {
  static constexpr const char* name = "tell_step";
  TensorView<index_t, 1, D> steps;
  TensorView<const index_t, 1, D> plan;
  TensorView<const index_t, 0, D> position;
  LONGWAVE_HD void operator()(index_t b) const { steps(b) = plan(position()); }
};

template <device D>
struct NextPosition {
  static constexpr const char* name = "next_position";
  TensorView<index_t, 0, D> position;
  index_t steps;
  LONGWAVE_HD void operator()(index_t) const {
    if (position() + 1 < steps) ++position();
  }
};

template <class T, device D>
struct SamplingUpdate {
  static constexpr const char* name = "sampling_update";
  T* x;
  const T *eps, *noise, *cond, *mask;
  TensorView<const T, 2, D> table;
  TensorView<const index_t, 0, D> position;
  T low, high;
  T* before;  // x_0 of the step before, or null

  LONGWAVE_HD void operator()(index_t i) const {
    const T* row = &table(position(), 0);
    const T at = x[i], e = eps[i];
    T x0 = row[0] * at + row[1] * e;
    x0 = math::select(x0 > high, high, math::select(x0 < low, low, x0));
    T next = row[2] * x0 + row[3] * at + row[4] * e + row[5] * noise[i];
    if (before != nullptr) {
      next += row[7] * before[i];
      before[i] = x0;
    }
    x[i] = row[6] != T(0) && mask[i] != T(0) ? row[6] * cond[i] : next;
  }
};

}  // namespace detail

template <class T, device D = Host>
class Sampler {
 public:
  // sizes (B, C, L) of what is sampled.
  Sampler(const SamplingPlan& plan, Extents<3> sizes, SampleOptions options = {})
      : options_(options),
        draws_(plan.draws()),
        low_(static_cast<T>(plan.low())),
        high_(static_cast<T>(plan.high())),
        plan_(Extents<1>{static_cast<index_t>(plan.steps.size())}),
        table_(Extents<2>{static_cast<index_t>(plan.steps.size()), detail::sampling_columns}),
        position_(Extents<0>()),
        steps_(Extents<1>{sizes[0]}),
        x_(sizes),
        noise_(sizes),
        cond_(sizes),
        mask_(sizes),
        before_(plan.looks_back() ? sizes : Extents<3>()) {
    if (plan.steps.empty()) throw_value_error("Sampler: the plan has no steps");
    const bool as_trained = options.known == KnownValues::as_trained;
    if (as_trained && !options.only_generate_missing)
      throw_value_error("Sampler: known values as trained need only_generate_missing; else known entries are noisy");
    known_at_start_ = static_cast<T>(as_trained ? plan.steps[0].known_as_trained : 1.0);
    init::on_host(plan_.view(), [&](TensorView<index_t, 1> to) {
      for (index_t i = 0; i < to.size(0); ++i) to(i) = plan.steps[static_cast<std::size_t>(i)].t;
    });
    init::on_host(table_.view(), [&](TensorView<T, 2> to) {
      for (index_t i = 0; i < to.size(0); ++i) fill_row(to[i], plan, static_cast<std::size_t>(i));
    });
    tape_.set_recording(false);
  }

  index_t steps() const { return plan_.size(0); }
  const Extents<3>& sizes() const { return x_.sizes(); }
  bool draws() const { return draws_; }

  // cond, mask (B, C, L). The result is in memory of the sampler.
  template <class Net>
  TensorView<const T, 3, D> sample(Net&& net, In<T, 3, D> cond, In<T, 3, D> mask, Generator& gen) {
    start(cond, mask, gen);
    for (index_t i = 0; i < steps(); ++i) step(net, gen);
    return x();
  }

  // The same with noise from outside, (S, B, C, L): first the start, then what follows each step but the last.
  template <class Net>
  TensorView<const T, 3, D> sample(Net&& net, In<T, 3, D> cond, In<T, 3, D> mask, In<T, 4, D> noise) {
    const Extents<3>& s = x_.sizes();
    check_shape("Sampler", "noise", noise, Extents<4>{steps(), s[0], s[1], s[2]}, "SBCL");
    start(cond, mask, noise[0]);
    for (index_t i = 1; i <= steps(); ++i) step_with(net, noise[i < steps() ? i : 0]);
    return x();
  }

  // --- the same in parts --------------------------------------------------------------------------------------

  // Takes cond and mask in, and starts from noise.
  void start(In<T, 3, D> cond, In<T, 3, D> mask, Generator& gen) {
    gen.normal(noise_.view());
    start(cond, mask, noise_.view());
  }
  void start(In<T, 3, D> cond, In<T, 3, D> mask, In<T, 3, D> noise) {
    check_shape("Sampler", "cond", cond, x_.sizes(), "BCL");
    check_shape("Sampler", "mask", mask, x_.sizes(), "BCL");
    check_shape("Sampler", "noise", noise, x_.sizes(), "BCL");
    copy(mask_.view(), mask);
    map_elements<1>(detail::KnownOnly(), cond_.view(), cond, mask);
    if (options_.only_generate_missing)
      map_elements<1>(detail::SetKnown<T>{known_at_start_}, x_.view(), noise, TensorView<const T, 3, D>(cond_), mask);
    else
      copy(x_.view(), noise);
    detail::fill(position_.view(), index_t(0));
    detail::fill(before_.view(), T(0));
    done_ = 0;
  }

  // The next step; after steps() of them x() is the result.
  template <class Net>
  void step(Net&& net, Generator& gen) {
    if (done_ == steps())
      throw_value_error("Sampler: " + std::to_string(done_) + " of " + std::to_string(steps()) +
                        " steps are done; call start() for the next sample");
    if (draws_) gen.normal(noise_.view());
    step_with(net, noise_.view());
  }

  TensorView<const T, 3, D> x() const { return x_.view(); }

 private:
  template <class Net>
  void step_with(Net&& net, In<T, 3, D> noise) {
    const TensorView<const index_t, 0, D> position = std::as_const(position_).view();
    for_each_index<D>(steps_.size(0), detail::TellStep<D>{steps_, std::as_const(plan_).view(), position});
    tape_.rewind();
    const Var<T, 3, D> eps =
        net(tape_, tape_.input(x_), tape_.input(cond_), tape_.input(mask_), TensorView<const index_t, 1, D>(steps_));
    check_shape("Sampler", "the network's result", eps.value(), x_.sizes(), "BCL");
    if (!eps.value().contiguous() || !noise.contiguous())
      throw_shape_error("Sampler: the network's result or the noise is not contiguous; copy it first");
    for_each_index<D>(x_.count(),
                      detail::SamplingUpdate<T, D>{x_.data(), eps.value().data(), noise.data(), cond_.data(),
                                                   mask_.data(), std::as_const(table_).view(), position, low_, high_,
                                                   before_.count() > 0 ? before_.data() : nullptr},
                      20);
    for_each_index<D>(1, detail::NextPosition<D>{position_, steps()});
    ++done_;
  }

  double known_after(const SamplingPlan& plan, std::size_t i) const {
    if (i + 1 == plan.steps.size()) return options_.restore_known ? 1.0 : 0.0;
    if (!options_.only_generate_missing) return 0.0;
    return options_.known == KnownValues::as_trained ? plan.steps[i + 1].known_as_trained : 1.0;
  }

  void fill_row(TensorView<T, 1> row, const SamplingPlan& plan, std::size_t i) const {
    const SamplingStep& step = plan.steps[i];
    const double numbers[detail::sampling_columns] = {step.x0_from_x,       step.x0_from_eps,   step.from_x0,
                                                      step.from_x,          step.from_eps,      step.deviation,
                                                      known_after(plan, i), step.from_x0_before};
    for (index_t j = 0; j < detail::sampling_columns; ++j) row(j) = static_cast<T>(numbers[j]);
  }

  SampleOptions options_;
  bool draws_;
  T low_, high_, known_at_start_ = 1;
  Tensor<index_t, 1, D> plan_;      // (S)
  Tensor<T, 2, D> table_;           // (S, 8)
  Tensor<index_t, 0, D> position_;  // number of the next step
  Tensor<index_t, 1, D> steps_;     // (B)
  Tensor<T, 3, D> x_, noise_, cond_, mask_;
  Tensor<T, 3, D> before_;  // x_0 of the step before, or empty
  Tape<T, D> tape_;
  index_t done_ = steps();  // calls of step() since start(); a graph's replays are no calls
};

}  // namespace longwave
