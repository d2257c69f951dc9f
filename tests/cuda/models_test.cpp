#include "place.hpp"
#include "typed_models.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: S4D layers", "", float, double) { on_device(check_s4d_layers<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: S4Diag layers", "[large]", float, double) {
  on_device(check_s4_diag_layers<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: S4 layers", "[large]", float, double) { on_device(check_s4_layers<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: DSS layers", "[large]", float, double) {
  on_device(check_dss_layers<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: lengths, rates and dropout", "", float, double) {
  on_device(check_ssm_runs<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: classifiers", "", float, double) { on_device(check_classifiers<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: models", "[large]", float, double) { on_device(check_models<TestType, Cuda>); }
