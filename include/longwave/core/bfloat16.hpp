// bfloat16.hpp - the upper 16 bits of a float: 8 bits of exponent, 8 of significand (one implied). For storage:
//
//   bfloat16 b(x);       // rounded to nearest, ties to even; relative error at most 2^-8; NaN stays NaN
//   float y = b + 1.0f;  // reads as the float with 16 zero bits behind, exactly; arithmetic is float's
//
// Numbers from 3.3961775e38 on become infinity. The exponents are float's, so nothing
// underflows that float holds, and every bfloat16 is exact in TF32. The same text on the host and on the device, whose
// kernels convert pairs by one instruction (kernels/bfloat16.cuh): equal bits but for the payload of NaNs.
#pragma once

#include <cstdint>
#include <type_traits>

#include "longwave/core/config.hpp"

namespace longwave {

class bfloat16 {
 public:
  bfloat16() = default;  // uninitialised, as float; bfloat16{} is zero
  LONGWAVE_HD explicit bfloat16(float x) : bits_(rounded(x)) {}
  // Through float, hence rounded twice.
  template <class U>
    requires(std::is_arithmetic_v<U> && !std::is_same_v<U, float>)
  LONGWAVE_HD explicit bfloat16(U x) : bfloat16(static_cast<float>(x)) {}

  LONGWAVE_HD static constexpr bfloat16 from_bits(std::uint16_t bits) {
    bfloat16 b{};
    b.bits_ = bits;
    return b;
  }
  LONGWAVE_HD constexpr std::uint16_t bits() const { return bits_; }

  LONGWAVE_HD constexpr operator float() const { return __builtin_bit_cast(float, std::uint32_t(bits_) << 16); }

  // Sums are rounded each time: for a few terms.
  LONGWAVE_HD bfloat16& operator+=(float x) { return *this = bfloat16(static_cast<float>(*this) + x); }

  // Adding 0x7fff, and one more after an odd number, carries into the upper half exactly where the value is rounded up.
  // A NaN keeps its sign and upper payload and is made quiet, so that cutting it leaves no infinity.
  LONGWAVE_HD static std::uint16_t rounded(float x) {
    const auto bits = __builtin_bit_cast(std::uint32_t, x);
    const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
    const std::uint32_t nearest = bits + 0x7fffu + (bits >> 16 & 1u);
    return static_cast<std::uint16_t>((nan ? bits | 0x400000u : nearest) >> 16);
  }

 private:
  std::uint16_t bits_;
};

static_assert(sizeof(bfloat16) == 2 && std::is_trivially_copyable_v<bfloat16> && std::is_trivial_v<bfloat16>);

// As std::numeric_limits, which is not for types like this one.
struct bfloat16_limits {
  static constexpr int digits = 8;  // of the significand, the implied one included
  LONGWAVE_HD static constexpr bfloat16 epsilon() { return bfloat16::from_bits(0x3c00); }     // 2^-7: of 1 to the next
  LONGWAVE_HD static constexpr bfloat16 min() { return bfloat16::from_bits(0x0080); }         // 2^-126, least normal
  LONGWAVE_HD static constexpr bfloat16 denorm_min() { return bfloat16::from_bits(0x0001); }  // 2^-133
  LONGWAVE_HD static constexpr bfloat16 max() { return bfloat16::from_bits(0x7f7f); }         // (2 - 2^-7) 2^127
  LONGWAVE_HD static constexpr bfloat16 infinity() { return bfloat16::from_bits(0x7f80); }
  LONGWAVE_HD static constexpr bfloat16 quiet_NaN() { return bfloat16::from_bits(0x7fc0); }
};

// The type that numbers stored as T are computed in, and that parameters beside them have.
template <class T>
using Arithmetic = std::conditional_t<std::is_same_v<T, bfloat16>, float, T>;

}  // namespace longwave
