// residual.hpp - a series as what a simple guess leaves of it, so that a model starts where the guess ends.
//
//   linear     what is missing lies on the straight line between the known neighbours; beyond the ends, the nearest one
//   seasonal   .. is the nearest known value a whole number of periods away, of two the earlier; without one as linear
// Known entries are seen from the mean of the known entries of their channel. So a level that drifts from one window to
// the next is taken out as well.
//
//   guess(b, c, l)     from known entries alone, mask (.., C, L): 1 = known, 0 = missing
//   residual = (x - guess) / unit[c] where missing, x - guess where known
//
// On the host, in place, without an allocation.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "longwave/core/tensor.hpp"

namespace longwave {

enum class Guess { none, linear, seasonal };

// "none", "linear", "seasonal"
inline const char* name_of(Guess guess) {
  constexpr const char* names[] = {"none", "linear", "seasonal"};
  return names[static_cast<int>(guess)];
}
inline Guess guess_kind(const std::string& name) {
  for (const Guess guess : {Guess::none, Guess::linear, Guess::seasonal})
    if (name == name_of(guess)) return guess;
  throw_value_error("guess: '" + name + "' is not one of none, linear, seasonal");
}

namespace detail {

// The known positions next to l, -1 and L where there is none.
template <class T>
double guess_linear(TensorView<const T, 1> x, TensorView<const T, 1> mask, index_t l) {
  const index_t L = x.size(0);
  index_t before = l, after = l;
  while (before >= 0 && mask(before) == T(0)) --before;
  while (after < L && mask(after) == T(0)) ++after;
  if (before < 0 && after >= L) return 0;
  if (before < 0) return static_cast<double>(x(after));
  if (after >= L) return static_cast<double>(x(before));
  const double low = static_cast<double>(x(before)), high = static_cast<double>(x(after));
  return low + static_cast<double>(l - before) / static_cast<double>(after - before) * (high - low);
}

template <class T>
double guess_seasonal(TensorView<const T, 1> x, TensorView<const T, 1> mask, index_t period, index_t l) {
  for (index_t away = period; l - away >= 0 || l + away < x.size(0); away += period) {
    if (l - away >= 0 && mask(l - away) != T(0)) return static_cast<double>(x(l - away));
    if (l + away < x.size(0) && mask(l + away) != T(0)) return static_cast<double>(x(l + away));
  }
  return guess_linear(x, mask, l);
}

template <class T>
double known_mean(TensorView<const T, 1> x, TensorView<const T, 1> mask) {
  double sum = 0;
  index_t n = 0;
  for (index_t l = 0; l < x.size(0); ++l)
    if (mask(l) != T(0)) {
      sum += static_cast<double>(x(l));
      ++n;
    }
  return n > 0 ? sum / static_cast<double>(n) : 0.0;
}

}  // namespace detail

// guess, x, mask (C, L). What x holds where the mask is 0 is not looked at.
template <class T>
void make_guess(Guess kind, index_t period, TensorView<T, 2> guess, In<T, 2> x, In<T, 2> mask) {
  check_same_shape("make_guess", "guess", guess, "x", x);
  check_same_shape("make_guess", "mask", mask, "x", x);
  if (kind == Guess::seasonal && period < 1)
    throw_value_error("make_guess: period is " + std::to_string(period) + ", expected at least 1");
  for (index_t c = 0; c < x.size(0); ++c) {
    const double mean = kind == Guess::none ? 0 : detail::known_mean<T>(x[c], mask[c]);
    for (index_t l = 0; l < x.size(1); ++l) {
      double at = mean;
      if (kind != Guess::none && mask(c, l) == T(0))
        at = kind == Guess::linear ? detail::guess_linear<T>(x[c], mask[c], l)
                                   : detail::guess_seasonal<T>(x[c], mask[c], period, l);
      guess(c, l) = static_cast<T>(at);
    }
  }
}

// x (C, L) becomes its residual. unit (C), for missing entries.
template <class T>
void to_residual(TensorView<T, 2> x, In<T, 2> guess, In<T, 2> mask, const std::vector<double>& unit) {
  for (index_t c = 0; c < x.size(0); ++c)
    for (index_t l = 0; l < x.size(1); ++l) {
      const double of = mask(c, l) == T(0) ? unit[static_cast<std::size_t>(c)] : 1.0;
      x(c, l) = static_cast<T>((static_cast<double>(x(c, l)) - static_cast<double>(guess(c, l))) / of);
    }
}

// And back.
template <class T>
void from_residual(TensorView<T, 2> x, In<T, 2> guess, In<T, 2> mask, const std::vector<double>& unit) {
  for (index_t c = 0; c < x.size(0); ++c)
    for (index_t l = 0; l < x.size(1); ++l) {
      const double of = mask(c, l) == T(0) ? unit[static_cast<std::size_t>(c)] : 1.0;
      x(c, l) = static_cast<T>(static_cast<double>(x(c, l)) * of + static_cast<double>(guess(c, l)));
    }
}

// (C): the root mean square of what a guess is wrong by over the missing entries of all samples, x and mask (N, C, L);
// 1 where a channel has none, or the guess is right everywhere.
template <class T>
std::vector<double> residual_units(Guess kind, index_t period, TensorView<const T, 3> x, In<T, 3> mask) {
  check_same_shape("residual_units", "mask", mask, "x", x);
  Tensor<T, 2> guess(x.size(1), x.size(2));
  std::vector<double> square(static_cast<std::size_t>(x.size(1))), count(square), unit(square.size(), 1.0);
  for (index_t n = 0; n < x.size(0); ++n) {
    make_guess(kind, period, guess.view(), x[n], mask[n]);
    for (index_t c = 0; c < x.size(1); ++c)
      for (index_t l = 0; l < x.size(2); ++l) {
        if (mask(n, c, l) != T(0)) continue;
        const double wrong = static_cast<double>(x(n, c, l)) - static_cast<double>(guess(c, l));
        square[static_cast<std::size_t>(c)] += wrong * wrong;
        ++count[static_cast<std::size_t>(c)];
      }
  }
  for (std::size_t c = 0; c < unit.size(); ++c)
    if (square[c] > 0) unit[c] = std::sqrt(square[c] / count[c]);
  return unit;
}

}  // namespace longwave
