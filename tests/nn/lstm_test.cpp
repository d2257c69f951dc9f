#include "longwave/nn/lstm.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// y, h and c of a whole LSTM as one value, for differences: its sum with random weights sees all three.
template <class T>
Var<T, 1> everything(const LstmOutput<T, 3>& out) {
  auto flat = [](Var<T, 3> x) { return reshape(contiguous(x), Extents<1>{x.value().count()}); };
  return concat(0, flat(out.y), flat(out.state.h), flat(out.state.c));
}

template <class T>
TensorView<const T, 2> sample(const Tensor<T, 3>& x, index_t t) {
  return {x.data() + t * x.size(2), Extents<2>{x.size(0), x.size(2)}, Extents<2>{x.size(1) * x.size(2), 1}};
}

}  // namespace

TEST_CASE("nn lstm: names, shapes and start values are PyTorch's") {
  Generator gen(1);
  Lstm<float> layer({.in = 3, .hidden = 16, .layers = 2, .bidirectional = true}, gen);
  CHECK(state_shapes<float>(layer) ==
        std::vector<std::string>{"weight_ih_l0 64 3", "weight_hh_l0 64 16", "bias_ih_l0 64", "bias_hh_l0 64",
                                 "weight_ih_l0_reverse 64 3", "weight_hh_l0_reverse 64 16", "bias_ih_l0_reverse 64",
                                 "bias_hh_l0_reverse 64", "weight_ih_l1 64 32", "weight_hh_l1 64 16", "bias_ih_l1 64",
                                 "bias_hh_l1 64", "weight_ih_l1_reverse 64 32", "weight_hh_l1_reverse 64 16",
                                 "bias_ih_l1_reverse 64", "bias_hh_l1_reverse 64"});
  float largest = 0;
  for (const auto& p : parameters<float>(layer))
    for (index_t i = 0; i < p.count; ++i) largest = std::max(largest, std::abs(p.value[i]));
  CHECK(largest <= 0.25f);  // 1 / sqrt(hidden)
  CHECK(largest > 0.24f);
  Lstm<float> plain({.in = 3, .hidden = 2, .bias = false}, gen);
  CHECK(state_shapes<float>(plain) == std::vector<std::string>{"weight_ih_l0 8 3", "weight_hh_l0 8 2"});
}

TEST_CASE("nn lstm: gradients of parameters, input and state agree with differences, in every form") {
  for (const index_t layers : {1, 2})
    for (const bool bidirectional : {false, true})
      for (const bool bias : {false, true}) {
        Generator gen(1);
        Lstm<double> layer({.in = 2, .hidden = 3, .layers = layers, .bidirectional = bidirectional, .bias = bias}, gen);
        auto x = random<double>(Extents<3>{2, 4, 2}, 2);
        const Extents<3> states{layers * (bidirectional ? 2 : 1), 2, 3};
        auto h = random<double>(states, 3), c = random<double>(states, 4);
        CHECK(parameter_error(layer, [&](auto& tape) {
                return everything(layer.forward(tape, tape.input(x), {tape.input(h), tape.input(c)}));
              }) < 1e-7);  // differences in double lose half of the digits
        const GradCheck check = grad_check(
            [&](auto& tape, auto vx, auto vh, auto vc) {
              return everything(layer.forward(tape, vx, {vh, vc}));
            },
            x, h, c);
        INFO(check.text());
        CHECK(check.error < 1e-7);
      }
}

TEMPLATE_TEST_CASE("nn lstm: a sequence in pieces or in steps is the whole sequence", "", float, double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;  // a step sums the same numbers in another order
  for (const index_t hidden : {1, 7, 33})
    for (const index_t layers : {1, 3})
      for (const bool bias : {false, true}) {
        Generator gen(1);
        Lstm<T> layer({.in = 5, .hidden = hidden, .layers = layers, .bias = bias}, gen);
        const index_t B = 3, L = 11;
        const auto x = random<T>(Extents<3>{B, L, 5}, 2);
        Tape<T> tape;
        const auto whole = layer.forward(tape, tape.input(x));

        auto state = layer.make_state(B);
        for (const auto& [begin, end] : {std::pair<index_t, index_t>{0, 4}, {4, 4}, {4, 5}, {5, L}}) {
          const auto y = layer.forward_stream(tape, tape.input(x.view().slice(1, begin, end)), state);
          CHECK(relative_error(y.value(), whole.y.value().slice(1, begin, end)) == 0);
        }
        CHECK(relative_error(TensorView<const T, 3>(state.h.view()), whole.state.h.value()) == 0);
        CHECK(relative_error(TensorView<const T, 3>(state.c.view()), whole.state.c.value()) == 0);

        state.reset();
        Tensor<T, 3> y(B, L, hidden);
        Tensor<T, 2> out(B, hidden);
        for (index_t t = 0; t < L; ++t) {
          layer.step(sample(x, t), state, out.view());
          for (index_t b = 0; b < B; ++b)
            for (index_t k = 0; k < hidden; ++k) y(b, t, k) = out(b, k);
        }
        CHECK(relative_error(TensorView<const T, 3>(y.view()), whole.y.value()) < tolerance);
        CHECK(relative_error(TensorView<const T, 3>(state.c.view()), whole.state.c.value()) < tolerance);
      }
}

TEST_CASE("nn lstm: gradients flow through the state from one piece to the one before") {
  Generator gen(1);
  Lstm<double> layer({.in = 2, .hidden = 3, .layers = 2}, gen);
  auto x = random<double>(Extents<3>{2, 6, 2}, 2);
  const GradCheck check = grad_check(
      [&](auto& tape, auto vx) {
        const auto first = layer.forward(tape, slice(vx, 1, 0, 4));
        return layer.forward(tape, slice(vx, 1, 4, 6), first.state).y;
      },
      x);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("nn lstm: the backward direction is the forward one on reversed time") {
  Generator gen(1);
  Lstm<float> both({.in = 4, .hidden = 6, .bidirectional = true}, gen), one({.in = 4, .hidden = 6}, gen);
  for (auto [to, from] : {std::pair(&one.directions[0], &both.directions[1])}) {
    copy(to->weight_ih.value.view(), from->weight_ih.value.view());
    copy(to->weight_hh.value.view(), from->weight_hh.value.view());
    copy(to->bias_ih.value.view(), from->bias_ih.value.view());
    copy(to->bias_hh.value.view(), from->bias_hh.value.view());
  }
  const auto x = random<float>(Extents<3>{3, 9, 4}, 2);
  Tape<float> tape;
  const auto y = both(tape, tape.input(x)).value().slice(2, 6, 12);
  const auto reversed = flip(one(tape, flip(tape.input(x), 1)), 1).value();
  CHECK(relative_error(y, reversed) == 0);
}

TEST_CASE("nn lstm: frozen parameters get no gradient, the input still does") {
  Generator gen(1);
  Lstm<double> layer({.in = 2, .hidden = 3}, gen);
  const auto x = random<double>(Extents<3>{2, 4, 2}, 2), seed = random<double>(Extents<3>{2, 4, 3}, 3);
  Tape<double> tape;
  const auto trained = tape.variable(x.view()), frozen = tape.variable(x.view());
  tape.backward(layer(tape, frozen, ParameterUse::frozen), seed.view());
  for (const auto& p : parameters<double>(layer))
    for (index_t i = 0; i < p.count; ++i) CHECK(p.grad[i] == 0);
  tape.backward(layer(tape, trained), seed.view());
  CHECK(relative_error(frozen.grad(), trained.grad()) == 0);
  CHECK(layer.directions[0].bias_hh.grad(0) != 0);
}

TEST_CASE("nn lstm: dropout between layers works in training only and spares the last") {
  Generator gen(1);
  Lstm<float> layer({.in = 4, .hidden = 8, .layers = 2, .dropout = 0.5}, gen);
  const auto x = random<float>(Extents<3>{4, 6, 4}, 2);
  Tape<float> tape;
  const auto plain = layer(tape, tape.input(x)).value();
  const auto again = layer(tape, tape.input(x)).value();
  CHECK(relative_error(again, plain) == 0);
  tape.train(gen);
  const auto dropped = layer(tape, tape.input(x)).value();
  CHECK(relative_error(dropped, plain) > 0.01);
  for (index_t i = 0; i < dropped.count(); ++i) CHECK(dropped.data()[i] != 0);
}

TEST_CASE("nn lstm: batches and sequences may be empty") {
  Generator gen(1);
  Lstm<float> layer({.in = 2, .hidden = 3, .bidirectional = true}, gen);
  Tape<float> tape;
  for (const Extents<3> sizes : {Extents<3>{0, 4, 2}, Extents<3>{2, 0, 2}}) {
    const Tensor<float, 3> x(sizes), seed(sizes[0], sizes[1], 6);
    const auto out = layer.forward(tape, tape.variable(x.view()));
    CHECK(out.y.sizes() == Extents{sizes[0], sizes[1], 6});
    CHECK(out.state.h.sizes() == Extents{2, sizes[0], 3});
    tape.backward(out.y, seed.view());
    for (const auto& p : parameters<float>(layer))
      for (index_t i = 0; i < p.count; ++i) CHECK(p.grad[i] == 0);
  }
}

TEST_CASE("nn lstm: options and shapes outside their range are errors") {
  Generator gen(1);
  auto text = [&](LstmOptions options) { return error_text<ValueError>([&] { Lstm<float>(options, gen); }); };
  CHECK(text({.hidden = 3}) == "Lstm: in is 0, expected at least 1");
  CHECK(text({.in = 3}) == "Lstm: hidden is 0, expected at least 1");
  CHECK(text({.in = 3, .hidden = 3, .layers = 0}) == "Lstm: layers is 0, expected at least 1");
  CHECK(text({.in = 3, .hidden = 3, .dropout = 1}) == "Lstm: dropout is 1.000000, expected [0, 1)");
  Lstm<float> both({.in = 3, .hidden = 2, .bidirectional = true}, gen), one({.in = 3, .hidden = 2}, gen);
  CHECK(error_text<ValueError>([&] { both.make_state(1); }) ==
        "Lstm: a bidirectional layer has no step: its backward direction starts at the end");
  CHECK(error_text<ValueError>([&] { one.make_state(-1); }) == "Lstm: B is -1, expected at least 0");
  Tape<float> tape;
  const Tensor<float, 3> x(2, 5, 4), fitting(2, 5, 3), state(1, 3, 2);
  CHECK(error_text<ShapeError>([&] { one(tape, tape.input(x)); }) == "Lstm: x is (B=2, L=5, I=4), expected I = in = 3");
  CHECK(error_text<ShapeError>([&] {
          one.forward(tape, tape.input(fitting), {tape.input(state), {}});
        }) == "Lstm: h is (K=1, B=3, H=2), expected (K=1, B=2, H=2)");
}
