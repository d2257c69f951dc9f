#include "longwave/nn/layer_norm.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("nn layer_norm: normalises the features of (B, H, L) and of (B, H)") {
  LayerNorm<double> norm({.features = 6});
  norm.bias.value(2) = 5;
  const auto x = random<double>(Extents{2, 6, 9});
  Tape<double> tape;
  const auto y = norm(tape, tape.input(x)).value();
  double sum = 0, squares = 0;
  for (index_t h = 0; h < 6; ++h) {
    const double v = y(1, h, 4) - norm.bias.value(h);
    sum += v;
    squares += v * v;
  }
  CHECK(std::abs(sum) < 1e-14);
  CHECK(std::abs(squares / 6 - 1) < 1e-3);  // eps
  const auto column = norm(tape, tape.input(TensorView<const double, 2>(x.data(), {2, 6}, {54, 9}))).value();
  for (index_t h = 0; h < 6; ++h) CHECK(std::abs(column(1, h) - y(1, h, 0)) < 1e-14);

  LayerNorm<double> last({.features = 9, .axis = -1, .bias = false});
  CHECK(last(tape, tape.input(x)).value().sizes() == x.sizes());
  CHECK(parameters<double>(last).size() == 1);
}

TEST_CASE("nn layer_norm: starts as the identity's scale and names its parameters") {
  LayerNorm<float> norm({.features = 3});
  const auto refs = parameters<float>(norm);
  REQUIRE(refs.size() == 2);
  CHECK(refs[0].name == "weight");
  CHECK(refs[1].name == "bias");
  CHECK(refs[0].value[2] == 1);
  CHECK(refs[1].value[2] == 0);
  CHECK(error_text<ValueError>([] { LayerNorm<float> bad({}); }) == "LayerNorm: features is 0, expected at least 1");
  CHECK(error_text<ValueError>([] { LayerNorm<float> bad({.features = 1, .eps = -1}); }).find("LayerNorm: eps") == 0);
}
