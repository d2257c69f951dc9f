#include "typed_ssm.hpp"

#include "host_place.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: the recurrence at any size", "", float, double) {
  on_device(check_scan_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: long recurrences, several tiles", "[large]", float, double) {
  on_device(check_long_scans<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: the recurrence of views of any strides", "", float, double) {
  on_device(check_scan_views<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: the recurrence repeats bit for bit", "", float, double) {
  on_device(check_scan_repeats<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: S4D on a tape", "", float, double) { on_device(check_ssm_s4d<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: diagonal kernels on a tape", "", float, double) {
  on_device(check_ssm_diag<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: DSS on a tape", "", float, double) { on_device(check_ssm_dss<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: growing modes of a long kernel", "[large]", float, double) {
  on_device(check_ssm_growing_kernel<TestType, Cuda>);
}
