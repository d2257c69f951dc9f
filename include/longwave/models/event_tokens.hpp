// event_tokens.hpp - the small maps of masked diffusion over events (sssd_categorical.hpp, categorical_sampler.hpp),
// the same text on the host and on the device: hiding events, drawing them, showing some of them.
//
//   x, mask (B, 1, L)   tokens, targets (B, L): 0 .. V-1, or V for hidden   scores (B, V, L)
#pragma once

#include <limits>

#include "longwave/core/each.hpp"
#include "longwave/core/math.hpp"
#include "longwave/core/random.hpp"
#include "longwave/core/view.hpp"

namespace longwave::detail {

inline constexpr index_t no_target = -100;
template <class T>
inline constexpr T never = -std::numeric_limits<T>::infinity();  // how sure a visible position is

// The event in x; V + 1, which no table has a row for, if it is none of 0 .. V-1.
template <class T>
LONGWAVE_HD index_t event_of(T x, index_t V) {
  const T rounded = x + T(0.5);
  return rounded >= T(0) && rounded < static_cast<T>(V) ? static_cast<index_t>(rounded) : V + 1;
}

// 1 where a token is an event, for i = b L + l.
template <class T, device D>
struct ShownTokens {
  static constexpr const char* name = "shown_tokens";
  TensorView<T, 3, D> shown;
  TensorView<const index_t, 2, D> tokens;
  index_t V;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / tokens.size(1), l = i % tokens.size(1);
    shown(b, 0, l) = tokens(b, l) == V ? T(0) : T(1);
  }
};

// A step in 0 .. T-1 from u in (0, 1), for i = b.
template <class T, device D>
struct DrawStep {
  static constexpr const char* name = "draw_step";
  TensorView<index_t, 1, D> steps;
  TensorView<const T, 1, D> u;
  index_t count;

  LONGWAVE_HD void operator()(index_t b) const {
    const auto step = static_cast<index_t>(static_cast<double>(u(b)) * static_cast<double>(count));
    steps(b) = step < count ? step : count - 1;
  }
};

// What training hides, for i = b L + l: of the events to be imputed those with u < (t + 1) / T, and the one with the
// smallest u. Targets are the hidden events.
template <class T, device D>
struct HideEvents {
  static constexpr const char* name = "hide_events";
  TensorView<index_t, 2, D> tokens, targets;
  TensorView<const T, 3, D> x, mask;
  TensorView<const T, 2, D> u;
  TensorView<const index_t, 1, D> steps;
  index_t count, V;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t L = tokens.size(1), b = i / L, l = i % L;
    const index_t event = event_of(x(b, 0, l), V);
    bool hidden = mask(b, 0, l) == T(0);
    if (hidden && !(static_cast<double>(u(b, l)) * static_cast<double>(count) < static_cast<double>(steps(b) + 1)))
      for (index_t j = 0; j < L; ++j)
        if (mask(b, 0, j) == T(0) && (u(b, j) < u(b, l) || (u(b, j) == u(b, l) && j < l))) hidden = false;
    tokens(b, l) = hidden ? V : event;
    targets(b, l) = hidden ? event : no_target;
  }
};

// Tokens to start from, for i = b L + l: known events, the others hidden.
template <class T, device D>
struct StartTokens {
  static constexpr const char* name = "start_tokens";
  TensorView<index_t, 2, D> tokens;
  TensorView<const T, 3, D> x, mask;
  index_t V;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / tokens.size(1), l = i % tokens.size(1);
    tokens(b, l) = mask(b, 0, l) == T(0) ? V : event_of(x(b, 0, l), V);
  }
};

// An event for every hidden position and how sure it is, for i = b L + l; visible ones are -infinity sure.
//   event = argmax_k score_k / temperature + Gumbel noise (temperature 0: the most probable one, without noise)
//   sure  = log p(event) + choice_noise Gumbel noise, or noise alone for a random order
template <class T, device D>
struct ChooseEvents {
  static constexpr const char* name = "choose_events";
  TensorView<index_t, 2, D> chosen;
  TensorView<T, 2, D> sure;
  TensorView<const T, 3, D> scores;
  TensorView<const index_t, 2, D> tokens;
  double temperature, choice_noise;
  bool random_order;
  PhiloxKey draw, order;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t V = scores.size(1), L = scores.size(2), b = i / L, l = i % L;
    chosen(b, l) = tokens(b, l);
    sure(b, l) = never<T>;
    if (tokens(b, l) != V) return;
    T largest = scores(b, 0, l);
    for (index_t k = 1; k < V; ++k)
      if (scores(b, k, l) > largest) largest = scores(b, k, l);
    double sum = 0, best = 0;
    index_t event = 0;
    double noise[4] = {};
    for (index_t k = 0; k < V; ++k) {
      const double score = static_cast<double>(scores(b, k, l) - largest);
      sum += math::exp(score);
      if (temperature > 0 && k % 4 == 0) gumbel(noise, draw, i * ((V + 3) / 4) + k / 4);
      const double value = temperature > 0 ? score / temperature + noise[k % 4] : score;
      if (k > 0 && !(value > best)) continue;
      best = value;
      event = k;
    }
    gumbel(noise, order, i);
    const double log_p = static_cast<double>(scores(b, event, l) - largest) - math::log(sum);
    chosen(b, l) = event;
    sure(b, l) = static_cast<T>(random_order ? noise[0] : log_p + choice_noise * noise[0]);
  }

 private:
  LONGWAVE_HD static void gumbel(double (&out)[4], PhiloxKey key, index_t index) {
    float u[4];
    philox_uniform(u, key, static_cast<std::uint64_t>(index));
    for (int j = 0; j < 4; ++j) out[j] = -math::log(-math::log(static_cast<double>(u[j])));
  }
};

// Shows the surest of the hidden positions, for i = b L + l, so that floor(n stay) of the n to be imputed stay hidden;
// of equally sure ones the first.
template <class T, device D>
struct ShowSurest {
  static constexpr const char* name = "show_surest";
  TensorView<index_t, 2, D> tokens;
  TensorView<const index_t, 2, D> chosen;
  TensorView<const T, 2, D> sure;
  TensorView<const T, 3, D> mask;
  double stay;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t L = sure.size(1), b = i / L, l = i % L;
    const T hidden = never<T>;
    if (sure(b, l) == hidden) return;
    index_t missing = 0, now = 0, before = 0;  // before: surer than this one
    for (index_t j = 0; j < L; ++j) {
      missing += mask(b, 0, j) == T(0) ? 1 : 0;
      now += sure(b, j) != hidden ? 1 : 0;
      before += sure(b, j) > sure(b, l) || (sure(b, j) == sure(b, l) && j < l) ? 1 : 0;
    }
    const auto left = static_cast<index_t>(static_cast<double>(missing) * stay);
    if (before < now - left) tokens(b, l) = chosen(b, l);
  }
};

// Tokens as numbers, for i = b L + l.
template <class T, device D>
struct TokenValues {
  static constexpr const char* name = "token_values";
  TensorView<T, 3, D> x;
  TensorView<const index_t, 2, D> tokens;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / tokens.size(1), l = i % tokens.size(1);
    x(b, 0, l) = static_cast<T>(tokens(b, l));
  }
};

}  // namespace longwave::detail
