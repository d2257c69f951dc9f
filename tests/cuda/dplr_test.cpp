#include "typed_dplr.hpp"

#include "host_place.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: sums of poles at any number of poles and nodes", "", float, double) {
  on_device(check_cauchy_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: sums of poles of nothing", "", float, double) {
  on_device(check_cauchy_empty<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: gradients of sums of poles repeat bit for bit, alone too", "", float, double) {
  on_device(check_cauchy_repeats<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: sums of poles of strided views", "", float, double) {
  on_device(check_cauchy_strided<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: sums next to a pole and far from all", "", float, double) {
  on_device(check_cauchy_extremes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: wrong shapes of poles are named", "", float, double) {
  on_device(check_cauchy_shapes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: S4 kernels of any rank, length, number of inputs and outputs", "", float, double) {
  on_device(check_dplr_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: long S4 kernels", "[large]", float, double) {
  on_device(check_dplr_large<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: gradients of S4 kernels repeat bit for bit", "", float, double) {
  on_device(check_dplr_repeats<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: the recurrence of S4 and its gradients", "", float, double) {
  on_device(check_dplr_scans<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: long recurrences of S4", "[large]", float, double) {
  on_device(check_dplr_scan_large<TestType, Cuda>);
}
