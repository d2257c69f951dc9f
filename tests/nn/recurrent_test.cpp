#include "longwave/nn/recurrent.hpp"

#include "files.hpp"
#include "longwave/models/sequence_model.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// What every sequence layer with a memory has to keep, of one layer.
template <class Layer>
void behaves_like_a_sequence_layer(const RecurrentOptions& options) {
  using T = typename detail::module_value<Layer>;
  const double tolerance = sizeof(T) == 4 ? 5e-6 : 1e-13;  // a step sums the same numbers in another order
  static_assert(sequence_layer<Layer> && stepping_layer<Layer>);
  Generator gen(1);
  Layer layer(options, gen);
  const index_t H = options.d_model, L = 13;
  const auto u = random<T>(Extents<3>{3, H, L}, 2);
  Tape<T> tape;
  const auto whole = layer(tape, tape.input(u)).value();
  REQUIRE(whole.sizes() == Extents<3>{3, layer.d_output(), L});

  const auto first = layer.forward(tape, tape.input(u.view().slice(2, 0, 5)), {});
  const auto second = layer.forward(tape, tape.input(u.view().slice(2, 5, L)), first.state);
  CHECK(relative_error(first.y.value(), whole.slice(2, 0, 5)) < tolerance);
  CHECK(relative_error(second.y.value(), whole.slice(2, 5, L)) < tolerance);

  auto state = layer.make_state(3);
  CHECK(state.x.sizes() == first.state.sizes());
  for (int round = 0; round < 2; ++round, state.reset()) {
    const auto stepped = run_steps<T>(u, layer.d_output(), 0, [&](auto in, auto out) { layer.step(in, state, out); });
    CHECK(relative_error(stepped.view(), whole) < tolerance);
  }
}

template <class Layer>
void has_right_gradients() {
  Generator gen(1);
  for (const bool bias : {false, true}) {
    Layer layer({.d_model = 3, .hidden = 4, .bias = bias}, gen);
    auto u = random<double>(Extents<3>{2, 3, 5}, 2);
    auto x = random<double>(layer.make_state(2).x.sizes(), 3);
    const auto all = [&](auto& tape, auto vu, auto vx) {
      const auto out = layer.forward(tape, vu, vx);
      return concat(0, reshape(contiguous(out.y), Extents<1>{out.y.value().count()}),
                    reshape(contiguous(out.state), Extents<1>{out.state.value().count()}));
    };
    const GradCheck check = grad_check(all, u, x);
    INFO(check.text());
    CHECK(check.error < 1e-7);  // differences in double lose half of the digits
    CHECK(parameter_error(layer, [&](auto& tape) { return all(tape, tape.input(u), tape.input(x)); }) < 1e-7);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("recurrent: pieces and steps equal the whole sequence", "", float, double) {
  for (const RecurrentOptions& options : {RecurrentOptions{.d_model = 5}, RecurrentOptions{.d_model = 4, .hidden = 7},
                                          RecurrentOptions{.d_model = 1, .hidden = 1, .bias = false}}) {
    behaves_like_a_sequence_layer<LstmLayer<TestType>>(options);
    behaves_like_a_sequence_layer<GruLayer<TestType>>(options);
  }
}

TEST_CASE("recurrent: gradients of input, state and parameters agree with differences") {
  has_right_gradients<LstmLayer<double>>();
  has_right_gradients<GruLayer<double>>();
}

TEST_CASE("recurrent: names, shapes and start values are PyTorch's") {
  Generator gen(1);
  LstmLayer<float> lstm({.d_model = 3, .hidden = 16}, gen);
  GruLayer<float> gru({.d_model = 3, .hidden = 16}, gen), plain({.d_model = 3, .bias = false}, gen);
  CHECK(state_shapes<float>(lstm) ==
        std::vector<std::string>{"weight_ih_l0 64 3", "weight_hh_l0 64 16", "bias_ih_l0 64", "bias_hh_l0 64"});
  CHECK(state_shapes<float>(gru) ==
        std::vector<std::string>{"weight_ih_l0 48 3", "weight_hh_l0 48 16", "bias_ih_l0 48", "bias_hh_l0 48"});
  CHECK(state_shapes<float>(plain) == std::vector<std::string>{"weight_ih_l0 9 3", "weight_hh_l0 9 3"});
  float largest = 0;
  for (const auto& p : parameters<float>(gru))
    for (index_t i = 0; i < p.count; ++i) largest = std::max(largest, std::abs(p.value[i]));
  CHECK(largest <= 0.25f);  // 1 / sqrt(hidden)
  CHECK(largest > 0.23f);
}

TEST_CASE("recurrent: in the blocks of a SequenceModel, as the layers of S4 stand there") {
  // [snippet: recurrent_baseline]
  using Baseline = SequenceModel<GruLayer<float>, LstmLayer<float>>;  // in turn; mostly one kind
  Generator gen(1);
  Baseline model({.d_model = 6, .n_layers = 2, .dropout = 0.1}, gen);
  Tape<float> tape;
  const auto u = random<float>(Extents<3>{2, 6, 20});
  const auto y = model(tape, tape.input(u)).value();  // (2, 6, 20)
  // [/snippet]
  auto state = model.make_state(2);
  const auto piece = model.forward_stream(tape, tape.input(u.view().slice(2, 0, 9)), state).value();
  const auto rest = run_steps<float>(u, 6, 9, [&](auto in, auto out) { model.step(in, state, out); });
  CHECK(relative_error(piece, y.slice(2, 0, 9)) < 2e-5);
  CHECK(relative_error(rest.view(), y.slice(2, 9, 20)) < 2e-5);
  SequenceModel<GruLayer<double>> both({.d_model = 3, .bidirectional = true}, gen);
  const auto v = random<double>(Extents<3>{2, 3, 4});
  CHECK(parameter_error(both, [&](auto& t) { return both(t, t.input(v)); }) < 1e-6);
}

TEST_CASE("recurrent: options and shapes outside their range are errors, empty batches are not") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { GruLayer<float>({.d_model = 0}, gen); }) ==
        "GruLayer: d_model is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { LstmLayer<float>({.hidden = -1}, gen); }) ==
        "LstmLayer: hidden is -1, expected at least 0");
  GruLayer<float> gru({.d_model = 3}, gen);
  LstmLayer<float> lstm({.d_model = 3}, gen);
  Tape<float> tape;
  const Tensor<float, 3> wide(2, 4, 5), none(0, 3, 5);
  CHECK(error_text<ShapeError>([&] { gru(tape, tape.input(wide)); }) ==
        "GruLayer: u is (B=2, H=4, L=5), expected H = d_model = 3");
  CHECK(contains(error_text<ShapeError>([&] { lstm(tape, tape.input(wide)); }), "expected I = in = 3"));
  CHECK(error_text<ValueError>([&] { gru.make_state(-1); }) == "GruLayer: B is -1, expected at least 0");
  CHECK(gru(tape, tape.input(none)).sizes() == Extents<3>{0, 3, 5});
  CHECK(lstm(tape, tape.input(none)).sizes() == Extents<3>{0, 3, 5});
}
