#include "typed_ssim.hpp"

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: ssim and its gradients in tiles, any sizes and strides", "", float, double) {
  on_device(check_ssim_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: ssim of a long narrow image", "[large]", float, double) {
  on_device([] { check_ssim<TestType, Cuda>(Extents(1, 10000, 20)); });
}
TEMPLATE_TEST_CASE("on the device: edge_loss and its gradients, any sizes and strides", "", float, double) {
  on_device(check_edge_loss_sizes<TestType, Cuda>);
}
