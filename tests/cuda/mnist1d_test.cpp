#include "place.hpp"
#include "typed_diffusion.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: denoisers of points", "", float, double) {
  on_device([] {
    check_denoiser<TestType, Cuda, Mnist1dDenoiser>("point U-Net");
    check_denoiser<TestType, Cuda, Mnist1dS4dDenoiser>("S4D denoiser");
  });
}

TEMPLATE_TEST_CASE("on the device: samplers of points", "", float, double) {
  on_device(check_point_samplers<TestType, Cuda>);
}
