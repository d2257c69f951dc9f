#include "typed_s4.hpp"

#include "host_place.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: S4 on a tape", "", float, double) { on_device(check_ssm_s4<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: S4 as a layer", "", float, double) { on_device(check_s4_modules<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: S4 sees the length in its buffer", "", float, double) {
  on_device(check_s4_length<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: S4 step by step", "", float, double) { on_device(check_s4_steps<TestType, Cuda>); }
