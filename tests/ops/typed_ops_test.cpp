#include "typed_ops.hpp"

#include "host_place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the host: gelu at any length and alignment", "", float, double) { check_gelu<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: gelu of transposed views", "", float, double) { check_gelu_strided<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: vandermonde at any size", "", float, double) {
  check_vandermonde_sizes<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: vandermonde of strided and empty views", "", float, double) {
  check_vandermonde_edges<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: vandermonde keeps phases of 1e5 rad", "", float, double) {
  check_vandermonde_phases<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: gradients repeat bit for bit", "", float, double) {
  check_repeatable<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: a wrong shape is named", "", float, double) {
  check_shapes_are_named<TestType, Host>();
}
