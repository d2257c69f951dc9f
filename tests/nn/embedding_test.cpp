#include "longwave/nn/embedding.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("nn embedding: looks up rows and gathers their gradients") {
  Generator gen(1);
  Embedding<float> layer({.vocabulary = 5, .dim = 3}, gen);
  Tensor<int, 2> index(2, 2);
  index(0, 1) = 4;
  index(1, 1) = 4;
  Tape<float> tape;
  const auto y = layer(tape, index.view());
  REQUIRE(y.sizes() == Extents{2, 2, 3});
  CHECK(y.value()(1, 1, 2) == layer.weight.value(4, 2));
  Tensor<float, 3> ones(2, 2, 3);
  for (index_t i = 0; i < ones.count(); ++i) ones.data()[i] = 1;
  tape.backward(y, ones.view());
  CHECK(layer.weight.grad(4, 0) == 2);
  CHECK(layer.weight.grad(1, 0) == 0);
  CHECK(parameters<float>(layer)[0].name == "weight");
  CHECK(error_text<ValueError>([&] { Embedding<float>({.dim = 3}, gen); }) ==
        "Embedding: vocabulary is 0, expected at least 1");
}
