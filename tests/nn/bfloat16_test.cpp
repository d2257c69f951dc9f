#include "host_place.hpp"
#include "typed_bfloat16_layer.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("gelu in bfloat16 is the double result rounded once") { check_bfloat16_gelu<Host>(); }

TEST_CASE("dropout in bfloat16 drops what it drops in float") { check_bfloat16_dropout<Host>(); }

TEST_CASE("bias_glu with z in bfloat16 and a float bias") { check_bfloat16_bias_glu<Host>(); }

TEST_CASE("conv1d of one tap in bfloat16, its weight's gradient in float") { check_bfloat16_one_tap<Host>(); }

TEST_CASE("S4D with u in bfloat16 is S4D of floats up to the rounding of what is stored") {
  check_bfloat16_layers<Host>();
}
