#include "longwave/nn/feed_forward.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("FeedForward: official names, and the formula at every position") {
  Generator gen(1);
  FeedForward<double> layer({.d_model = 3, .expand = 2.5, .d_output = 2}, gen);
  CHECK(state_shapes<double>(layer) ==
        std::vector<std::string>{"ff.0.0.weight 7 3", "ff.0.0.bias 7", "ff.2.weight 2 7", "ff.2.bias 2"});
  const auto u = random<double>(Extents<3>{2, 3, 5});
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u)).value();
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 5; ++l)
      for (index_t o = 0; o < 2; ++o) {
        double want = layer.out.bias.value(o);
        for (index_t k = 0; k < 7; ++k) {
          double h = layer.in.bias.value(k);
          for (index_t i = 0; i < 3; ++i) h += layer.in.weight.value(k, i) * u(b, i, l);
          want += layer.out.weight.value(o, k) * h * (0.5 + 0.5 * std::erf(h / std::sqrt(2.0)));
        }
        CHECK(y(b, o, l) == Approx(want).epsilon(1e-12));
      }
}

TEST_CASE("FeedForward: gradients, and stepping equals the whole sequence, with every activation") {
  for (const char* name : {"gelu", "relu", "silu", "tanh", "glu", "id"}) {
    Generator gen(1);
    FeedForward<double> layer({.d_model = 3, .activation = parse_activation(name)}, gen);
    CHECK(layer.d_output() == 3);
    auto u = random<double>(Extents<3>{2, 3, 5});
    INFO(name);
    CHECK(grad_check([&](auto& tape, auto v) { return layer(tape, v); }, u).error < 1e-7);
    CHECK(parameter_error(layer, [&](auto& tape) { return layer(tape, tape.input(u)); }) < 1e-7);
    Tape<double> tape;
    auto state = layer.make_state(2);
    const auto stepped = run_steps<double>(u, 3, 0, [&](auto in, auto out) { layer.step(in, state, out); });
    CHECK(relative_error(stepped.view(), layer(tape, tape.input(u)).value()) < 1e-13);
  }
  Generator gen(1);
  FeedForward<float> glu({.d_model = 3, .activation = Activation::glu}, gen),
      id({.d_model = 3, .activation = Activation::none}, gen);
  CHECK(state_shapes<float>(glu)[0] == "ff.0.0.weight 24 3");
  CHECK(state_shapes<float>(id)[0] == "ff.0.weight 12 3");
}

TEST_CASE("FeedForward: dropout acts in training only, tied over time where asked for") {
  Generator gen(1);
  FeedForward<double> layer({.d_model = 4, .expand = 8, .dropout = 0.5, .tie_dropout = true}, gen);
  Tensor<double, 3> u(1, 4, 6);
  for (index_t h = 0; h < 4; ++h)
    for (index_t l = 0; l < 6; ++l) u(0, h, l) = double(h) - 1;  // the same at every time
  Tape<double> tape;
  const auto quiet = layer(tape, tape.input(u)).value();
  tape.train(gen);
  const auto noisy = layer(tape, tape.input(u)).value();
  CHECK(relative_error(noisy, quiet) > 1e-3);
  for (index_t l = 1; l < 6; ++l) CHECK(noisy(0, 2, l) == Approx(noisy(0, 2, 0)).epsilon(1e-14));
}

TEST_CASE("FeedForward: options out of range name themselves") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { FeedForward<float>({.d_model = 0}, gen); }) ==
        "FeedForward: d_model is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { FeedForward<float>({.d_model = 4, .expand = 0.2}, gen); }) ==
        "FeedForward: expand is 0.200000, expected a number that leaves at least one hidden feature of d_model = 4");
  CHECK(error_text<ValueError>([&] { FeedForward<float>({.dropout = 1}, gen); }) ==
        "FeedForward: dropout is 1.000000, expected [0, 1)");
}
