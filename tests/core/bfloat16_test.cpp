#include "longwave/core/bfloat16.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

float with_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint16_t bits_of(float x) { return bfloat16(x).bits(); }

}  // namespace

TEST_CASE("bfloat16: all 65,536 patterns go to float and back unchanged, NaN stays NaN") {
  int changed = 0, nan = 0;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float x = bfloat16::from_bits(bits);
    if (std::isnan(x)) {
      ++nan;
      const bfloat16 back(x);
      const bool quiet_same = back.bits() == (bits | 0x40);  // sign and payload are kept
      changed += !(std::isnan(static_cast<float>(back)) && quiet_same);
    } else {
      changed += bits_of(x) != bits;
    }
  }
  CHECK(changed == 0);
  CHECK(nan == 2 * 127);
}

TEST_CASE("bfloat16: between two neighbours the nearer one, and of a tie the even one") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 0x7f80; ++i)  // each finite number, its upper neighbour i + 1 (or infinity)
    for (const std::uint32_t sign : {0u, 0x8000u}) {
      const std::uint32_t low = (i | sign) << 16, up = i + 1;
      wrong += bits_of(with_bits(low | 0x0001)) != (i | sign);
      wrong += bits_of(with_bits(low | 0x7fff)) != (i | sign);
      wrong += bits_of(with_bits(low | 0x8000)) != ((i % 2 == 0 ? i : up) | sign);
      wrong += bits_of(with_bits(low | 0x8001)) != (up | sign);
      wrong += bits_of(with_bits(low | 0xffff)) != (up | sign);
    }
  CHECK(wrong == 0);
}

TEST_CASE("bfloat16: a NaN whose payload lies in the lower half stays NaN") {
  for (const std::uint32_t bits : {0x7f800001u, 0xff800001u, 0x7f80ffffu, 0x7fffffffu, 0xffffffffu})
    CHECK(std::isnan(static_cast<float>(bfloat16(with_bits(bits)))));
}

TEST_CASE("bfloat16: rounding is off by half an ulp at most and keeps the order") {
  const auto x = random<float>(Extents<1>{10000}, 1, 100.0f);
  for (index_t i = 0; i < x.count(); ++i) {
    const float y = bfloat16(x(i));
    if (!(std::abs(y - x(i)) <= 0x1p-8f * std::abs(x(i)))) FAIL(x(i) << " became " << y);
    const float next = std::nextafter(x(i), INFINITY);
    if (!(static_cast<float>(bfloat16(next)) >= y)) FAIL("order at " << x(i));
  }
}

TEST_CASE("bfloat16: its constants, infinities and zeros") {
  using Limits = bfloat16_limits;
  CHECK(Limits::epsilon() == 0x1p-7f);
  CHECK(Limits::min() == std::numeric_limits<float>::min());
  CHECK(Limits::denorm_min() == 0x1p-133f);
  CHECK(Limits::max() == 0x1.fep127f);
  CHECK(Limits::infinity() == INFINITY);
  CHECK(std::isnan(static_cast<float>(Limits::quiet_NaN())));
  CHECK(bits_of(INFINITY) == 0x7f80);
  CHECK(bits_of(-INFINITY) == 0xff80);
  CHECK(bits_of(-0.0f) == 0x8000);
  CHECK(bits_of(std::numeric_limits<float>::max()) == 0x7f80);  // nearer to the power of two behind
  CHECK(bits_of(0x1.fep127f) == 0x7f7f);
  CHECK(bits_of(std::numeric_limits<float>::denorm_min()) == 0);
  CHECK(bfloat16{}.bits() == 0);
  CHECK(bfloat16(1).bits() == 0x3f80);
  CHECK(bfloat16(0.1).bits() == 0x3dcd);
  bfloat16 sum(1.0f);
  sum += 0x1p-7f;
  CHECK(sum == 1 + 0x1p-7f);
  sum += 0x1p-9f;  // lost: less than half an ulp
  CHECK(sum == 1 + 0x1p-7f);
}
