// math.hpp - elementary functions of one number that compilers can vectorise.
//
// float on the host: branch-free polynomials, so that a loop over math::exp(x[i]) becomes SIMD code without fast-math
// flags. double: the functions of <cmath>. On a device: CUDA's own.
//
//   float function   error bound (against double, over all finite x unless said; held by tests/core/math_test.cpp)
//   exp              2 ulp, denormal results included; infinity above 88.73, 0 below -103.98
//   expm1            2 ulp
//   log              2 ulp
//   log1p            2 ulp
//   tanh             3 ulp
//   sigmoid          3 ulp for x > -87
//   softplus         3 ulp for x > -87
//   erf              3 ulp, 1.5e-7 absolute
//   normal           cdf: 8 ulp, pdf: 3 ulp, both in their far tails too
//
// NaN in gives NaN out. Method: exp reduces x = n ln 2 + r, |r| <= ln 2 / 2; log reduces x = 2^k (1 + f), 1 + f in
// [sqrt(1/2), sqrt(2)); the normal distribution's tail is e^(-x^2/2) times a polynomial in 1 / (1 + 0.27 x).
// Coefficients: weighted least-maximum fits to 40-digit values, each rounded to float before the next was fitted.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "longwave/core/config.hpp"

namespace longwave::math {

namespace detail {

LONGWAVE_INLINE LONGWAVE_HD std::uint32_t to_bits(float x) { return __builtin_bit_cast(std::uint32_t, x); }
LONGWAVE_INLINE LONGWAVE_HD float from_bits(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }
LONGWAVE_INLINE LONGWAVE_HD float power_of_two(int n) {  // -126 <= n <= 127
  return from_bits(static_cast<std::uint32_t>(n + 127) << 23);
}

}  // namespace detail

// condition ? a : b, by masks for float. GCC turns the operator into branches, works out what follows a constant arm,
// and then cannot vectorise the loop around it.
LONGWAVE_INLINE LONGWAVE_HD float select(bool condition, float a, float b) {
  const std::uint32_t mask = 0u - static_cast<std::uint32_t>(condition);
  return detail::from_bits((detail::to_bits(a) & mask) | (detail::to_bits(b) & ~mask));
}
LONGWAVE_INLINE LONGWAVE_HD double select(bool condition, double a, double b) { return condition ? a : b; }

namespace detail {

LONGWAVE_INLINE LONGWAVE_HD float abs(float x) { return from_bits(to_bits(x) & 0x7fffffffu); }
LONGWAVE_INLINE LONGWAVE_HD float with_sign_of(float x, float sign) {
  return from_bits(to_bits(x) | (to_bits(sign) & 0x80000000u));
}
// A NaN compares false and so stays.
LONGWAVE_INLINE LONGWAVE_HD float at_most(float x, float high) { return select(x > high, high, x); }
LONGWAVE_INLINE LONGWAVE_HD float at_least(float x, float low) { return select(x < low, low, x); }

// a + b x + c x^2 + ...; no loop, which -O2 would leave inside the caller's and not vectorise.
template <class... C>
LONGWAVE_INLINE LONGWAVE_HD float polynomial(float x, float a, C... higher) {
  if constexpr (sizeof...(C) == 0)
    return a;
  else
    return a + x * polynomial(x, higher...);
}

// a + b = n ln 2 + r; returns n and e^r - 1. |b| is at most a few hundredths, |a| < 2^21.
struct ReducedExp {
  int n;
  float expm1_r;
};
LONGWAVE_INLINE LONGWAVE_HD ReducedExp reduce_exp(float a, float b = 0.0f) {
  constexpr float log2_e = std::numbers::log2e_v<float>;
  constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;  // n ln2_high is exact
  constexpr float to_integer = 0x1.8p23f;                             // adding it rounds: the low bits are n
  const int n = static_cast<int>(to_bits(a * log2_e + to_integer) - to_bits(to_integer));
  const float m = static_cast<float>(n);
  const float r = ((a - m * ln2_high) - m * ln2_low) + b;
  return {n,
          r + r * r * polynomial(r, 0x1.fffffep-2f, 0x1.5554b4p-3f, 0x1.5556f6p-5f, 0x1.122538p-7f, 0x1.6b97b6p-10f)};
}

// e^(a + b). The power of two is applied in halves: denormal results are rounded once, overflow gives infinity.
LONGWAVE_INLINE LONGWAVE_HD float exp_of_sum(float a, float b = 0.0f) {
  const ReducedExp e = reduce_exp(at_least(at_most(a, 89.0f), -104.0f), b);
  const int half = e.n >> 1;
  return (1.0f + e.expm1_r) * power_of_two(half) * power_of_two(e.n - half);
}

}  // namespace detail

LONGWAVE_INLINE LONGWAVE_HD float exp(float x) {
  if constexpr (LONGWAVE_ON_DEVICE)
    return std::exp(x);
  else
    return detail::exp_of_sum(x);
}
LONGWAVE_INLINE LONGWAVE_HD double exp(double x) { return std::exp(x); }

LONGWAVE_INLINE LONGWAVE_HD float expm1(float x) {
  if constexpr (LONGWAVE_ON_DEVICE) {
    return std::expm1(x);
  } else {  // 2^n (e^r - 1) + (2^n - 1), halved so that 2^128 stays finite on the way
    const detail::ReducedExp e = detail::reduce_exp(detail::at_least(detail::at_most(x, 89.0f), -26.0f));
    const float half = detail::power_of_two(e.n - 1);
    return 2.0f * (half * e.expm1_r + (half - 0.5f));
  }
}
LONGWAVE_INLINE LONGWAVE_HD double expm1(double x) { return std::expm1(x); }

LONGWAVE_INLINE LONGWAVE_HD float log(float x) {
  if constexpr (LONGWAVE_ON_DEVICE) {
    return std::log(x);
  } else {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;
    constexpr std::uint32_t sqrt_half = 0x3f3504f3u;
    const bool denormal = x < 0x1p-126f;
    const std::uint32_t bits = detail::to_bits(select(denormal, x * 0x1p23f, x));
    const int k = static_cast<int>(bits - sqrt_half) >> 23;
    const float f = detail::from_bits(bits - (static_cast<std::uint32_t>(k) << 23)) - 1.0f;
    const float exponent = static_cast<float>(k) - select(denormal, 23.0f, 0.0f);
    const float f2 = f * f;
    const float tail =
        f2 * f *
            detail::polynomial(f, 0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a476p-3f, -0x1.555c46p-3f, 0x1.233ba8p-3f,
                               -0x1.fc2886p-4f, 0x1.e6bf3ap-4f, -0x1.de02bep-4f, 0x1.1476p-4f) +
        exponent * ln2_low - 0.5f * f2;
    float y = exponent * ln2_high + (f + tail);
    y = select(x > 0.0f, y, std::numeric_limits<float>::quiet_NaN());
    y = select(x == 0.0f, -infinity, y);
    return select(x == infinity, infinity, y);
  }
}
LONGWAVE_INLINE LONGWAVE_HD double log(double x) { return std::log(x); }

LONGWAVE_INLINE LONGWAVE_HD float log1p(float x) {
  if constexpr (LONGWAVE_ON_DEVICE) {
    return std::log1p(x);
  } else {  // log(u) + what u = 1 + x lost in rounding
    const float u = 1.0f + x;
    const float lost = (x - (u - 1.0f)) / u;
    return log(u) + select(detail::abs(lost) < 1.0f, lost, 0.0f);
  }
}
LONGWAVE_INLINE LONGWAVE_HD double log1p(double x) { return std::log1p(x); }

LONGWAVE_INLINE LONGWAVE_HD float tanh(float x) {
  if constexpr (LONGWAVE_ON_DEVICE) {
    return std::tanh(x);
  } else {
    const float e = expm1(2.0f * detail::at_most(detail::abs(x), 10.0f));
    return detail::with_sign_of(e / (e + 2.0f), x);
  }
}
LONGWAVE_INLINE LONGWAVE_HD double tanh(double x) { return std::tanh(x); }

template <class T>
LONGWAVE_INLINE LONGWAVE_HD T sigmoid(T x) {
  return T(1) / (T(1) + math::exp(-x));
}

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
template <class T>
LONGWAVE_INLINE LONGWAVE_HD T softplus(T x) {
  return math::select(x < T(0), T(0), x) + math::log1p(math::exp(math::select(x < T(0), x, -x)));
}

// The standard normal distribution at x: cdf = (1 + erf(x / sqrt 2)) / 2, accurate in the lower tail, and its density.
template <class T>
struct Normal {
  T cdf;
  T pdf;
};

LONGWAVE_INLINE LONGWAVE_HD Normal<double> normal(double x) {
  return {0.5 * std::erfc(-x * (0.5 * std::numbers::sqrt2)),
          std::exp(-0.5 * x * x) * (0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi)};
}

LONGWAVE_INLINE LONGWAVE_HD Normal<float> normal(float x) {
  constexpr float density_at_0 = 0.398942280f;  // 1 / sqrt(2 pi)
  if constexpr (LONGWAVE_ON_DEVICE) {
    return {0.5f * std::erfc(-x * 0.707106781f), std::exp(-0.5f * x * x) * density_at_0};
  } else {
    // e^(-a^2/2) with a^2 = h^2 + (a - h)(a + h), h = a cut to 12 bits: h^2 is exact.
    const float a = detail::at_most(detail::abs(x), 15.0f);
    const float h = detail::from_bits(detail::to_bits(a) & 0xfffff000u);
    const float bell = detail::exp_of_sum(-0.5f * h * h, -0.5f * (a - h) * (a + h));
    const float t = 1.0f / (1.0f + 0.27f * a);
    const float tail = bell * (t * detail::polynomial(t, 0x1.b939a8p-4f, 0x1.b8790ep-4f, 0x1.a12b94p-4f, 0x1.268ad4p-4f,
                                                      0x1.baf04ap-4f, -0x1.1d4552p-4f, 0x1.5c78e6p-3f, -0x1.0364c6p-3f,
                                                      0x1.db0eb4p-6f));
    return {select(x < 0.0f, tail, 1.0f - tail), bell * density_at_0};
  }
}

LONGWAVE_INLINE LONGWAVE_HD float erf(float x) {
  if constexpr (LONGWAVE_ON_DEVICE) {
    return std::erf(x);
  } else {
    const float a = detail::abs(x);
    const float small = x * detail::polynomial(x * x, 0x1.20dd74p+0f, -0x1.81262ep-2f, 0x1.cdfd24p-4f, -0x1.b4dedep-6f,
                                               0x1.3c99f8p-8f, -0x1.004dp-11f, -0x1.93143ap-16f);
    const float large = 2.0f * normal(a * std::numbers::sqrt2_v<float>).cdf - 1.0f;
    return select(a < 1.0f, small, detail::with_sign_of(large, x));
  }
}
LONGWAVE_INLINE LONGWAVE_HD double erf(double x) { return std::erf(x); }

}  // namespace longwave::math
