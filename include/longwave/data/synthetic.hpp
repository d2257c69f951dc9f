// synthetic.hpp - tasks that need no data: adding, copying, delay, reconstruction. Each has
//
//   fill(x, y, key, first)     items first .. first + B - 1 of the draw `key` into a batch
//   make(n, key)               n items as a SequenceSet
//
// Item i of a key is always the same. Fresh items for every epoch: key.draw = epoch.
//
//   adding       x (B, 2, L): uniform numbers, and two marks 1, one in each half; y (B, 1): the sum of the marked two
//   copying      x (B, M + L + M): M tokens of 1 .. A-2, L zeros, M markers A-1; y (B, M): the tokens. variable: the
//                tokens stand at random among the first M + L; reverse: y is backwards
//   delay        x (B, 1, L): a white signal; y (B, L): the same `lag` steps later, zeros first
//   reconstruct  x (B, 1, L): a white signal; y (B, lag): its last `lag` values
//
// White signal of L samples every dt (the S4 repository's): n = ceil(L / 2) and complex coefficients c_0 .. c_n, parts
// normal with deviation rms sqrt(1/2), c_0 = 0, Im c_n = 0, those above `frequency` 0; divided by sqrt(1 - zeroed / n),
// times sqrt(2 n), inverse real FFT of 2 n points, minus the first sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "longwave/data/draws.hpp"
#include "longwave/data/sequence_set.hpp"
#include "longwave/ops/fft.hpp"

namespace longwave {

struct WhiteSignal {
  double dt = 1e-3;
  double frequency = 100;  // highest
  double rms = 0.5;
};

// Rows x (B, L): signals first .. first + B - 1 of the key.
template <class T>
void white_signals(TensorView<T, 2> x, const WhiteSignal& how, PhiloxKey key, index_t first = 0) {
  const index_t B = x.size(0), L = x.size(1), n = (L + 1) / 2;
  if (L < 1 || !(how.dt > 0) || !(how.frequency > 0) || !(how.rms > 0))
    throw_value_error("white_signals: x is " + to_string(x.sizes(), "BL") + ", dt " + std::to_string(how.dt) +
                      ", frequency " + std::to_string(how.frequency) + ", rms " + std::to_string(how.rms) +
                      "; all must be above 0");
  index_t kept = 0;  // coefficients 0 .. kept - 1
  while (kept <= n && static_cast<double>(kept) / (static_cast<double>(2 * n) * how.dt) <= how.frequency) ++kept;
  const double share = 1 - static_cast<double>(n + 1 - kept) / static_cast<double>(n);
  const double scale = how.rms * std::sqrt(0.5 * static_cast<double>(2 * n)) / (share > 0 ? std::sqrt(share) : 1);
  constexpr index_t block = 64;
  Tensor<complex<double>, 2> c(std::min(B, block), n + 1);
  Tensor<double, 2> signal(std::min(B, block), 2 * n);
  for (index_t begin = 0; begin < B; begin += block) {
    const index_t rows = std::min(block, B - begin);
    parallel_blocks(rows, 1, [&](index_t from, index_t to) {
      for (index_t b = from; b < to; ++b)
        for (index_t k = 1; k < kept; ++k) {
          double normal[2];
          philox_normal(normal, key, static_cast<std::uint64_t>((first + begin + b) * (n + 1) + k));
          c(b, k) = {scale * normal[0], k == n ? 0 : scale * normal[1]};
        }
    });
    const TensorView<double, 2> out = signal.view().slice(0, 0, rows);
    ops::Irfft::forward(out, c.view().slice(0, 0, rows));
    for (index_t b = 0; b < rows; ++b)
      for (index_t l = 0; l < L; ++l) x(begin + b, l) = static_cast<T>(out(b, l) - out(b, 0));
  }
}

namespace detail {

inline void check_task(const char* task, bool good, const std::string& sizes) {
  if (!good) throw_value_error(std::string(task) + ": " + sizes + " cannot be");
}
template <int N, int M>
void check_task_batch(const char* task, const Extents<N>& x, const Extents<N>& want_x, const Extents<M>& y,
                      const Extents<M>& want_y) {
  if (x != want_x || y != want_y)
    throw_shape_error(std::string(task) + ": a batch is x " + to_string(want_x) + ", y " + to_string(want_y) +
                      ", not x " + to_string(x) + ", y " + to_string(y));
}

// A set of n items of one length, filled by the task.
template <class Task, class X, class Y>
SequenceSet<X, Y> make_set(const Task& task, SequenceSet<X, Y> set, index_t n, index_t L, PhiloxKey key) {
  if (n < 1) throw_value_error(set.name + ": a set of " + std::to_string(n) + " items");
  set.values.resize(static_cast<std::size_t>(n * set.channels * L));
  set.y.resize(static_cast<std::size_t>(n * set.targets));
  for (index_t i = 1; i <= n; ++i) set.offsets.push_back(i * L);
  const TensorView<Y, 2> y(set.y.data(), Extents<2>{n, set.targets});
  if constexpr (std::is_integral_v<X>)
    task.fill(TensorView<X, 2>(set.values.data(), Extents<2>{n, L}), y, key);
  else
    task.fill(TensorView<X, 3>(set.values.data(), Extents<3>{n, set.channels, L}), y, key);
  return set;
}

}  // namespace detail

struct AddingTask {
  index_t length = 1000;

  template <class T>
  void fill(TensorView<T, 3> x, TensorView<T, 2> y, PhiloxKey key, index_t first = 0) const {
    const index_t B = x.size(0), L = length;
    detail::check_task("adding", L >= 2, "a length of " + std::to_string(L));
    detail::check_task_batch("adding", x.sizes(), {B, 2, L}, y.sizes(), {B, 1});
    parallel_blocks(B, 16, [&](index_t begin, index_t end) {
      for (index_t b = begin; b < end; ++b) {
        Draws draws(key, first + b);
        for (index_t l = 0; l < L; ++l) {
          x(b, 0, l) = draws.uniform<T>();
          x(b, 1, l) = 0;
        }
        const index_t one = draws.below(L / 2), two = L / 2 + draws.below(L - L / 2);
        x(b, 1, one) = x(b, 1, two) = 1;
        y(b, 0) = x(b, 0, one) + x(b, 0, two);
      }
    });
  }
  SequenceSet<float, float> make(index_t n, PhiloxKey key) const {
    return detail::make_set(*this, SequenceSet<float, float>{.name = "adding", .channels = 2}, n, length, key);
  }
};

struct CopyingTask {
  index_t gap = 1000;     // L
  index_t tokens = 10;    // M
  index_t alphabet = 10;  // A
  bool variable = false;
  bool reverse = false;

  index_t length() const { return gap + 2 * tokens; }

  // I, J: integers.
  template <class I, class J>
  void fill(TensorView<I, 2> x, TensorView<J, 2> y, PhiloxKey key, index_t first = 0) const {
    const index_t B = x.size(0), M = tokens;
    detail::check_task("copying", gap >= 0 && M >= 1 && alphabet >= 3 && alphabet <= 65536,
                       std::to_string(M) + " tokens of an alphabet of " + std::to_string(alphabet) + " over a gap of " +
                           std::to_string(gap));
    detail::check_task_batch("copying", x.sizes(), {B, length()}, y.sizes(), {B, M});
    for (index_t b = 0; b < B; ++b) {
      Draws draws(key, first + b);
      for (index_t l = 0; l < length(); ++l) x(b, l) = static_cast<I>(l < gap + M ? 0 : alphabet - 1);
      index_t at = 0;
      for (index_t m = 0; m < M; ++m, ++at) {
        // Each of the places left is one of the m missing ones with equal chance: a random subset in order.
        while (variable && draws.below(gap + M - at) >= M - m) ++at;
        const index_t token = 1 + draws.below(alphabet - 2);
        x(b, at) = static_cast<I>(token);
        y(b, reverse ? M - 1 - m : m) = static_cast<J>(token);
      }
    }
  }
  TokenSet make(index_t n, PhiloxKey key) const {
    return detail::make_set(*this,
                            TokenSet{.name = "copying", .targets = tokens, .classes = alphabet, .vocabulary = alphabet},
                            n, length(), key);
  }
};

struct DelayTask {
  index_t length = 4000;
  index_t lag = 1000;
  WhiteSignal signal = {.dt = 2.5e-4, .frequency = 1000};

  template <class T>
  void fill(TensorView<T, 3> x, TensorView<T, 2> y, PhiloxKey key, index_t first = 0) const {
    const index_t B = x.size(0), L = length;
    detail::check_task("delay", L >= 1 && lag >= 0 && lag <= L,
                       "a lag of " + std::to_string(lag) + " in " + std::to_string(L));
    detail::check_task_batch("delay", x.sizes(), {B, 1, L}, y.sizes(), {B, L});
    white_signals(TensorView<T, 2>(x.data(), {B, L}, {x.stride(0), x.stride(2)}), signal, key, first);
    for (index_t b = 0; b < B; ++b)
      for (index_t l = 0; l < L; ++l) y(b, l) = l < lag ? T(0) : x(b, 0, l - lag);
  }
  SequenceSet<float, float> make(index_t n, PhiloxKey key) const {
    return detail::make_set(*this, SequenceSet<float, float>{.name = "delay", .targets = length}, n, length, key);
  }
};

struct ReconstructTask {
  index_t length = 4000;
  index_t lag = 1000;
  WhiteSignal signal = {.dt = 1e-3, .frequency = 100};

  template <class T>
  void fill(TensorView<T, 3> x, TensorView<T, 2> y, PhiloxKey key, index_t first = 0) const {
    const index_t B = x.size(0), L = length;
    detail::check_task("reconstruct", L >= 1 && lag >= 1 && lag <= L,
                       "the last " + std::to_string(lag) + " of " + std::to_string(L));
    detail::check_task_batch("reconstruct", x.sizes(), {B, 1, L}, y.sizes(), {B, lag});
    white_signals(TensorView<T, 2>(x.data(), {B, L}, {x.stride(0), x.stride(2)}), signal, key, first);
    for (index_t b = 0; b < B; ++b)
      for (index_t l = 0; l < lag; ++l) y(b, l) = x(b, 0, L - lag + l);
  }
  SequenceSet<float, float> make(index_t n, PhiloxKey key) const {
    return detail::make_set(*this, SequenceSet<float, float>{.name = "reconstruct", .targets = lag}, n, length, key);
  }
};

}  // namespace longwave
