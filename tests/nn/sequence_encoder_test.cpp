#include "longwave/nn/sequence_encoder.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("EmbeddingEncoder: rows of the table as (B, H, L), token by token as well") {
  Generator gen(1);
  EmbeddingEncoder<double> encoder({.vocabulary = 7, .dim = 3}, gen);
  CHECK(state_shapes<double>(encoder) == std::vector<std::string>{"weight 7 3"});
  Tensor<std::int32_t, 2> tokens(2, 5);
  for (index_t i = 0; i < 10; ++i) tokens.data()[i] = static_cast<std::int32_t>(3 * i % 7);
  Tape<double> tape;
  const auto y = encoder(tape, tokens.view()).value();
  REQUIRE(y.sizes() == Extents<3>{2, 3, 5});
  Tensor<double, 2> row(2, 3);
  for (index_t l = 0; l < 5; ++l) {
    Tensor<std::int32_t, 1> now(2);
    for (index_t b = 0; b < 2; ++b) now(b) = tokens(b, l);
    encoder.step(now.view(), row.view());
    for (index_t b = 0; b < 2; ++b)
      for (index_t h = 0; h < 3; ++h) {
        CHECK(y(b, h, l) == encoder.weight.value(tokens(b, l), h));
        CHECK(row(b, h) == y(b, h, l));
      }
  }
  CHECK(parameter_error(encoder, [&](auto& t) { return encoder(t, tokens.view()); }) < 1e-9);
  tokens(1, 1) = 7;
  CHECK(error_text<ValueError>([&] { encoder(tape, tokens.view()); }) ==
        "embedding: index 7 at position (1, 1) is outside [0, 7)");
}

TEST_CASE("LinearEncoder: a position-wise Linear") {
  Generator gen(1);
  LinearEncoder<float> encoder({.in = 2, .out = 6}, gen);
  Tape<float> tape;
  CHECK(encoder(tape, tape.input(random<float>(Extents<3>{3, 2, 8}))).sizes() == Extents<3>{3, 6, 8});
}
