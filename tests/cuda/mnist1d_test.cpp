#include "place.hpp"
#include "typed_diffusion.hpp"
#include "typed_histogram.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: denoisers of points", "", float, double) {
  on_device([] {
    check_denoiser<TestType, Cuda, Mnist1dDenoiser>("point U-Net");
    check_denoiser<TestType, Cuda, Mnist1dS4dDenoiser>("S4D denoiser");
  });
}

TEMPLATE_TEST_CASE("on the device: a linear layer with relu", "", float, double) {
  on_device(check_linear_relu<TestType, Cuda>);
}

TEMPLATE_TEST_CASE("on the device: a small denoiser at once", "", float, double) {
  on_device(check_denoiser_at_once<TestType, Cuda>);
}

// On the host a step outside the table is an error.
TEST_CASE("on the device: a small denoiser, a step outside") {
  on_device([] {
    Generator init(1);
    Mnist1dDenoiser<float, Cuda> net({.points = 5, .hidden = 8, .steps = 9}, init);
    Tensor<index_t, 1> steps(4);
    steps(1) = 9;
    steps(2) = -1;
    steps(3) = 8;
    const auto there = cuda::to_device(steps);
    const Tensor<float, 2, Cuda> x(4, 5);
    Tape<float, Cuda> tape;
    tape.set_recording(false);
    const auto y = cuda::to_host(net(tape, tape.input(x), tape.input(x), there.view()).value());
    for (index_t b = 0; b < 4; ++b)
      for (index_t p = 0; p < 5; ++p) CHECK(std::isnan(y(b, p)) == (b == 1 || b == 2));
  });
}

TEMPLATE_TEST_CASE("on the device: histograms of columns against each other", "", float, double) {
  on_device(check_histogram_kls<TestType, Cuda>);
}

TEMPLATE_TEST_CASE("on the device: samplers of points", "", float, double) {
  on_device(check_point_samplers<TestType, Cuda>);
}
