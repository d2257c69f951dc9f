#include "longwave/nn/dropout.hpp"

#include "check.hpp"
#include "longwave/nn/linear.hpp"
#include "longwave/nn/sequential.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("nn dropout: drops while the tape trains and passes in evaluation") {
  const Dropout dropout({.p = 0.25});
  const auto x = random<double>(Extents{4, 50, 50});
  Generator gen(1);
  Tape<double> tape;
  CHECK(relative_error(dropout(tape, tape.input(x)).value(), x.view()) == 0);
  tape.train(gen);
  const auto y = dropout(tape, tape.input(x)).value();
  index_t dropped = 0;
  for (index_t i = 0; i < x.count(); ++i) {
    dropped += y.data()[i] == 0;
    CHECK((y.data()[i] == 0 || std::abs(y.data()[i] - x.data()[i] / 0.75) < 1e-14));
  }
  CHECK(std::abs(double(dropped) / 10000 - 0.25) < 0.02);  // four standard deviations
}

TEST_CASE("nn dropout: tied to one draw for all of time") {
  const Dropout dropout({.p = 0.5, .tied = true});
  const auto x = random<float>(Extents{3, 20, 30});
  Generator gen(1);
  Tape<float> tape;
  tape.train(gen);
  const auto y = dropout(tape, tape.input(x)).value();
  for (index_t b = 0; b < 3; ++b)
    for (index_t h = 0; h < 20; ++h)
      for (index_t l = 0; l < 30; ++l) CHECK((y(b, h, l) == 0) == (y(b, h, 0) == 0));
}

TEST_CASE("nn dropout: stands in a sequence of layers and names its option") {
  Generator gen(1);
  Sequential net(Linear<float>({.in = 2, .out = 3}, gen), Dropout({.p = 0.5}));
  CHECK(count_parameters(net) == 9);
  Tape<float> tape;
  const auto x = random<float>(Extents{4, 2});
  CHECK(net(tape, tape.input(x)).value().sizes() == Extents{4, 3});
  CHECK(error_text<ValueError>([] { Dropout({.p = 1}); }) == "Dropout: p is 1.000000, expected [0, 1)");
}
