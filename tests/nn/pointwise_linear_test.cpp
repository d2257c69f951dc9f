#include "longwave/nn/pointwise_linear.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("PointwiseLinear: the same Linear at every position, and on windows of positions") {
  Generator gen(1);
  PointwiseLinear<double> layer({.in = 3, .out = 2}, gen), windows({.in = 6, .out = 2}, gen);
  CHECK(state_shapes<double>(layer) == std::vector<std::string>{"weight 2 3", "bias 2"});
  const auto x = random<double>(Extents<3>{2, 3, 7});
  Tape<double> tape;
  const auto y = layer(tape, tape.input(x)).value(), z = windows(tape, tape.input(x), 2).value();
  REQUIRE(z.sizes() == Extents<3>{2, 2, 3});
  for (index_t b = 0; b < 2; ++b)
    for (index_t o = 0; o < 2; ++o) {
      for (index_t l = 0; l < 7; ++l) {
        double want = layer.bias.value(o);
        for (index_t i = 0; i < 3; ++i) want += layer.weight.value(o, i) * x(b, i, l);
        CHECK(y(b, o, l) == Approx(want).epsilon(1e-13));
      }
      for (index_t m = 0; m < 3; ++m) {
        double want = windows.bias.value(o);
        for (index_t i = 0; i < 3; ++i)
          for (index_t j = 0; j < 2; ++j) want += windows.weight.value(o, 2 * i + j) * x(b, i, 2 * m + j);
        CHECK(z(b, o, m) == Approx(want).epsilon(1e-13));
      }
    }
  CHECK(parameter_error(windows, [&](auto& t) { return windows(t, t.input(x), 2); }) < 1e-8);
  const auto stepped = run_steps<double>(x, 2, 0, [&](auto in, auto out) { layer.step(in, out); });
  CHECK(relative_error(stepped.view(), y) < 1e-14);
}

TEST_CASE("PointwiseLinear: without a bias, and frozen") {
  Generator gen(1);
  PointwiseLinear<double> layer({.in = 3, .out = 2, .bias = false}, gen);
  layer.weight.group.trainable = false;
  auto x = random<double>(Extents<3>{2, 3, 4});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto y = layer(tape, v);
  tape.backward(y, y.value());
  for (index_t i = 0; i < layer.weight.grad.count(); ++i) CHECK(layer.weight.grad.data()[i] == 0);
  CHECK(v.grad()(0, 0, 0) != 0);
  const auto stepped = run_steps<double>(x, 2, 0, [&](auto in, auto out) { layer.step(in, out); });
  CHECK(relative_error(stepped.view(), y.value()) < 1e-14);
}
