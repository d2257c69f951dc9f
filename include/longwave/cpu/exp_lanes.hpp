// exp_lanes.hpp - e^x of one register of numbers x <= 0, float or double.
//
// x = n ln 2 + r, |r| <= ln 2 / 2; e^r is Taylor's polynomial, whose remainder is 2e-16 (degree 12, double) or 5e-9
// (degree 7, float) of e^r; 2^n is made of its bits. Error at most 2 ulp. Below the smallest normal number (x < -708,
// -87) the result is about that number, not 0. NaN gives NaN.
#pragma once

#include <cstdint>
#include <numbers>
#include <type_traits>

#include "longwave/cpu/simd.hpp"

namespace longwave::simd {

namespace detail {

template <class T>
struct ExpNumbers;
template <>
struct ExpNumbers<double> {
  using Integer = std::uint64_t;
  static constexpr int degree = 12, mantissa_bits = 52, bias = 1023;
  static constexpr double lowest = -708, to_integer = 0x1.8p52;  // adding it rounds: the low bits are n
  static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;  // n ln2_high is exact
};
template <>
struct ExpNumbers<float> {
  using Integer = std::uint32_t;
  static constexpr int degree = 7, mantissa_bits = 23, bias = 127;
  static constexpr float lowest = -87, to_integer = 0x1.8p23f;
  static constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;
};

constexpr double factorial(int k) { return k < 2 ? 1.0 : k * factorial(k - 1); }

// The terms from K on: 1 / K! + r / (K + 1)! + ...
template <class T, int K = 0>
inline Lanes<T> taylor_exp(Lanes<T> r) {
  constexpr T coefficient = static_cast<T>(1 / factorial(K));
  if constexpr (K == ExpNumbers<T>::degree)
    return broadcast(coefficient);
  else
    return coefficient + r * taylor_exp<T, K + 1>(r);
}

}  // namespace detail

template <class T>
inline Lanes<T> exp_nonpositive(Lanes<T> x) {
  using N = detail::ExpNumbers<T>;
  typedef typename N::Integer Bits __attribute__((vector_size(register_bytes)));
  const Lanes<T> low = broadcast(N::lowest);
  x = x < low ? low : x;
  const Lanes<T> shifted = x * std::numbers::log2e_v<T> + N::to_integer;
  const Lanes<T> n = shifted - N::to_integer;
  const Lanes<T> r = (x - n * N::ln2_high) - n * N::ln2_low;
  Bits bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + N::bias) << N::mantissa_bits;
  Lanes<T> power;
  std::memcpy(&power, &bits, sizeof power);
  return detail::taylor_exp<T>(r) * power;
}

}  // namespace longwave::simd
