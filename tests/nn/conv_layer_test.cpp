#include "longwave/nn/conv_layer.hpp"

#include "longwave/models/sequence_model.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// The formula, without an activation.
Tensor<double, 3> naive(const ConvLayer<double>& layer, const Tensor<double, 3>& u) {
  const ConvLayerOptions& o = layer.options;
  const index_t B = u.size(0), L = u.size(2), I = o.d_model / o.groups, O = layer.conv.options.out;
  Tensor<double, 3> y(B, O, L);
  for (index_t b = 0; b < B; ++b)
    for (index_t c = 0; c < O; ++c)
      for (index_t l = 0; l < L; ++l) {
        y(b, c, l) = layer.conv.bias.value(c);
        for (index_t i = 0; i < I; ++i)
          for (index_t k = 0; k < o.kernel; ++k) {
            const index_t at = l + o.dilation * (k - (o.causal ? o.kernel - 1 : o.kernel / 2));
            if (at >= 0 && at < L)
              y(b, c, l) += layer.conv.weight.value(c, i, k) * u(b, c / (O / o.groups) * I + i, at);
          }
      }
  return y;
}

}  // namespace

TEST_CASE("ConvLayer: the formula, causal and centred, dilated and in groups") {
  Generator gen(1);
  for (const bool causal : {true, false})
    for (const index_t kernel : {1, 3, 5})
      for (const index_t dilation : {1, 2})
        for (const index_t groups : {1, 2, 4})
          for (const index_t L : {1, 3, 17}) {
            ConvLayer<double> layer({.d_model = 4,
                                     .d_output = 8,
                                     .kernel = kernel,
                                     .dilation = dilation,
                                     .groups = groups,
                                     .causal = causal,
                                     .activation = Activation::none},
                                    gen);
            const auto u = random<double>(Extents<3>{2, 4, L}, 2);
            Tape<double> tape;
            INFO(causal << " " << kernel << " " << dilation << " " << groups << " " << L);
            CHECK(relative_error(layer(tape, tape.input(u)).value(),
                                 TensorView<const double, 3>(naive(layer, u).view())) < 1e-13);
          }
}

TEMPLATE_TEST_CASE("ConvLayer: pieces of any length and steps equal the whole sequence", "", float, double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 5e-6 : 1e-13;  // sums in another order
  Generator gen(1);
  for (const Activation activation : {Activation::gelu, Activation::glu, Activation::none})
    for (const index_t kernel : {1, 2, 4})
      for (const index_t groups : {1, 3}) {
        ConvLayer<T> layer({.d_model = 3, .kernel = kernel, .dilation = 2, .groups = groups, .activation = activation},
                           gen);
        const auto u = random<T>(Extents<3>{2, 3, 12}, 2);
        Tape<T> tape;
        const auto whole = layer(tape, tape.input(u)).value();
        Var<T, 4> state;
        for (const auto& [begin, end] : {std::pair<index_t, index_t>{0, 2}, {2, 3}, {3, 12}}) {
          const auto out = layer.forward(tape, tape.input(u.view().slice(2, begin, end)), state);
          CHECK(relative_error(out.y.value(), whole.slice(2, begin, end)) < tolerance);
          state = out.state;
        }
        auto steps = layer.make_state(2);
        CHECK(steps.x.sizes() == state.sizes());
        for (int round = 0; round < 2; ++round, steps.reset()) {
          const auto stepped = run_steps<T>(u, 3, 0, [&](auto in, auto out) { layer.step(in, steps, out); });
          CHECK(relative_error(stepped.view(), whole) < tolerance);
        }
      }
}

TEST_CASE("ConvLayer: gradients of input, state and parameters agree with differences") {
  Generator gen(1);
  ConvLayer<double> layer({.d_model = 4, .kernel = 3, .groups = 2, .activation = Activation::glu}, gen);
  auto u = random<double>(Extents<3>{2, 4, 5}, 2);
  auto x = random<double>(Extents<4>{1, 2, 4, 2}, 3);
  const auto both = [&](auto& tape, auto vu, auto vx) {
    const auto out = layer.forward(tape, vu, vx);
    return concat(2, out.y, reshape(out.state, Extents<3>{2, 4, 2}));
  };
  const GradCheck check = grad_check(both, u, x);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  CHECK(parameter_error(layer, [&](auto& tape) { return both(tape, tape.input(u), tape.input(x)); }) < 1e-7);
}

TEST_CASE("ConvLayer: a temporal network of growing dilations, run as a stream") {
  // [snippet: conv_baseline]
  using Layer = ConvLayer<float>;
  using Temporal = SequenceModel<Layer, Layer, Layer>;
  Generator gen(1);
  Temporal::Options options{.d_model = 4, .n_layers = 2};
  options.layers = {{.kernel = 3, .dilation = 1}, {.kernel = 3, .dilation = 2}, {.kernel = 3, .dilation = 4}};
  Temporal model(options, gen);
  // [/snippet]
  const auto u = random<float>(Extents<3>{2, 4, 30});
  Tape<float> tape;
  const auto y = model(tape, tape.input(u)).value();
  auto state = model.make_state(2);
  const auto piece = model.forward_stream(tape, tape.input(u.view().slice(2, 0, 3)), state).value();
  const auto rest = run_steps<float>(u, 4, 3, [&](auto in, auto out) { model.step(in, state, out); });
  CHECK(relative_error(piece, y.slice(2, 0, 3)) < 2e-5);
  CHECK(relative_error(rest.view(), y.slice(2, 3, 30)) < 2e-5);
}

TEST_CASE("ConvLayer: steps are the host's alone, which the compiler tells") {
  STATIC_REQUIRE(stepping_layer<ConvLayer<float, Host>>);
  STATIC_REQUIRE(sequence_layer<ConvLayer<float, Cuda>>);
  STATIC_REQUIRE_FALSE(stepping_layer<ConvLayer<float, Cuda>>);
}

TEST_CASE("ConvLayer: names, and what cannot be is refused") {
  Generator gen(1);
  ConvLayer<float> layer({.d_model = 4, .kernel = 3, .activation = Activation::glu}, gen),
      centred({.d_model = 4, .kernel = 3, .causal = false}, gen);
  CHECK(state_shapes<float>(layer) == std::vector<std::string>{"conv.weight 8 4 3", "conv.bias 8"});
  const auto text = [&](ConvLayerOptions o) { return error_text<ValueError>([&] { ConvLayer<float>(o, gen); }); };
  CHECK(text({.d_model = 0}) == "ConvLayer: d_model is 0, expected at least 1");
  CHECK(text({.kernel = 0}) == "ConvLayer: kernel is 0, expected at least 1");
  CHECK(text({.kernel = 4, .causal = false}) ==
        "ConvLayer: a kernel of 4 with dilation 1 has no middle; take an odd kernel, or causal");
  CHECK(text({.d_model = 4, .groups = 3}) == "Conv1d: groups is 3, expected a divisor of in and out");
  CHECK(error_text<ValueError>([&] { centred.make_state(1); }) ==
        "ConvLayer: no state and no step without causal: it looks ahead");
  Tape<float> tape;
  const Tensor<float, 3> wide(2, 5, 5), u(2, 4, 5);
  const Tensor<float, 4> state(1, 2, 4, 3);
  CHECK(error_text<ShapeError>([&] { layer(tape, tape.input(wide)); }) ==
        "ConvLayer: u is (B=2, H=5, L=5), expected H = d_model = 4");
  CHECK(error_text<ShapeError>([&] { layer.forward(tape, tape.input(u), tape.input(state)); }) ==
        "ConvLayer: state_in is (1=1, B=2, H=4, R=3), expected (1=1, B=2, H=4, R=2)");
}
