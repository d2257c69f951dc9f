#include "longwave/cuda/blas.hpp"
#include "place.hpp"
#include "typed_linalg.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: matmul of any size", "", float, double) {
  on_device(check_matmul_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: matmul of views of any strides", "", float, double) {
  on_device(check_matmul_strided<TestType, Cuda>);
  on_device(check_batched_matmul<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: linear adds to the gradients of its parameters", "[large]", float, double) {
  on_device(check_linear_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: conv1d with all its options", "", float, double) {
  on_device(check_conv1d_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: conv1d of long rows", "[large]", float, double) {
  on_device(check_conv1d_large<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: transforms of any length", "", float, double) {
  on_device(check_fft_lengths<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: fft_conv of short rows", "", float, double) {
  on_device(check_fft_conv_sizes<TestType, Cuda>);
  on_device(check_fft_conv_strided<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: fft_conv of long rows", "[large]", float, double) {
  on_device(check_fft_conv_large<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: gradients of products and convolutions repeat bit for bit", "[large]", float,
                   double) {
  on_device(check_linalg_repeatable<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: products and convolutions name a wrong shape", "", float, double) {
  on_device(check_linalg_shapes_are_named<TestType, Cuda>);
}

// More plans than are kept, twice: those thrown away are made again.
TEST_CASE("on the device: transforms of many lengths in turn", "[large]") {
  on_device([] {
    for (int round = 0; round < 2; ++round)
      for (index_t n = 100; n < 140; ++n) check_fft<float, Cuda>(2, n, n);
  });
}

TEST_CASE("on the device: TF32 is off until it is asked for, and then as exact as it says", "[large]") {
  on_device([] {
    const auto A = random<float>(Extents(256, 512), 1), B = random<float>(Extents(512, 256), 2);
    Tensor<double, 2> want(256, 256), bound(256, 256);
    auto A_wide = in_double(A), B_wide = in_double(B);
    ops::Matmul::forward(want.view(), A_wide, B_wide);
    for (index_t i = 0; i < A_wide.count(); ++i) A_wide.data()[i] = std::abs(A_wide.data()[i]);
    for (index_t i = 0; i < B_wide.count(); ++i) B_wide.data()[i] = std::abs(B_wide.data()[i]);
    ops::Matmul::forward(bound.view(), A_wide, B_wide);
    const auto a = cuda::to_device(A), b = cuda::to_device(B);
    const auto worst = [&] {  // max |got - want| / sum |a||b|
      auto C = unwritten<float, 2, Cuda>({256, 256});
      ops::Matmul::forward(C.view(), a, b);
      const auto got = cuda::to_host(C);
      double error = 0;
      for (index_t i = 0; i < got.count(); ++i)
        error = std::max(error, std::abs(static_cast<double>(got.data()[i]) - want.data()[i]) / bound.data()[i]);
      return error;
    };
    CHECK(!cuda::tf32());
    CHECK(worst() < 1e-6);
    cuda::set_tf32(true);
    const double rounded = worst();
    cuda::set_tf32(false);
    CAPTURE(rounded);
    CHECK(rounded < 1e-3);
    CHECK(rounded > 1e-6);
    CHECK(worst() < 1e-6);
  });
}
