#include "typed_s4.hpp"

#include "host_place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("typed, on the host: S4 on a tape", "", float, double) { check_ssm_s4<TestType, Host>(); }
TEMPLATE_TEST_CASE("typed, on the host: S4 as a layer", "", float, double) { check_s4_modules<TestType, Host>(); }
TEMPLATE_TEST_CASE("typed, on the host: S4 sees the length in its buffer", "", float, double) {
  check_s4_length<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: S4 step by step", "", float, double) { check_s4_steps<TestType, Host>(); }
