// bf16: gelu silu relu leaky_relu tanh sigmoid softplus dropout dropout_after bias_glu linear_glu_after conv1d
#include "place.hpp"
#include "typed_bfloat16_layer.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("on the device: activations in bfloat16 are the double results rounded once") {
  on_device([] { check_bfloat16_rules<Cuda>(); });
}

TEST_CASE("on the device: dropout in bfloat16 drops what it drops in float") {
  on_device([] { check_bfloat16_dropout<Cuda>(); });
}

TEST_CASE("on the device: bias_glu with z in bfloat16 and a float bias") {
  on_device([] { check_bfloat16_bias_glu<Cuda>(); });
}

TEST_CASE("on the device: conv1d of one tap in bfloat16, its weight's gradient in float") {
  on_device([] { check_bfloat16_one_tap<Cuda>(); });
}

TEST_CASE("on the device: layers with u in bfloat16 are those of floats up to the rounding of what is stored") {
  on_device([] { check_bfloat16_layers<Cuda>(); });
}
