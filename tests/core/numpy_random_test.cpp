#include "longwave/core/numpy_random.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("numpy_random: words are MT19937's") {
  for (const std::uint32_t seed : {0u, 1u, 42u, 5489u, 0xffffffffu}) {
    NumpyRandom random(seed);
    std::mt19937 want(seed);
    for (int i = 0; i < 2000; ++i) REQUIRE(random.word() == want());
  }
  NumpyRandom standard(5489);
  std::uint32_t last = 0;
  for (int i = 0; i < 10000; ++i) last = standard.word();
  CHECK(last == 4123659995u);  // the 10000th number of the generator's definition
}

// Printed by NumPy after numpy.random.seed(42).
TEST_CASE("numpy_random: rand and randn after seed 42") {
  NumpyRandom uniform(42), normal(42);
  for (const double want : {0.3745401188473625, 0.9507143064099162, 0.7319939418114051, 0.5986584841970366})
    CHECK(uniform.rand() == want);
  // log may differ in its last bit from one C library to another
  for (const double want : {0.4967141530112327, -0.13826430117118466, 0.6476885381006925, 1.5230298564080254})
    CHECK(std::abs(normal.randn() - want) <= 4e-16 * std::abs(want));
}

TEST_CASE("numpy_random: the second normal number of a pair waits for the next call") {
  NumpyRandom a(7), b(7);
  a.randn();
  CHECK(a.randn() != 0);
  for (int tries = 0; tries < 100; ++tries) {  // the same pair by hand
    const double x1 = 2 * b.rand() - 1, x2 = 2 * b.rand() - 1;
    if (x1 * x1 + x2 * x2 < 1) break;
  }
  CHECK(a.word() == b.word());  // both have used the same words
}

TEST_CASE("numpy_random: choice and permutation draw masked words until one fits") {
  NumpyRandom random(42), words(42);
  for (int i = 0; i < 200; ++i) {
    std::uint32_t want = words.word() & 63u;
    while (want > 47) want = words.word() & 63u;
    REQUIRE(random.choice(48) == want);
  }
  CHECK(NumpyRandom(1).choice(1) == 0);
  Tensor<int, 1> order(10), one(1), none(0);
  NumpyRandom shuffler(42);
  shuffler.permutation(order.view());
  const int want[10] = {8, 1, 5, 0, 7, 2, 9, 4, 3, 6};  // numpy.random.seed(42); numpy.random.permutation(10)
  CHECK(std::equal(want, want + 10, order.data()));
  shuffler.permutation(one.view());
  shuffler.permutation(none.view());
  CHECK(one(0) == 0);
  CHECK(error_text<ValueError>([&] { random.choice(0); }) == "NumpyRandom: choice of 0, expected 1 to 2^32");
}
