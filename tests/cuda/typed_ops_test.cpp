#include "typed_ops.hpp"

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: gelu at any length and alignment", "", float, double) {
  on_device(check_gelu<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: gelu of transposed views", "", float, double) {
  on_device(check_gelu_strided<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: vandermonde at any size", "[large]", float, double) {
  on_device(check_vandermonde_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: vandermonde of strided and empty views", "", float, double) {
  on_device(check_vandermonde_edges<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: vandermonde keeps phases of 1e5 rad", "[large]", float, double) {
  on_device(check_vandermonde_phases<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: gradients repeat bit for bit", "", float, double) {
  on_device(check_repeatable<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: a wrong shape is named", "", float, double) {
  on_device(check_shapes_are_named<TestType, Cuda>);
}

// A few sizes of each tile, for runs under compute-sanitizer.
TEMPLATE_TEST_CASE("on the device: vandermonde, one size per tile", "", float, double) {
  on_device([] {
    check_vandermonde<TestType, Cuda>(2, 17, 1100);
    check_vandermonde<TestType, Cuda>(64, 3, 2100);
    check_vandermonde<TestType, Cuda>(64, 2, 8200);
  });
}

TEMPLATE_TEST_CASE("on the device: every activation agrees with the host", "", float, double) {
  on_device([] {
    const auto check = [](auto op, double tolerance) {
      using Op = decltype(op);
      const auto x = random<TestType>(Extents(1001), 31, TestType(3)), dy = random<TestType>(Extents(1001), 32);
      Tensor<TestType, 1> y(1001), dx(1001);
      Op::forward(y.view(), x);
      Op::backward(dx.view(), dy, x);
      const auto x_there = cuda::to_device(x), dy_there = cuda::to_device(dy);
      auto y_there = unwritten<TestType, 1, Cuda>(Extents(1001)),
           dx_there = unwritten<TestType, 1, Cuda>(Extents(1001));
      Op::forward(y_there.view(), x_there);
      Op::backward(dx_there.view(), dy_there, x_there);
      CHECK(relative_error(cuda::to_host(y_there), y) <= tolerance);
      CHECK(relative_error(cuda::to_host(dx_there), dx) <= tolerance);
    };
    const double tolerance = sizeof(TestType) == 4 ? 1e-6 : 1e-14;  // both sides are good to a few last places
    check(ops::Silu(), tolerance);
    check(ops::Relu(), 0);
    check(ops::LeakyRelu(), 0);
    check(ops::Tanh(), tolerance);
    check(ops::Sigmoid(), tolerance);
    check(ops::Softplus(), tolerance);
  });
}
