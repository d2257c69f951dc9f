#include "host_place.hpp"
#include "typed_dropout.hpp"
#include "typed_fill.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the host: copies and fills of any layout", "", float, complex<double>) {
  check_copies<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: sums of gradients, the finite check", "", float, double) {
  check_add_and_finite<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: rules of one operand", "", float, double) { check_unary_rules<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: rules of two operands, repeated and left out", "", float, double) {
  check_binary_rules<TestType, Host>();
}
TEMPLATE_TEST_CASE("on the host: glu", "", float, double) { check_glu<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: bias and glu", "", float, double) { check_bias_glus<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: dropout of any layout", "", float, double) { check_dropouts<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: fused dropout on a tape", "", float, double) { check_fused_on_tape<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: masks", "", float, double) { check_masks<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: embeddings", "", float, double) { check_embeddings<TestType, Host>(); }
TEMPLATE_TEST_CASE("on the host: functions of shape, random numbers", "", float, double) {
  check_shape_functions<TestType, Host>();
  check_random_numbers<TestType, Host>();
}
