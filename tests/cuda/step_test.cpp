#include "place.hpp"
#include "typed_step.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: a layer's step for many streams", "", float, double) {
  on_device(check_layer_step_sizes<TestType>);
}
TEMPLATE_TEST_CASE("on the device: a layer's step with every option", "", float, double) {
  on_device(check_layer_step_options<TestType>);
}
TEMPLATE_TEST_CASE("on the device: a layer's step repeats bit for bit", "", float, double) {
  on_device(check_layer_step_repeats<TestType>);
}
TEMPLATE_TEST_CASE("on the device: position-wise steps", "", float, double) {
  on_device(check_step_ops<TestType, Cuda>);
}
