#include "typed_ssm.hpp"

#include "host_place.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("on the host: the recurrence in float at any size") { check_scan_sizes<float, Host>(); }
TEST_CASE("on the host: the recurrence of views of any strides") { check_scan_views<float, Host>(); }
TEST_CASE("on the host: S4D on a tape in float") { check_ssm_s4d<float, Host>(); }
TEST_CASE("on the host: diagonal kernels on a tape in float") { check_ssm_diag<float, Host>(); }
TEST_CASE("on the host: DSS on a tape in float") { check_ssm_dss<float, Host>(); }
TEST_CASE("on the host: growing modes of a long kernel in float") { check_ssm_growing_kernel<float, Host>(); }
