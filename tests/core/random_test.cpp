#include "longwave/core/random.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"

using namespace longwave;
using longwave::test::error_text;

namespace {

struct Moments {
  double mean, variance, lowest, highest;
};

template <class T, int N>
Moments moments(const Tensor<T, N>& x) {
  double sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
  for (index_t i = 0; i < x.count(); ++i) {
    const double v = static_cast<double>(x.data()[i]);
    sum += v;
    squares += v * v;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  const double n = static_cast<double>(x.count()), mean = sum / n;
  return {mean, squares / n - mean * mean, low, high};
}

template <class T, int N>
bool same_bits(const Tensor<T, N>& a, const Tensor<T, N>& b) {
  return a.sizes() == b.sizes() && std::equal(a.data(), a.data() + a.count(), b.data());
}

constexpr index_t many = 200000;

}  // namespace

TEST_CASE("random: Philox4x32-10 gives the known answers of Random123") {
  struct Case {
    PhiloxKey key;
    std::uint64_t index;
    std::uint32_t words[4];
  };
  const std::uint64_t ones = ~std::uint64_t(0);
  const std::uint32_t one = ~std::uint32_t(0);
  const Case cases[] = {
      {{0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{ones, one, one}, ones, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      // the digits of pi: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0
      {{0x299f31d0a4093822, 0x03707344, 0x13198a2e},
       0x85a308d3243f6a88,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Case& c : cases) {
    const PhiloxWords words = philox(c.key, c.index);
    for (int i = 0; i < 4; ++i) CHECK(words.word[i] == c.words[i]);
  }
}

TEMPLATE_TEST_CASE("random: the unit interval is open at both ends", "", float, double) {
  const PhiloxWords none = {{0, 0, 0, 0}};
  const std::uint32_t one = ~std::uint32_t(0);
  const PhiloxWords all = {{one, one, one, one}};
  CHECK(detail::unit_interval<TestType>(none, 0) > TestType(0));
  CHECK(detail::unit_interval<TestType>(all, 0) < TestType(1));
  CHECK(detail::unit_interval<TestType>(none, 0) == TestType(1) - detail::unit_interval<TestType>(all, 0));
}

TEMPLATE_TEST_CASE("random: uniform numbers have the moments of their interval", "", float, double) {
  Tensor<TestType, 1> x(many);
  Generator(7).uniform(x.view());
  const Moments m = moments(x);
  CHECK(m.lowest > 0);
  CHECK(m.highest < 1);
  // five standard deviations of a mean of 200000: 5 * 0.29 / 447, and of a variance: 5 * 0.075 / 447
  CHECK(std::abs(m.mean - 0.5) < 3.3e-3);
  CHECK(std::abs(m.variance - 1.0 / 12) < 8.4e-4);

  Generator(7).uniform(x.view(), -3, 5);
  const Moments scaled = moments(x);
  CHECK(scaled.lowest >= -3);
  CHECK(scaled.highest <= 5);
  CHECK(scaled.mean == Approx(8 * m.mean - 3).margin(1e-5));
}

TEMPLATE_TEST_CASE("random: normal numbers have the moments and tails of the normal distribution", "", float, double) {
  Tensor<TestType, 1> x(many);
  Generator(8).normal(x.view());
  const Moments m = moments(x);
  CHECK(std::abs(m.mean) < 5 / std::sqrt(double(many)));
  CHECK(std::abs(m.variance - 1) < 5 * std::sqrt(2 / double(many)));
  index_t beyond_two = 0;
  double fourth = 0, lagged = 0;
  for (index_t i = 0; i < many; ++i) {
    const double v = static_cast<double>(x(i));
    beyond_two += std::abs(v) > 2;
    fourth += v * v * v * v / double(many);
    if (i > 0) lagged += v * static_cast<double>(x(i - 1)) / double(many);
  }
  CHECK(double(beyond_two) / double(many) == Approx(0.0455).margin(5 * std::sqrt(0.0455 / double(many))));
  CHECK(fourth == Approx(3).margin(5 * std::sqrt(96 / double(many))));
  CHECK(std::abs(lagged) < 5 / std::sqrt(double(many)));  // the two numbers of a Box-Muller pair are independent

  Generator(8).normal(x.view(), 10, 2);
  CHECK(moments(x).mean == Approx(10 + 2 * m.mean).margin(1e-4));
}

TEST_CASE("random: bernoulli gives ones with the probability, and checks it") {
  Tensor<float, 1> x(many);
  Generator(9).bernoulli(x.view(), 0.3f);
  const Moments m = moments(x);
  CHECK(m.lowest == 0);
  CHECK(m.highest == 1);
  CHECK(std::abs(m.mean - 0.3) < 5 * std::sqrt(0.21 / double(many)));
  Generator(9).bernoulli(x.view(), 0);
  CHECK(moments(x).highest == 0);
  Generator(9).bernoulli(x.view(), 1);
  CHECK(moments(x).lowest == 1);
  CHECK(error_text<ValueError>([&] { Generator(9).bernoulli(x.view(), 1.5f); }) ==
        "bernoulli: probability is 1.500000, expected [0, 1]");
  CHECK_THROWS_AS(Generator(9).bernoulli(x.view(), NAN), ValueError);
}

TEST_CASE("random: a permutation holds every number once, and every place gets every number") {
  for (const index_t n : {0, 1, 2, 31, 997}) {
    Tensor<index_t, 1> order(n);
    Generator(3).permutation(order.view());
    std::vector<index_t> sorted(order.data(), order.data() + n);
    std::sort(sorted.begin(), sorted.end());
    bool complete = true;
    for (index_t i = 0; i < n; ++i) complete &= sorted[static_cast<std::size_t>(i)] == i;
    CHECK(complete);
  }
  // 6000 permutations of 4: each number in each place 1500 times, within five standard deviations of 33
  int counts[4][4] = {};
  Generator gen(5);
  Tensor<int, 1> order(4);
  for (int round = 0; round < 6000; ++round) {
    gen.permutation(order.view());
    for (int i = 0; i < 4; ++i) ++counts[i][order(i)];
  }
  for (const auto& row : counts)
    for (const int count : row) CHECK(std::abs(count - 1500) < 5 * 34);
}

TEMPLATE_TEST_CASE("random: the same numbers for 1, 2 and 8 threads", "", float, double) {
  Tensor<TestType, 1> serial(50001), parallel(50001);
  set_num_threads(1);
  Generator(11).normal(serial.view());
  for (const int threads : {2, 8}) {
    set_num_threads(threads);
    Generator(11).normal(parallel.view());
    CHECK(same_bits(serial, parallel));
  }
  set_num_threads(0);
}

TEMPLATE_TEST_CASE("random: a longer draw begins with the numbers of a shorter one", "", float, double) {
  Tensor<TestType, 1> longer(997);
  Generator(12).normal(longer.view());
  for (const index_t n : {1, 2, 3, 31}) {
    Tensor<TestType, 1> shorter(n);
    Generator(12).normal(shorter.view());
    CHECK(std::equal(shorter.data(), shorter.data() + n, longer.data()));
  }
}

TEST_CASE("random: a draw does not depend on how long the earlier ones were") {
  Tensor<float, 1> small(3), big(1000), a(50), b(50);
  Generator one(13), two(13);
  one.uniform(small.view());
  two.uniform(big.view());
  one.uniform(a.view());
  two.uniform(b.view());
  CHECK(same_bits(a, b));
}

TEST_CASE("random: draws, streams and seeds differ from one another") {
  Tensor<float, 1> first(100), second(100), stream(100), seed(100), high_seed(100);
  Generator gen(14);
  gen.uniform(first.view());
  gen.uniform(second.view());
  gen.split(1).uniform(stream.view());
  Generator(15).uniform(seed.view());
  Generator(14 + (std::uint64_t(1) << 32)).uniform(high_seed.view());
  for (const auto* other : {&second, &stream, &seed, &high_seed}) CHECK_FALSE(same_bits(first, *other));
}

TEST_CASE("random: a generator goes on from a saved state") {
  Generator gen(16, 4);
  Tensor<double, 1> skipped(10), a(10), b(10);
  gen.normal(skipped.view());
  const PhiloxKey state = gen.state();
  CHECK(state.seed == 16);
  CHECK(state.stream == 4);
  CHECK(state.draw == 1);
  gen.normal(a.view());
  Generator other(0);
  other.set_state(state);
  other.normal(b.view());
  CHECK(same_bits(a, b));
}

TEST_CASE("random: next hands out the key of a draw once") {
  Generator gen(17);
  CHECK(gen.next().draw == 0);
  CHECK(gen.next().draw == 1);
  CHECK(gen.state().draw == 2);
}

TEST_CASE("random: a view that is not contiguous is refused") {
  Tensor<float, 2> x(4, 4);
  CHECK_THROWS_AS(Generator(1).uniform(x.view().transpose(0, 1)), ShapeError);
}
