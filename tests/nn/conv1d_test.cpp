#include "longwave/nn/conv1d.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("nn conv1d: runs the op with its options") {
  Generator gen(1);
  Conv1d<double> layer({.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .dilation = 2, .groups = 2}, gen);
  const auto x = random<double>(Extents{2, 4, 11});
  Tape<double> tape;
  const auto y = layer(tape, tape.input(x));
  Tensor<double, 3> want(2, 6, 5);
  ops::Conv1d::forward(want.view(), x, layer.weight.value, layer.bias.value,
                       {.stride = 2, .padding = 1, .dilation = 2, .groups = 2});
  CHECK(relative_error(y.value(), want.view()) == 0);
  tape.backward(y, random<double>(want.sizes(), 2).view());
  CHECK(layer.weight.grad(5, 1, 2) != 0);
  CHECK(layer.bias.grad(5) != 0);
}

TEST_CASE("nn conv1d: names, start values and options") {
  Generator gen(1);
  Conv1d<float> layer({.in = 8, .out = 6, .kernel = 3, .groups = 2}, gen);
  const auto refs = parameters<float>(layer);
  REQUIRE(refs.size() == 2);
  CHECK(refs[0].name == "weight");
  CHECK(refs[0].shape == std::vector<index_t>{6, 4, 3});
  for (index_t i = 0; i < refs[0].count; ++i) CHECK(std::abs(refs[0].value[i]) <= 1 / std::sqrt(12.f));
  Conv1d<float> plain({.in = 2, .out = 3, .bias = false}, gen);
  CHECK(count_parameters(plain) == 6);
  CHECK(error_text<ValueError>([&] { Conv1d<float>({.in = 3, .out = 4, .groups = 2}, gen); }) ==
        "Conv1d: groups is 2, expected a divisor of in and out");
  CHECK(error_text<ValueError>([&] { Conv1d<float>({.in = 3, .out = 4, .kernel = 0}, gen); }) ==
        "Conv1d: kernel is 0, expected at least 1");
}
