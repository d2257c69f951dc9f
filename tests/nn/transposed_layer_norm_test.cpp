#include "longwave/nn/transposed_layer_norm.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("TransposedLayerNorm: one shift and one scale, which never decay") {
  TransposedLayerNorm<double> norm({.features = 5});
  CHECK(state_shapes<double>(norm) == std::vector<std::string>{"m 1", "s 1"});
  CHECK(norm.m.value(0) == 0);
  CHECK(norm.s.value(0) == 1);
  CHECK(norm.s.group.weight_decay == 0);
  norm.m.value(0) = 0.3;
  norm.s.value(0) = -1.5;
  const auto x = random<double>(Extents<3>{2, 5, 6});
  CHECK(parameter_error(norm, [&](auto& tape) { return norm(tape, tape.input(x)); }) < 1e-7);
  CHECK(error_text<ValueError>([] { TransposedLayerNorm<float> bad({}); }) ==
        "TransposedLayerNorm: features is 0, expected at least 1");
}
