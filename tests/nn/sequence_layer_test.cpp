#include "longwave/nn/sequence_layer.hpp"

#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/linear.hpp"
#include "longwave/nn/s4d.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("sequence_layer: the concepts tell layers that stand in a block from those that do not") {
  static_assert(sequence_layer<S4D<float>> && stepping_layer<S4D<float>>);
  static_assert(sequence_layer<FeedForward<double>> && stepping_layer<FeedForward<double>>);
  static_assert(sequence_layer<IdentityLayer<float>> && stepping_layer<IdentityLayer<float>>);
  static_assert(!sequence_layer<int>);
  static_assert(std::is_same_v<layer_state_var<S4D<float>>, Var<float, 4>>);
  static_assert(std::is_same_v<layer_state_var<FeedForward<float>>, NoState>);
  Generator gen(1);
  CHECK(detail::layer_width(S4D<float>({.d_model = 6, .d_state = 4}, gen)) == 6);
  CHECK(detail::layer_width(FeedForward<float>({.d_model = 6, .d_output = 3}, gen)) == 3);
}

TEST_CASE("IdentityLayer: what goes in comes out, in every form") {
  Generator gen(1);
  IdentityLayer<double> layer({.d_model = 3}, gen);
  const auto u = random<double>(Extents<3>{2, 3, 4});
  Tape<double> tape;
  CHECK(relative_error(layer(tape, tape.input(u)).value(), u.view()) == 0);
  CHECK(relative_error(layer.forward(tape, tape.input(u), {}).y.value(), u.view()) == 0);
  auto state = layer.make_state(2);
  CHECK(relative_error(run_steps<double>(u, 3, 0, [&](auto in, auto out) { layer.step(in, state, out); }), u) == 0);
  CHECK(count_parameters(layer) == 0);
}
