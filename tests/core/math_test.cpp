// Error bounds of core/math.hpp, in units in the last place of the float result, against <cmath> in double.
#include "longwave/core/math.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "catch.hpp"

using namespace longwave;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

struct Worst {
  double ulp = 0;
  double absolute = 0;
};

// Every 4099th float (a prime, so all exponents and low bits occur) that lies in [low, high].
template <class F, class Exact>
Worst scan(F f, Exact exact, float low = -infinity, float high = infinity) {
  Worst worst;
  for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32); bits += 4099) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!(x >= low && x <= high)) continue;
    const double want = exact(static_cast<double>(x));
    const double got = f(x);
    if (static_cast<float>(want) == static_cast<float>(got)) continue;
    int exponent;
    std::frexp(want, &exponent);
    const double ulp = std::ldexp(1.0, std::max(exponent - 24, -149));
    const double error = std::abs(got - want);
    worst.ulp = std::max(worst.ulp, std::isnan(error) ? INFINITY : error / ulp);
    worst.absolute = std::max(worst.absolute, error);
  }
  return worst;
}

}  // namespace

TEST_CASE("math: exp and expm1 within 2 ulp everywhere, denormal results and overflow included") {
  CHECK(scan([](float x) { return math::exp(x); }, [](double x) { return std::exp(x); }).ulp <= 2);
  CHECK(scan([](float x) { return math::expm1(x); }, [](double x) { return std::expm1(x); }).ulp <= 2);
  CHECK(math::exp(0.0f) == 1.0f);
  CHECK(math::exp(88.72283f) < infinity);
  CHECK(math::exp(88.7229f) == infinity);
  CHECK(math::exp(-103.0f) > 0.0f);
  CHECK(math::exp(-104.0f) == 0.0f);
  CHECK(math::expm1(88.72283f) < infinity);
  CHECK(math::expm1(-infinity) == -1.0f);
}

TEST_CASE("math: log and log1p within 2 ulp everywhere, denormal arguments included") {
  CHECK(scan([](float x) { return math::log(x); }, [](double x) { return std::log(x); }, 1e-45f).ulp <= 2);
  CHECK(scan([](float x) { return math::log1p(x); }, [](double x) { return std::log1p(x); }, -0.9999f).ulp <= 2);
  CHECK(math::log(1.0f) == 0.0f);
  CHECK(math::log(0.0f) == -infinity);
  CHECK(math::log(infinity) == infinity);
  CHECK(std::isnan(math::log(-1.0f)));
  CHECK(math::log1p(-1.0f) == -infinity);
  CHECK(math::log1p(infinity) == infinity);
}

TEST_CASE("math: tanh, sigmoid and softplus within 3 ulp") {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto softplus = [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
  CHECK(scan([](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); }).ulp <= 3);
  CHECK(scan([](float x) { return math::sigmoid(x); }, sigmoid, -87.0f).ulp <= 3);
  CHECK(scan([](float x) { return math::softplus(x); }, softplus, -87.0f).ulp <= 3);
  CHECK(math::tanh(infinity) == 1.0f);
  CHECK(math::tanh(-infinity) == -1.0f);
  CHECK(std::signbit(math::tanh(-0.0f)));
  CHECK(math::sigmoid(-infinity) == 0.0f);
  CHECK(math::sigmoid(infinity) == 1.0f);
  CHECK(math::softplus(1e30f) == 1e30f);
}

TEST_CASE("math: erf within 3 ulp and 1.5e-7") {
  const Worst worst = scan([](float x) { return math::erf(x); }, [](double x) { return std::erf(x); });
  CHECK(worst.ulp <= 3);
  CHECK(worst.absolute <= 1.5e-7);
}

TEST_CASE("math: the normal distribution keeps its relative accuracy in the tails") {
  const auto cdf = [](double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); };
  const auto pdf = [](double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); };
  CHECK(scan([](float x) { return math::normal(x).cdf; }, cdf).ulp <= 8);
  CHECK(scan([](float x) { return math::normal(x).pdf; }, pdf).ulp <= 3);
  CHECK(math::normal(-infinity).cdf == 0.0f);
  CHECK(math::normal(infinity).cdf == 1.0f);
}

TEST_CASE("math: NaN in, NaN out") {
  CHECK(std::isnan(math::exp(not_a_number)));
  CHECK(std::isnan(math::expm1(not_a_number)));
  CHECK(std::isnan(math::log(not_a_number)));
  CHECK(std::isnan(math::log1p(not_a_number)));
  CHECK(std::isnan(math::tanh(not_a_number)));
  CHECK(std::isnan(math::sigmoid(not_a_number)));
  CHECK(std::isnan(math::softplus(not_a_number)));
  CHECK(std::isnan(math::erf(not_a_number)));
  CHECK(std::isnan(math::normal(not_a_number).cdf));
  CHECK(std::isnan(math::normal(not_a_number).pdf));
}

TEST_CASE("math: double is as accurate as <cmath>") {
  for (const double x : {-30.0, -3.0, -0.1, 0.0, 1e-9, 0.7, 5.0, 19.0}) {
    CHECK(math::sigmoid(x) == Approx(1 / (1 + std::exp(-x))).epsilon(1e-15));
    CHECK(math::softplus(x) == Approx(std::log1p(std::exp(x))).epsilon(1e-15));
    const double tail = 0.5 * std::erfc(-x / std::numbers::sqrt2);  // rounding of its argument grows by x^2
    CHECK(std::abs(math::normal(x).cdf - tail) <= 1e-16 * (1 + x * x) * tail * 4);
  }
}
