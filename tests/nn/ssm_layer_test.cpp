#include "longwave/nn/ssm_layer.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/reduce.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Block = SsmLayer<DiagKernel<double>>;
using DssLayer = SsmLayer<DssKernel<double>>;
using Matrix = Tensor<double, 2>;  // (features, L) of one sequence

double naive(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::elu:
      return x > 0 ? x : std::exp(x) - 1;
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::softplus:
      return std::log(1 + std::exp(x));
    default:
      return x;
  }
}

Matrix activated(const Matrix& x, Activation activation) {
  const bool halves = activation == Activation::glu;
  Matrix y(x.size(0) / (halves ? 2 : 1), x.size(1));
  for (index_t i = 0; i < y.size(0); ++i)
    for (index_t l = 0; l < y.size(1); ++l)
      y(i, l) = halves ? x(i, l) * naive(Activation::sigmoid, x(i + y.size(0), l)) : naive(activation, x(i, l));
  return y;
}

// act(W x + b), W from its length and direction where it has them.
template <int rank>
Matrix linear(const LinearActivation<double, Host, rank>& layer, const Matrix& x) {
  const index_t O = layer.bias.value.count(), I = x.size(0);
  Matrix y(O, x.size(1));
  for (index_t o = 0; o < O; ++o) {
    const double* v = layer.weight.value.data() + o * I;
    double square = 0;
    for (index_t i = 0; i < I; ++i) square += v[i] * v[i];
    const double factor = layer.options.weight_norm ? layer.weight_g.value.data()[o] / std::sqrt(square) : 1;
    for (index_t l = 0; l < x.size(1); ++l) {
      y(o, l) = layer.bias.value(o);
      for (index_t i = 0; i < I; ++i) y(o, l) += factor * v[i] * x(i, l);
    }
  }
  return activated(y, layer.options.activation);
}

// The whole layer on one sequence u (H, L), from the formulas in ssm_layer.hpp; K (kernels, H', M) are its kernels.
template <class Layer>
Matrix naive_layer(const Layer& layer, const Matrix& u, const Tensor<double, 3>& K) {
  const auto& o = layer.options;
  const Matrix x = o.bottleneck > 0 ? linear(layer.input_linear, u) : u.clone();
  index_t C = layer.D.value.size(0);
  const index_t H = layer.D.value.size(1), L = u.size(1), M = K.size(2);
  Matrix y(C * H, L);
  for (index_t c = 0; c < C; ++c)
    for (index_t h = 0; h < H; ++h)
      for (index_t l = 0; l < L; ++l) {
        double sum = layer.D.value(c, h) * x(h, l);
        for (index_t j = 0; j < M; ++j) {
          if (j <= l) sum += K(c, h, j) * x(h, l - j);
          if (o.bidirectional && l + 1 + j < L) sum += K(C + c, h, j) * x(h, l + 1 + j);
        }
        y(c * H + h, l) = sum;
      }
  if (o.hyper_act) {
    C /= 2;
    Matrix product(C * H, L);
    for (index_t i = 0; i < C * H; ++i)
      for (index_t l = 0; l < L; ++l) product(i, l) = y(i, l) * naive(*o.hyper_act, y(C * H + i, l));
    y = std::move(product);
  }
  if (o.swap_channels) {
    Matrix swapped(C * H, L);
    for (index_t c = 0; c < C; ++c)
      for (index_t h = 0; h < H; ++h)
        for (index_t l = 0; l < L; ++l) swapped(h * C + c, l) = y(c * H + h, l);
    y = std::move(swapped);
  }
  y = activated(y, o.activation);
  if (o.gate > 0) {
    const Matrix v = linear(layer.input_gate, u);
    y = linear(layer.output_gate, y);
    for (index_t i = 0; i < y.count(); ++i) y.data()[i] *= v.data()[i];
  }
  y = activated(y, o.mult_act);
  return o.output_linear ? linear(layer.output_linear, y) : std::move(y);
}

template <class Layer>
void check_against_naive(const typename Layer::Options& o, const SsmRun& run = {}) {
  const index_t B = 2, L = 13;
  Generator gen(5);
  Layer layer(o, gen);
  auto u = random<double>(Extents<3>{B, o.d_model, L}, 2);
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u), run).value();
  const index_t M = o.l_max > 0 ? std::min(L, static_cast<index_t>(static_cast<double>(o.l_max) / run.rate)) : L;
  const auto K = ssm_kernel(tape, layer.kernel.on(tape), M, run.rate).value();
  Tensor<double, 3> kernels(K.sizes());
  copy(kernels.view(), K);
  REQUIRE(y.size(1) == layer.d_output());
  for (index_t b = 0; b < B; ++b) {
    Matrix one(o.d_model, L);
    copy(one.view(), u.view()[b]);
    if (run.lengths.data() != nullptr)
      for (index_t h = 0; h < o.d_model; ++h)
        for (index_t l = run.lengths(b); l < L; ++l) one(h, l) = 0;
    const Matrix want = naive_layer(layer, one, kernels);
    CHECK(relative_error(y[b], want.view()) < 1e-12);
  }
}

std::vector<std::string> names(auto& module) {
  std::vector<std::string> list;
  for (const auto& p : parameters<double>(module)) {
    std::string text = p.name;
    for (const index_t size : p.shape) text += " " + std::to_string(size);
    list.push_back(text);
  }
  return list;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("ssm_layer: each flavour has the official names and shapes") {
  Generator gen(1);
  Block block({.d_model = 6, .d_state = 4}, gen);
  CHECK(names(block) == Names{"layer.D 1 6", "layer.kernel.C 1 6 2 2", "layer.kernel.inv_dt 6 1",
                              "layer.kernel.B 1 6 2 2", "layer.kernel.A_real 6 2", "layer.kernel.A_imag 6 2",
                              "output_linear.0.weight 12 6", "output_linear.0.bias 12"});
  Block gated({.d_model = 6,
               .d_state = 4,
               .channels = 2,
               .bidirectional = true,
               .activation = Activation::glu,
               .gate = 2,
               .gate_act = Activation::silu,
               .bottleneck = 3,
               .final_act = Activation::none},
              gen);
  CHECK(names(gated) == Names{"input_linear.weight 2 6", "input_linear.bias 2", "input_gate.0.weight 12 6",
                              "input_gate.0.bias 12", "output_gate.weight 12 4", "output_gate.bias 12", "layer.D 4 2",
                              "layer.kernel.C 8 2 2 2", "layer.kernel.inv_dt 2 1", "layer.kernel.B 1 2 2 2",
                              "layer.kernel.A_real 2 2", "layer.kernel.A_imag 2 2", "output_linear.0.weight 6 12",
                              "output_linear.0.bias 6"});
  DssLayer dss({.d_model = 3, .d_state = 4, .hyper_act = Activation::sigmoid}, gen);
  CHECK(names(dss) == Names{"D 2 3", "kernel.log_dt 3 2", "kernel.Lambda 4 2", "kernel.W 2 3 4 2",
                            "output_linear.weight 3 3", "output_linear.bias 3"});
  DssLayer normed({.d_model = 3, .d_state = 4, .final_act = Activation::glu, .weight_norm = true}, gen);
  CHECK(names(normed).back() == "output_linear.0.bias 6");
  CHECK(names(normed)[4] == "output_linear.0.weight_g 6 1");
  CHECK(names(normed)[5] == "output_linear.0.weight_v 6 3");
}

TEST_CASE("ssm_layer: without options each flavour is the layer of its paper") {
  CHECK(S4DOptions().final_act == Activation::glu);
  CHECK(S4DOptions().tie_dropout);
  CHECK(Block::Options().final_act == Activation::glu);
  CHECK_FALSE(Block::Options().tie_dropout);
  CHECK(DssLayer::Options().final_act == Activation::none);
  CHECK(DssLayer::Options().activation == Activation::gelu);
  CHECK(Block::Options().channels == 1);
  CHECK(Block::Options().gate == 0);
}

TEST_CASE("ssm_layer: every part agrees with plain loops") {
  check_against_naive<Block>({.d_model = 4, .d_state = 4});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .channels = 3, .activation = Activation::tanh});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .activation = Activation::glu});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .channels = 3, .swap_channels = true});
  check_against_naive<Block>(
      {.d_model = 4, .d_state = 4, .channels = 2, .activation = Activation::glu, .swap_channels = true});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .gate = 2, .gate_act = Activation::glu});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .gate = 1, .mult_act = Activation::softplus});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .bottleneck = 2});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .channels = 2, .bottleneck = 4, .output_linear = false});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .bidirectional = true});
  check_against_naive<Block>({.d_model = 4, .d_state = 4, .bidirectional = true, .l_max = 5});
  check_against_naive<DssLayer>({.d_model = 3, .d_state = 4, .hyper_act = Activation::elu});
  check_against_naive<DssLayer>({.d_model = 3, .d_state = 4, .weight_norm = true});
  check_against_naive<DssLayer>({.d_model = 3, .d_state = 4, .final_act = Activation::glu, .weight_norm = true});
  check_against_naive<SsmLayer<S4DKernel<double>>>({.d_model = 3, .d_state = 4, .mult_act = Activation::relu});
}

TEST_CASE("ssm_layer: all parts at once agree with plain loops") {
  for (const bool bidirectional : {false, true})
    check_against_naive<Block>({.d_model = 4,
                                .d_state = 4,
                                .channels = 2,
                                .bidirectional = bidirectional,
                                .activation = Activation::glu,
                                .hyper_act = Activation::tanh,
                                .gate = 2,
                                .gate_act = Activation::gelu,
                                .bottleneck = 2,
                                .mult_act = Activation::silu,
                                .weight_norm = true,
                                .swap_channels = true,
                                .l_max = 7});
}

TEST_CASE("ssm_layer: a rate changes the steps and the length of a cut kernel") {
  check_against_naive<Block>({.d_model = 3, .d_state = 4}, {.rate = 2});
  check_against_naive<Block>({.d_model = 3, .d_state = 4, .l_max = 12}, {.rate = 2});
  check_against_naive<Block>({.d_model = 3, .d_state = 4, .l_max = 4}, {.rate = 0.5});
}

TEST_CASE("ssm_layer: positions beyond the lengths count as zero, before the layer and nowhere else") {
  Tensor<index_t, 1> lengths(2);
  lengths(0) = 5;
  lengths(1) = 13;
  check_against_naive<Block>({.d_model = 3, .d_state = 4}, {.lengths = lengths.view()});
  check_against_naive<Block>({.d_model = 3, .d_state = 4, .bidirectional = true, .gate = 1},
                             {.lengths = lengths.view()});

  Generator gen(1);
  Block layer({.d_model = 2, .d_state = 4}, gen);
  auto u = random<double>(Extents<3>{2, 2, 13}, 2);
  u(0, 1, 7) = NAN;
  Tape<double> tape;
  const auto in = tape.variable(u.view());
  const auto y = layer(tape, in, {.lengths = lengths.view()});
  tape.backward(mean(y));
  CHECK(detail::all_finite(y.value()));
  CHECK(in.grad()(0, 1, 4) != 0);
  CHECK(in.grad()(0, 1, 5) == 0);
}

TEST_CASE("ssm_layer: a two-sided layer is a causal one and a flipped causal one, which sees the next sample first") {
  const index_t H = 3, L = 17;
  Generator gen(1);
  Block both(
      {.d_model = H, .d_state = 4, .bidirectional = true, .activation = Activation::none, .output_linear = false}, gen);
  Block ahead({.d_model = H, .d_state = 4, .activation = Activation::none, .output_linear = false}, gen);
  Block back({.d_model = H, .d_state = 4, .activation = Activation::none, .output_linear = false}, gen);
  auto& p = both.kernel.parameters;
  index_t half = 0;
  for (Block* one : {&ahead, &back}) {
    auto& q = one->kernel.parameters;
    copy(q.inv_dt.value.view(), p.inv_dt.value.view());
    copy(q.A_real.value.view(), p.A_real.value.view());
    copy(q.A_imag.value.view(), p.A_imag.value.view());
    copy(q.B.value.view(), p.B.value.view());
    copy(q.C.value.view(), p.C.value.view().slice(0, half, half + 1));
    ++half;
  }
  copy(ahead.D.value.view(), both.D.value.view());
  back.D.value.zero();
  const auto u = random<double>(Extents<3>{2, H, L}, 2);
  Tape<double> tape;
  const auto in = tape.input(u);
  const auto y = both(tape, in).value();
  const auto forward = ahead(tape, in).value(), backward = flip(back(tape, flip(in, 2)), 2).value();
  for (index_t b = 0; b < 2; ++b)
    for (index_t h = 0; h < H; ++h)
      for (index_t l = 0; l < L; ++l)
        CHECK(y(b, h, l) == Approx(forward(b, h, l) + (l + 1 < L ? backward(b, h, l + 1) : 0)).margin(1e-13));
}

TEST_CASE("ssm_layer: gradients of a complete gated layer agree with finite differences") {
  for (const bool bidirectional : {false, true}) {
    Generator gen(1);
    Block layer({.d_model = 4,
                 .d_state = 4,
                 .channels = 2,
                 .bidirectional = bidirectional,
                 .activation = Activation::glu,
                 .hyper_act = Activation::tanh,
                 .gate = 1,
                 .gate_act = Activation::silu,
                 .bottleneck = 2,
                 .mult_act = Activation::gelu,
                 .weight_norm = true,
                 .swap_channels = true},
                gen);
    const index_t L = 11;
    auto u = random<double>(Extents<3>{2, 4, L}, 2);
    const auto target = random<double>(Extents<3>{2, 4, L}, 3);
    Tensor<index_t, 1> lengths(2);
    lengths(0) = 6;
    lengths(1) = L;
    const SsmRun run{.lengths = lengths.view()};
    const GradCheck check = grad_check([&](Tape<double>& tape, auto in) { return layer(tape, in, run); }, u);
    INFO(check.text());
    CHECK(check.error < 1e-7);

    const auto loss = [&](bool backward) {
      Tape<double> tape;
      const auto l = mse(layer(tape, tape.input(u), run), tape.input(target));
      if (backward) tape.backward(l);
      return l.value()();
    };
    layer.for_each_parameter([](const std::string&, auto& p) { p.grad.zero(); });
    loss(true);
    for (const auto& p : parameters<double>(layer)) {
      double error = 0, largest = 1e-4;
      for (index_t i = 0; i < p.count; ++i) {
        const double x = p.value[i], h = 1e-5 * std::max(1.0, std::abs(x));
        p.value[i] = x + h;
        const double up = loss(false);
        p.value[i] = x - h;
        const double difference = (up - loss(false)) / (2 * h);
        p.value[i] = x;
        error = std::max(error, std::abs(difference - p.grad[i]));
        largest = std::max(largest, std::abs(difference));
      }
      INFO(p.name);
      CHECK(error / largest < 1e-6);
    }
  }
}

TEST_CASE("ssm_layer: gradients flow through a carried state, in every part") {
  Generator gen(1);
  Block layer({.d_model = 2,
               .d_state = 4,
               .channels = 2,
               .gate = 1,
               .gate_act = Activation::tanh,
               .final_act = Activation::none},
              gen);
  auto u1 = random<double>(Extents<3>{2, 2, 5}, 2), u2 = random<double>(Extents<3>{2, 2, 6}, 3);
  auto s0 = random<double>(Extents<4>{2, 2, 2, 2}, 4);
  const GradCheck check = grad_check([&](Tape<double>& tape, auto a, auto b,
                                         auto s) { return layer.forward(tape, b, layer.forward(tape, a, s).state).y; },
                                     u1, u2, s0);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

namespace {

// Samples of a training pass that are zero in y but not in the evaluated one, counted per row (b, h).
struct Drops {
  index_t some = 0, all = 0, none = 0;
};
Drops drops(const TensorView<const double, 3>& y) {
  Drops d;
  for (index_t b = 0; b < y.size(0); ++b)
    for (index_t h = 0; h < y.size(1); ++h) {
      index_t zeros = 0;
      for (index_t l = 0; l < y.size(2); ++l) zeros += y(b, h, l) == 0;
      ++(zeros == 0 ? d.none : (zeros == y.size(2) ? d.all : d.some));
    }
  return d;
}

template <class Layer>
Tensor<double, 3> pass(Layer& layer, const Tensor<double, 3>& u, Generator* gen) {
  Tape<double> tape;
  if (gen != nullptr) tape.train(*gen);
  const auto y = layer(tape, tape.input(u)).value();
  Tensor<double, 3> kept(y.sizes());
  copy(kept.view(), y);
  return kept;
}

}  // namespace

TEST_CASE("ssm_layer: dropout acts in training alone, on numbers or on whole rows") {
  Generator gen(1);
  const auto u = random<double>(Extents<3>{8, 8, 50}, 2);
  for (const bool tied : {false, true}) {
    DssLayer layer({.d_model = 8, .d_state = 4, .dropout = 0.5, .output_linear = false, .tie_dropout = tied}, gen);
    CHECK(drops(pass(layer, u, nullptr).view()).none == 64);
    const Drops d = drops(pass(layer, u, &gen).view());
    CHECK(d.some == (tied ? 0 : 64));
    if (tied) {
      CHECK(d.all > 10);
      CHECK(d.none > 10);
    }
  }
}

TEST_CASE("ssm_layer: S4Block drops before its activation, too") {
  Generator gen(1);
  // sigmoid(0) = 1/2: what the first dropout zeroes shows as 1/2, doubled by the second, which zeroes a half again.
  Block layer({.d_model = 4, .d_state = 4, .dropout = 0.5, .activation = Activation::sigmoid, .output_linear = false},
              gen);
  const auto y = pass(layer, random<double>(Extents<3>{4, 4, 100}, 2), &gen);
  index_t zeros = 0, ones = 0;
  for (index_t i = 0; i < y.count(); ++i) {
    zeros += y.data()[i] == 0;
    ones += y.data()[i] == 1;
  }
  CHECK(std::abs(static_cast<double>(zeros) / 1600 - 0.5) < 0.08);
  CHECK(std::abs(static_cast<double>(ones) / 1600 - 0.25) < 0.08);
}

TEST_CASE("ssm_layer: drop_kernel zeroes samples of the kernels in training") {
  Generator gen(1);
  for (const bool bidirectional : {false, true}) {
    Block layer({.d_model = 2,
                 .d_state = 4,
                 .bidirectional = bidirectional,
                 .activation = Activation::none,
                 .output_linear = false,
                 .drop_kernel = 0.25},
                gen);
    layer.D.value.zero();
    Tensor<double, 3> u(1, 2, 201);
    u(0, 0, 100) = u(0, 1, 100) = 1;  // the output is the kernel
    const auto want = pass(layer, u, nullptr), got = pass(layer, u, &gen);
    index_t zeros = 0;
    for (index_t h = 0; h < 2; ++h)
      for (index_t l = bidirectional ? 0 : 100; l < 201; ++l) {
        const bool dropped = std::abs(got(0, h, l)) < 1e-12;
        zeros += dropped;
        if (!dropped) CHECK(got(0, h, l) == Approx(want(0, h, l) / 0.75).margin(1e-12));
      }
    CHECK(std::abs(static_cast<double>(zeros) / (bidirectional ? 402 : 202) - 0.25) < 0.12);
    Tape<double> tape;
    tape.train(gen);
    if (!bidirectional)
      CHECK(error_text<ValueError>([&] { layer.forward(tape, tape.input(u), {}); }) ==
            "S4Block: drop_kernel is 0.250000; while training, there is no state with it");
  }
}

TEST_CASE("ssm_layer: bad options name themselves, the value and what is valid") {
  Generator gen(1);
  const auto text = [&](const Block::Options& o) { return error_text<ValueError>([&] { Block(o, gen); }); };
  CHECK(text({.d_model = 0}) == "S4Block: d_model is 0, expected at least 1");
  CHECK(text({.channels = 0}) == "S4Block: channels is 0, expected at least 1");
  CHECK(text({.dropout = 1}) == "S4Block: dropout is 1.000000, expected [0, 1)");
  CHECK(text({.drop_kernel = -0.1}) == "S4Block: drop_kernel is -0.100000, expected [0, 1)");
  CHECK(text({.gate = -1}) == "S4Block: gate is -1, expected at least 0");
  CHECK(text({.l_max = -1}) == "S4Block: l_max is -1, expected at least 0");
  CHECK(text({.d_model = 6, .bottleneck = 4}) == "S4Block: bottleneck is 4, expected a divisor of d_model = 6");
  CHECK(text({.mult_act = Activation::glu}) ==
        "S4Block: mult_act is glu, which halves the width; expected one of none, gelu, relu, elu, tanh, sigmoid, silu, "
        "softplus, hardswish, hardtanh, hardsigmoid, hardshrink");
  CHECK(text({.hyper_act = Activation::glu}) != "");
  CHECK(text({.d_state = 5}) != "");
  CHECK(text({.dt_min = 1, .dt_max = 0.1}) != "");
}

TEST_CASE("ssm_layer: wrong inputs and states are clear errors") {
  Generator gen(1);
  Block layer({.d_model = 4, .d_state = 4, .gate = 1}, gen);
  Tape<double> tape;
  const Tensor<double, 3> wrong(2, 5, 7), u(2, 4, 7);
  const Tensor<double, 4> state(3, 2, 2, 4);
  CHECK(error_text<ShapeError>([&] { layer(tape, tape.input(wrong)); }) ==
        "S4Block: u is (B=2, H=5, L=7), expected H = d_model = 4");
  CHECK(error_text<ValueError>([&] { layer(tape, tape.input(u), {.rate = 0}); }) ==
        "S4Block: rate is 0.000000, expected more than 0");
  CHECK(error_text<ShapeError>([&] { layer.forward(tape, tape.input(u), tape.input(state)); }) ==
        "ssm: state_in is (3, 2, 2, 4), expected (2, 2, 2, 4)");
  Tensor<index_t, 1> lengths(2);
  lengths(1) = 8;
  CHECK(error_text<ValueError>([&] { layer(tape, tape.input(u), {.lengths = lengths.view()}); }) ==
        "mask_lengths: lengths[1] is 8, expected 0 to L=7");
}

TEST_CASE("ssm_layer: what cannot stream says so when its state is made") {
  Generator gen(1);
  Block two_sided({.d_model = 4, .d_state = 4, .bidirectional = true}, gen), cut({.d_model = 4, .l_max = 9}, gen);
  CHECK(error_text<ValueError>([&] { two_sided.make_state(1); }) ==
        "S4Block::make_state: a bidirectional layer needs the whole sequence");
  CHECK(error_text<ValueError>([&] { cut.make_state(1); }) ==
        "S4Block::make_state: a kernel cut to l_max = 9 samples has no state; set l_max to 0 to stream with the whole "
        "kernel");
  CHECK(error_text<ValueError>([&] { cut.make_state(-1); }) == "S4Block::make_state: a batch of -1");
  DssLayer dss({.d_model = 4, .d_state = 4}, gen);
  CHECK(error_text<ValueError>([&] { dss.make_state(1); }) ==
        "make_step_tables: this kernel depends on its length, name the length that it was trained for");
  CHECK(error_text<ValueError>([&] { dss.make_state(1, {.rate = 0, .length = 5}); }) ==
        "make_step_tables: rate is 0.000000, expected more than 0");
  dss.kernel.Lambda.value(1, 0) = 0.5;
  CHECK(error_text<ValueError>([&] { dss.make_state(1, {.length = 5}); }) ==
        "make_step_tables: modes that grow (Re x > 0) and are anchored at the last sample have no state");
}

TEST_CASE("ssm_layer: check_state refuses the state of another layer or batch") {
  Generator gen(1);
  Block layer({.d_model = 4, .d_state = 4}, gen), wide({.d_model = 6, .d_state = 4}, gen);
  Block channels({.d_model = 4, .d_state = 4, .channels = 2}, gen), gated({.d_model = 4, .d_state = 4, .gate = 1}, gen);
  auto state = layer.make_state(2);
  CHECK_NOTHROW(layer.check_state(state, 2));
  CHECK(error_text<ShapeError>([&] { layer.check_state(state, 3); }) ==
        "S4Block: the state is (2, 2, 2, 4), expected (3, 2, 2, 4)");
  CHECK(error_text<ShapeError>([&] { wide.check_state(state, 2); }) ==
        "S4Block: the state is (2, 2, 2, 4), expected (2, 2, 2, 6)");
  CHECK(error_text<ShapeError>([&] { channels.check_state(state, 2); }) ==
        "S4Block: the state's D is (C=1, H=4), expected (C=2, H=4)");
  CHECK(error_text<ShapeError>([&] { gated.check_state(state, 2); }) ==
        "S4Block: the state's input_gate is (I=0, O=0), expected (I=4, O=4)");
  state.x(0, 0, 0, 0) = 3;
  state.reset();
  CHECK(state.x(0, 0, 0, 0) == 0);
}

TEST_CASE("ssm_layer: a state steps with the weights and at the rate that it was made with") {
  Generator gen(1);
  Block layer({.d_model = 2, .d_state = 4}, gen);
  const auto u = random<double>(Extents<3>{1, 2, 9}, 2);
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u), {.rate = 2}).value();
  auto state = layer.make_state(1, {.rate = 2});
  for (const auto& p : parameters<double>(layer)) std::fill(p.value, p.value + p.count, 0.0);
  Tensor<double, 2> x(1, 2);
  for (index_t l = 0; l < 9; ++l) {
    for (index_t h = 0; h < 2; ++h) x(0, h) = u(0, h, l);
    layer.step(x, state, x.view());  // in place
    for (index_t h = 0; h < 2; ++h) CHECK(x(0, h) == Approx(y(0, h, l)).margin(1e-13));
  }
}

TEST_CASE("ssm_layer: edges: no sequences, no samples, one sample") {
  Generator gen(1);
  Block layer({.d_model = 2, .d_state = 4, .channels = 2, .gate = 1, .swap_channels = true}, gen);
  for (const auto& sizes : {Extents<3>{0, 2, 5}, Extents<3>{2, 2, 0}, Extents<3>{1, 2, 1}}) {
    Tensor<double, 3> u(sizes);
    Tape<double> tape;
    const auto in = tape.variable(u.view());
    const auto y = layer(tape, in);
    CHECK(y.sizes() == sizes);
    Tensor<double, 3> seed(sizes);
    CHECK_NOTHROW(tape.backward(y, seed.view()));
    Tensor<double, 2> x(sizes[0], 2);
    auto state = layer.make_state(sizes[0]);
    layer.step(x, state, x.view());
  }
}
