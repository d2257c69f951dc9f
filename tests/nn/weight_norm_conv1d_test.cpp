#include "longwave/nn/weight_norm_conv1d.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("WeightNormConv1d: starts as the convolution with the same numbers, lengths apart from directions") {
  Generator a(1), b(1);
  WeightNormConv1d<double> layer({.in = 3, .out = 4, .kernel = 3, .padding = 2, .dilation = 2}, a);
  Conv1d<double> plain({.in = 3, .out = 4, .kernel = 3, .padding = 2, .dilation = 2}, b);
  CHECK(state_shapes<double>(layer) == std::vector<std::string>{"bias 4", "weight_g 4 1 1", "weight_v 4 3 3"});
  const auto x = random<double>(Extents<3>{2, 3, 7}, 3);
  Tape<double> tape;
  const auto y = layer(tape, tape.input(x));
  CHECK(relative_error(y.value(), plain(tape, tape.input(x)).value()) < 1e-14);
  layer.weight_g.value(1, 0, 0) *= 2;
  layer.bias.value(1) *= 2;
  const auto twice = layer(tape, tape.input(x));
  for (index_t l = 0; l < 7; ++l) CHECK(twice.value()(1, 1, l) == Approx(2 * y.value()(1, 1, l)));
}

TEST_CASE("WeightNormConv1d: gradients agree with finite differences") {
  Generator gen(1);
  WeightNormConv1d<double> layer({.in = 2, .out = 3, .kernel = 3, .padding = 1}, gen);
  auto x = random<double>(Extents<3>{2, 2, 5}, 3);
  CHECK(grad_check([&](Tape<double>& tape, auto u) { return layer(tape, u); }, x).error < 1e-8);
  CHECK(parameter_error(layer, [&](Tape<double>& tape) { return layer(tape, tape.input(x)); }) < 1e-7);
}
