#include "longwave/cpu/exp_lanes.hpp"

#include "check.hpp"

using namespace longwave;

TEMPLATE_TEST_CASE("exp_lanes: two units in the last place of the exponential in long double", "", float, double) {
  using T = TestType;
  const T lowest = sizeof(T) == 4 ? T(-87) : T(-708);
  const auto one = [](T x) {
    const simd::Lanes<T> y = simd::exp_nonpositive<T>(simd::broadcast(x));
    for (int l = 1; l < simd::width<T>; ++l) CHECK((y[l] == y[0] || std::isnan(x)));
    return static_cast<long double>(y[0]);
  };
  long double worst = 0;
  for (int i = 0; i <= 3000; ++i) {
    const T x = lowest * static_cast<T>(std::pow(static_cast<double>(i) / 3000, 3));  // dense near 0
    const long double want = std::exp(static_cast<long double>(x));
    worst = std::max(worst, std::abs(one(x) / want - 1));
  }
  CHECK(worst <= 2 * static_cast<long double>(std::numeric_limits<T>::epsilon()));
  CHECK(one(0) == 1);
  CHECK(one(-INFINITY) < 2 * static_cast<long double>(std::numeric_limits<T>::min()));
  CHECK(std::isnan(one(NAN)));
}
