// numpy_random.hpp - the random numbers of NumPy's classic global generator (numpy.random.seed, rand, randn, choice,
// permutation), bit for bit: for data sets that are defined by a seed of that generator.
//
// MT19937 (Matsumoto and Nishimura 1998), seeded with one 32-bit word:
//   rand          (a 2^26 + b) / 2^53 of two words shifted right by 5 and by 6
//   randn         polar method; the second number of each pair is kept for the next call
//   choice(n)     words & mask, the smallest 2^k - 1 >= n - 1, until one is below n
//   permutation   Fisher-Yates from the end with such draws
//
// randn calls log: another C library may differ in its last bit. Everything else is exact arithmetic. For new work use
// Generator (core/random.hpp), which is the same on every device and for any number of threads.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "longwave/core/view.hpp"

namespace longwave {

namespace detail {

// a b rounded to double before anything is added: NumPy's sums are not fused, whatever this is compiled for.
inline double rounded_product(double a, double b) {
  volatile double product = a * b;
  return product;
}

}  // namespace detail

class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) {
    state_[0] = seed;
    for (std::uint32_t i = 1; i < size; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }

  // The next 32 bits.
  std::uint32_t word() {
    if (at_ == size) refill();
    std::uint32_t y = state_[at_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }

  // Uniform in [0, 1).
  double rand() {
    const std::uint32_t a = word() >> 5, b = word() >> 6;
    return (static_cast<double>(a) * 0x1p26 + static_cast<double>(b)) * 0x1p-53;
  }

  // Standard normal.
  double randn() {
    if (has_kept_) {
      has_kept_ = false;
      return kept_;
    }
    double x1, x2, square;
    do {
      x1 = 2 * rand() - 1;
      x2 = 2 * rand() - 1;
      square = detail::rounded_product(x1, x1) + detail::rounded_product(x2, x2);
    } while (square >= 1 || square == 0);
    const double f = std::sqrt(-2 * std::log(square) / square);
    kept_ = f * x1;
    has_kept_ = true;
    return f * x2;
  }

  // 0 .. n-1 with equal chances.
  std::uint32_t choice(std::int64_t n) {
    if (n < 1 || n > (std::int64_t(1) << 32))
      throw_value_error("NumpyRandom: choice of " + std::to_string(n) + ", expected 1 to 2^32");
    return up_to(static_cast<std::uint32_t>(n - 1));
  }

  // 0 .. n-1 in random order.
  template <class I>
  void permutation(TensorView<I, 1> out) {
    for (index_t i = 0; i < out.size(0); ++i) out(i) = static_cast<I>(i);
    for (index_t i = out.size(0) - 1; i > 0; --i)
      std::swap(out(i), out(static_cast<index_t>(up_to(static_cast<std::uint32_t>(i)))));
  }

 private:
  static constexpr std::uint32_t size = 624, shift = 397;

  void refill() {
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % size] & 0x7fffffffu);
      state_[i] = state_[(i + shift) % size] ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
    }
    at_ = 0;
  }

  // Uniform in [0, last]; no word is drawn where there is nothing to choose.
  std::uint32_t up_to(std::uint32_t last) {
    if (last == 0) return 0;
    std::uint32_t mask = last;
    for (int bits = 1; bits < 32; bits *= 2) mask |= mask >> bits;
    std::uint32_t draw = word() & mask;
    while (draw > last) draw = word() & mask;
    return draw;
  }

  std::uint32_t state_[size];
  std::uint32_t at_ = size;
  double kept_ = 0;
  bool has_kept_ = false;
};

}  // namespace longwave
