#include "longwave/core/rbf_mixture.hpp"

#include "check.hpp"

using namespace longwave;
using longwave::test::error_text;

TEST_CASE("rbf_mixture: rates and weights, one each where none are given") {
  const RbfMixture one(2.0), three({0.5, 1, 2}), weighted({1, 2}, {3, -1});
  CHECK(one.rate[0] == 0.125);
  CHECK(one.at_zero() == 1);
  CHECK(three.terms == 3);
  CHECK(three.at_zero() == Approx(1));
  CHECK(weighted.at_zero() == 2);
}

TEST_CASE("rbf_mixture: errors name what is wrong") {
  CHECK(error_text<ValueError>([] { RbfMixture(0.0); }) ==
        "RbfMixture: sigma is 0.000000, expected a finite number above 0");
  CHECK_THROWS_AS(RbfMixture(NAN), ValueError);
  CHECK_THROWS_AS(RbfMixture(INFINITY), ValueError);
  CHECK_THROWS_AS(RbfMixture(1e-200), ValueError);
  CHECK(error_text<ValueError>([] { RbfMixture({1, 2}, {1}); }) == "RbfMixture: 2 sigmas and 1 weights");
  CHECK(error_text<ValueError>([] {
          RbfMixture({1, 1, 1, 1, 1, 1, 1, 1, 1});
        }) == "RbfMixture: 9 terms, expected 1 to 8");
  CHECK_THROWS_AS(RbfMixture({1, 2}, {1, NAN}), ValueError);
}
