#include "typed_mmd.hpp"

#include "host_place.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: mmd and its gradients in tiles, any sizes and strides", "", float, double) {
  on_device(check_mmd_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: mmd, several tiles of a block and pieces of a gradient", "[large]", float, double) {
  on_device([] {
    check_mmd<TestType, Cuda>(6007, 4099, 4);
    check_mmd<TestType, Cuda>(150, 20011, 3);
  });
}
TEMPLATE_TEST_CASE("on the device: mmd of far, equal and missing points", "", float, double) {
  on_device(check_mmd_limits<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: mmd as a loss on a tape", "", float, double) {
  on_device(check_mmd_on_tape<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: mmd's wrong shapes are named", "", float, double) {
  on_device(check_mmd_shapes_are_named<TestType, Cuda>);
}
