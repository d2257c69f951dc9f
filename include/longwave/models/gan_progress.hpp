// gan_progress.hpp - what the losses of a GAN say: when to stop, and which pattern they show.
//
// With BCE and logits an undecided discriminator, the equilibrium, has L_D = 2 ln 2 = 1.3863 and L_G = ln 2 = 0.6931.
// An untrained pair has the same losses, so being there counts only after having been elsewhere. gan-io stops and tunes
// towards L_D = 0.5, which a discriminator reaches that wins; the rules normal and adv keep that target by default.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include "longwave/core/error.hpp"
#include "longwave/core/names.hpp"

namespace longwave {

// Means over an epoch.
struct GanLosses {
  double discriminator;
  double generator;
};

inline constexpr GanLosses gan_equilibrium{2 * std::numbers::ln2, std::numbers::ln2};

// The larger of |L_D - 2 ln 2| and |L_G - ln 2|.
inline double equilibrium_distance(const GanLosses& losses) {
  return std::max(std::abs(losses.discriminator - gan_equilibrium.discriminator),
                  std::abs(losses.generator - gan_equilibrium.generator));
}

// --- early stopping ---------------------------------------------------------------------------------------------

// normal   the discriminator's loss was more than 0.3 from its target an epoch ago and is closer than 0.05 now
// adv      |L_D - target| and L_G: both without an improvement for 12 epochs, or over the last 10 both with a deviation
//          below 1e-3, or both risen by more than 1e-3 from first to last
// eq       both losses within 0.05 of the equilibrium for 3 epochs, after one of them was more than 0.1 away
enum class GanStopRule { off, normal, adv, eq };

inline constexpr Named<GanStopRule> gan_stop_rules[] = {
    {"off", GanStopRule::off}, {"normal", GanStopRule::normal}, {"adv", GanStopRule::adv}, {"eq", GanStopRule::eq}};

class GanStopping {
 public:
  static constexpr std::size_t window = 10;
  static constexpr int patience = 12, hold = 3;
  static constexpr double improvement = 1e-4, flat = 1e-3, drift = 1e-3;
  static constexpr double far = 0.3, near = 0.05, left_equilibrium = 0.1;

  explicit GanStopping(GanStopRule rule, double target = 0.5) : rule_(rule), target_(target) {
    if (!std::isfinite(target)) throw_value_error("GanStopping: the target is not a finite number");
  }

  // To be told every epoch's losses in turn; true: stop after this one. reason() then says why.
  bool stop(const GanLosses& losses) {
    epochs_.push_back(losses);
    reason_ = rule_ == GanStopRule::normal ? normal()
              : rule_ == GanStopRule::adv  ? advanced()
              : rule_ == GanStopRule::eq   ? equilibrium()
                                           : nullptr;
    return reason_ != nullptr;
  }

  const char* reason() const { return reason_ != nullptr ? reason_ : ""; }
  std::span<const GanLosses> epochs() const { return epochs_; }

 private:
  // One of the two numbers that adv minimises.
  struct Objective {
    double best = INFINITY;
    int stale = 0;  // epochs since the last improvement
    std::vector<double> values;

    void add(double value) {
      values.push_back(value);
      stale = value < best - improvement ? 0 : stale + 1;
      if (stale == 0) best = value;
    }
    double rise() const { return values.back() - values[values.size() - window]; }
    double deviation() const {
      double mean = 0, square = 0;
      for (std::size_t i = values.size() - window; i < values.size(); ++i) mean += values[i] / window;
      for (std::size_t i = values.size() - window; i < values.size(); ++i)
        square += (values[i] - mean) * (values[i] - mean) / window;
      return std::sqrt(square);
    }
  };

  double off_target(const GanLosses& losses) const { return std::abs(losses.discriminator - target_); }

  const char* normal() const {
    if (epochs_.size() < 2) return nullptr;
    const bool arrives = off_target(epochs_[epochs_.size() - 2]) > far && off_target(epochs_.back()) < near;
    return arrives ? "the discriminator's loss has come to its target" : nullptr;
  }

  const char* advanced() {
    first_.add(off_target(epochs_.back()));
    second_.add(epochs_.back().generator);
    if (first_.stale >= patience && second_.stale >= patience) return "no improvement of either loss for 12 epochs";
    if (epochs_.size() < window) return nullptr;
    if (first_.deviation() < flat && second_.deviation() < flat) return "both losses have stood still for 10 epochs";
    if (first_.rise() > drift && second_.rise() > drift) return "both losses have risen over 10 epochs";
    return nullptr;
  }

  const char* equilibrium() {
    const double distance = equilibrium_distance(epochs_.back());
    left_ = left_ || distance > left_equilibrium;
    held_ = left_ && distance < near ? held_ + 1 : 0;
    return held_ >= hold ? "both losses have been at their equilibrium for 3 epochs" : nullptr;
  }

  GanStopRule rule_;
  double target_;
  std::vector<GanLosses> epochs_;
  const char* reason_ = nullptr;
  Objective first_, second_;
  bool left_ = false;
  int held_ = 0;
};

// --- patterns -----------------------------------------------------------------------------------------------------

enum class GanPattern { too_few, moving, balanced, idle, discriminator_winning, generator_winning, oscillating, stuck };

struct GanDiagnosis {
  GanPattern pattern;
  const char* name;
  const char* advice;
};

namespace detail {

// One loss over a window: its mean, its deviation, that around a straight line, and how often it turns.
struct LossShape {
  double mean = 0, deviation = 0, residual = 0;
  int turns = 0;

  template <class Value>
  LossShape(std::span<const GanLosses> epochs, Value value) {
    const double n = static_cast<double>(epochs.size()), middle = (n - 1) / 2;
    double slope = 0, spread = 0;
    for (const GanLosses& e : epochs) mean += value(e) / n;
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      const double at = static_cast<double>(i) - middle;
      slope += at * (value(epochs[i]) - mean);
      spread += at * at;
    }
    slope /= spread;
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      const double off = value(epochs[i]) - mean, left = off - slope * (static_cast<double>(i) - middle);
      deviation += off * off / n;
      residual += left * left / n;
    }
    deviation = std::sqrt(deviation);
    residual = std::sqrt(residual);
    double direction = 0;
    for (std::size_t i = 1; i < epochs.size(); ++i) {
      const double step = value(epochs[i]) - value(epochs[i - 1]);
      if (step == 0) continue;
      turns += step * direction < 0 ? 1 : 0;
      direction = step;
    }
  }
};

inline GanPattern gan_pattern(std::span<const GanLosses> epochs) {
  constexpr std::size_t window = 10, fewest = 5;
  if (epochs.size() < fewest) return GanPattern::too_few;
  const auto last = epochs.last(std::min(window, epochs.size()));
  const LossShape d(last, [](const GanLosses& e) { return e.discriminator; });
  const LossShape g(last, [](const GanLosses& e) { return e.generator; });
  if ((d.residual > 0.1 && d.turns >= 3) || (g.residual > 0.2 && g.turns >= 3)) return GanPattern::oscillating;
  if (d.mean < 0.7 && g.mean > 1.4) return GanPattern::discriminator_winning;
  if (d.mean > 1.5 && g.mean < 0.5) return GanPattern::generator_winning;
  double farthest = 0;
  for (const GanLosses& e : epochs) farthest = std::max(farthest, equilibrium_distance(e));
  if (farthest < 0.03) return GanPattern::idle;
  if (equilibrium_distance({d.mean, g.mean}) < 0.1) return GanPattern::balanced;
  return d.deviation < 0.02 && g.deviation < 0.02 ? GanPattern::stuck : GanPattern::moving;
}

}  // namespace detail

// What the epochs so far, the last ten of them above all, look like, and what helps (docs/gan_tuning.md).
inline GanDiagnosis diagnose_gan(std::span<const GanLosses> epochs) {
  const GanPattern pattern = detail::gan_pattern(epochs);
  switch (pattern) {
    case GanPattern::too_few:
      return {pattern, "too few epochs", "Wait for five epochs."};
    case GanPattern::moving:
      return {pattern, "moving", "Neither network wins and the losses still move: train on."};
    case GanPattern::balanced:
      return {
          pattern, "balanced",
          "The discriminator is undecided, as at the equilibrium: compare MMD between checkpoints and keep the best."};
    case GanPattern::idle:
      return {pattern, "idle",
              "Both losses stand where an untrained pair starts: raise both learning rates, or train for longer."};
    case GanPattern::discriminator_winning:
      return {pattern, "discriminator winning",
              "Lower lrD or raise lrG, raise g_updates, or add instance noise. A discriminator loss near 0.5 is this "
              "pattern, not an equilibrium."};
    case GanPattern::generator_winning:
      return {pattern, "generator winning",
              "Raise lrD or d_updates, or lower g_updates: the discriminator no longer says what is wrong."};
    case GanPattern::oscillating:
      return {pattern, "oscillating", "Lower both learning rates, enlarge the batch, or add instance noise."};
    case GanPattern::stuck:
      return {
          pattern, "stuck at the wrong equilibrium",
          "The losses stand still away from 2 ln 2 and ln 2: raise lrG, add an MMD term, or start from another seed; "
          "more epochs alone do not help."};
  }
  return {pattern, "", ""};
}

}  // namespace longwave
