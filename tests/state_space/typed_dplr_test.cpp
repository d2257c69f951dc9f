#include "typed_dplr.hpp"

#include "host_place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("typed, on the host: sums of poles at any number of poles and nodes", "", float, double) {
  check_cauchy_sizes<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: sums of poles of nothing", "", float, double) {
  check_cauchy_empty<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: gradients of sums of poles repeat bit for bit, alone too", "", float, double) {
  check_cauchy_repeats<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: sums of poles of strided views", "", float, double) {
  check_cauchy_strided<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: sums next to a pole and far from all", "", float, double) {
  check_cauchy_extremes<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: wrong shapes of poles are named", "", float, double) {
  check_cauchy_shapes<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: S4 kernels of any rank, length, number of inputs and outputs", "", float,
                   double) {
  check_dplr_sizes<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: long S4 kernels", "[large]", float, double) {
  check_dplr_large<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: gradients of S4 kernels repeat bit for bit", "", float, double) {
  check_dplr_repeats<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: the recurrence of S4 and its gradients", "", float, double) {
  check_dplr_scans<TestType, Host>();
}
TEMPLATE_TEST_CASE("typed, on the host: long recurrences of S4", "[large]", float, double) {
  check_dplr_scan_large<TestType, Host>();
}
