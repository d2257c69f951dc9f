#include "place.hpp"
#include "typed_layers.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: linear layers", "", float, double) {
  on_device(check_linear_layers<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: norms", "", float, double) { on_device(check_norm_layers<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: dropout", "", float, double) { on_device(check_dropout_layers<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: residuals", "", float, double) { on_device(check_residuals<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: pools", "", float, double) { on_device(check_pools<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: blocks", "[large]", float, double) { on_device(check_blocks<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: encoders", "", float, double) { on_device(check_encoders<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: decoders", "[large]", float, double) { on_device(check_decoders<TestType, Cuda>); }

TEST_CASE("on the device: gradients against central differences") {
  on_device([] {
    auto x = random<double>(Extents(3, 5, 4), 81), y = random<double>(Extents(3, 5, 4), 82);
    const auto result =
        grad_check<Cuda>([](auto&, auto a, auto b) { return gelu(a * b) + layer_norm(b, {}, {}, {}); }, x, y);
    INFO(result.text());
    CHECK(result.error <= 1e-7);
  });
}
