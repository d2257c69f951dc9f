// bf16: gelu silu relu leaky_relu tanh sigmoid softplus dropout dropout_after bias_glu linear_glu_after conv1d
#include "host_place.hpp"
#include "longwave/autograd/functions/reduce.hpp"
#include "typed_bfloat16_layer.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("activations in bfloat16 are the double results rounded once") { check_bfloat16_rules<Host>(); }

TEST_CASE("dropout in bfloat16 drops what it drops in float") { check_bfloat16_dropout<Host>(); }

TEST_CASE("bias_glu with z in bfloat16 and a float bias") { check_bfloat16_bias_glu<Host>(); }

TEST_CASE("conv1d of one tap in bfloat16, its weight's gradient in float") { check_bfloat16_one_tap<Host>(); }

TEST_CASE("a layer takes values of bfloat16 where it is given them") {
  const auto u = random<float>(Extents<3>{2, 8, 100});
  Generator gen(1);
  Tape<float> tape;
  // [snippet: bfloat16_layer]
  S4D<float> layer({.d_model = 8, .d_state = 16}, gen);                // weights and their gradients: float
  const Var<bfloat16, 3> v = cast<bfloat16>(tape.variable(u.view()));  // or tape.input of a Tensor<bfloat16, 3>
  const Var<bfloat16, 3> y = layer(tape, v);                           // u, y and all between them: bfloat16
  tape.backward(sum(square(cast<float>(y))));
  // [/snippet]
  CHECK(y.sizes() == v.sizes());
  CHECK(v.grad().data() != nullptr);
}

TEST_CASE("S4D with u in bfloat16 is S4D of floats up to the rounding of what is stored") {
  check_bfloat16_layers<Host>();
}
