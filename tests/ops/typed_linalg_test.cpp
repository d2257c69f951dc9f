#include "typed_linalg.hpp"

#include "host_place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the host: matmul of any size", "", float, double) { check_matmul_sizes<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: matmul of views of any strides", "", float, double) {
  check_matmul_strided<TestType, Host>();
  check_batched_matmul<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: linear adds to the gradients of its parameters", "", float, double) {
  check_linear_sizes<TestType, Host>();
  check_linear_parts<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: conv1d with all its options", "", float, double) {
  check_conv1d_sizes<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: transforms of any length", "", float, double) { check_fft_lengths<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: fft_conv of short rows", "", float, double) {
  check_fft_conv_sizes<TestType, Host>();
  check_fft_conv_strided<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: fft_conv of long rows", "", float, double) { check_fft_conv_large<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: gradients of products and convolutions repeat bit for bit", "", float, double) {
  check_linalg_repeatable<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: products and convolutions name a wrong shape", "", float, double) {
  check_linalg_shapes_are_named<TestType, Host>();
}
