// The snippets of docs/course/2 to 10 that are about layers of the family.
#include <complex>

#include "check.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("course 5: doubling the length keeps the kernel's first samples") {
  Generator gen(1);
  // [snippet: course_s4_double]
  DplrKernel<double> kernel({.d_model = 2, .d_state = 16}, {}, gen);
  Tape<double> tape;
  kernel.prepare(/*L=*/100, /*rate=*/1);  // C becomes C~ for 100 samples
  CHECK(kernel.length() == 100);
  const auto K = ssm_kernel(tape, kernel.on(tape), 100).value();
  const Tensor<double, 4> before = kernel.parameters.C.value.clone();
  kernel.prepare(250, 1);  // twice C~ <- C~ (I + A_bar^L), L <- 2 L
  CHECK(kernel.length() == 400);
  CHECK(relative_error(kernel.parameters.C.value, before) > 1e-3);  // other numbers,
  const auto longer = ssm_kernel(tape, kernel.on(tape), 250).value();
  CHECK(relative_error(longer.slice(2, 0, 100), K) < 1e-10);  // the same kernel
  // [/snippet]
}

TEST_CASE("course 2: a trained layer at another sampling rate") {
  Generator gen(1);
  const index_t H = 3, L = 1000;
  // [snippet: course_rate]
  S4<double> layer({.d_model = H, .d_state = 8, .dt_max = 1e-2}, gen);
  Tensor<double, 3> u(1, H, L), half(1, H, L / 2);  // the same signal, and every second sample of it
  for (index_t h = 0; h < H; ++h)
    for (index_t l = 0; l < L; ++l) {
      u(0, h, l) = std::sin(0.01 * static_cast<double>((h + 1) * l));
      if (l % 2 == 0) half(0, h, l / 2) = u(0, h, l);
    }
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u)).value();
  const auto error = [&](double rate) {
    const auto got = layer(tape, tape.input(half), {.rate = rate}).value();
    double largest = 0;
    for (index_t h = 0; h < H; ++h)
      for (index_t l = 0; l < L / 2; ++l) largest = std::max(largest, std::abs(got(0, h, l) - y(0, h, 2 * l)));
    return largest;
  };
  CHECK(error(2) < 1e-2);  // dt times 2
  CHECK(error(1) > 0.1);   // another filter
  // [/snippet]
}

TEST_CASE("course 6: with small steps, the rule of discretisation hardly matters") {
  // [snippet: course_policies]
  const auto kernel = [](auto make, double dt) {
    Generator gen(1);  // the same start for every rule
    auto module = make(KernelShape{.d_model = 1, .d_state = 8, .dt_min = dt, .dt_max = dt}, gen);
    Tape<double> tape;
    Tensor<double, 3> K(1, 1, 100);
    copy(K.view(), ssm_kernel(tape, module.on(tape), 100).value());
    return K;
  };
  const auto zoh = [](const KernelShape& s, Generator& gen) { return DiagKernel<double>(s, {}, gen); };
  const auto bilinear = [](const KernelShape& s, Generator& gen) {
    return DiagKernel<double, Host, Bilinear>(s, {}, gen);
  };
  CHECK(relative_error(kernel(bilinear, 1e-3), kernel(zoh, 1e-3)) < 1e-3);
  CHECK(relative_error(kernel(bilinear, 0.2), kernel(zoh, 0.2)) > 0.1);
  // [/snippet]
}

TEST_CASE("course 6: a softmax over time depends on the length") {
  // [snippet: course_dss_length]
  const auto difference = [](DssKernelOptions options) {  // of the first 8 samples, asked for 8 and for 16
    Generator gen(1);
    DssKernel<double> kernel({.d_model = 2, .d_state = 4}, options, gen);
    Tape<double> tape;
    const auto K = ssm_kernel(tape, kernel.on(tape), 8).value(), longer = ssm_kernel(tape, kernel.on(tape), 16).value();
    return relative_error(longer.slice(2, 0, 8), K);
  };
  CHECK(difference({.version = DssVersion::softmax}) > 0.1);  // another filter
  CHECK(difference({.version = DssVersion::softmax, .softmax_length = 16}) < 1e-14);
  CHECK(difference({.version = DssVersion::exp}) < 1e-14);
  // [/snippet]
}

TEST_CASE("course 7: the layer is a few ops") {
  Generator gen(1);
  const auto u = random<double>(Extents<3>{2, 4, 30});
  // [snippet: course_layer]
  S4Diag<double> layer({.d_model = 4, .d_state = 8}, gen);
  Tape<double> tape;
  const auto x = tape.input(u);
  const auto y = ssm(x, layer.kernel.on(tape), layer.D.on(tape)).y;  // K * x + D x
  const auto W = layer.output_linear.weight.on(tape);                // (2 H, H)
  const auto mixed = linear(transpose(gelu(y), 1, 2), W, layer.output_linear.bias.on(tape));
  const auto z = transpose(glu(mixed, 2), 1, 2);  // first half times sigmoid of the second
  CHECK(relative_error(z.value(), layer(tape, x).value()) < 1e-14);
  // [/snippet]
}

TEST_CASE("course 7: the anti-causal half starts one sample later") {
  Generator gen(1);
  // [snippet: course_two_sides]
  const index_t L = 20, p = 7;
  DiagKernel<double> kernel({.channels = 2, .d_model = 1, .d_state = 8}, {}, gen);  // a causal one, an anti-causal one
  Tape<double> tape;
  const auto K = ssm_kernel(tape, kernel.on(tape), L).value();
  Tensor<double, 3> impulse(1, 1, L);
  impulse(0, 0, p) = 1;
  const auto y = ssm(tape.input(impulse), kernel.on(tape), {}, {.bidirectional = true}).y.value();
  for (index_t l = 0; l < L; ++l)
    CHECK(y(0, 0, l) == Approx(l < p ? K(1, 0, p - 1 - l) : K(0, 0, l - p)).margin(1e-13));
  // [/snippet]
}

TEST_CASE("course 7: gate, bottleneck and heads") {
  Generator gen(1);
  // [snippet: course_gated]
  S4<double> layer({.d_model = 16,
                    .channels = 2,  // kernels per feature
                    .bidirectional = true,
                    .gate = 2,         // multiply by a map of the layer's input, 2 * 16 wide
                    .bottleneck = 4},  // the kernel sees 16 / 4 features
                   gen);
  CHECK(layer.D.value.sizes() == Extents<2>{2, 4});                           // (C, H / bottleneck)
  CHECK(layer.kernel.parameters.C.value.sizes() == Extents<4>{4, 4, 32, 2});  // both sides of both channels
  CHECK(layer.input_gate.weight.value.sizes() == Extents<2>{32, 16});
  // [/snippet]
  Tape<double> tape;
  const auto u = random<double>(Extents<3>{2, 16, 50});
  CHECK(layer(tape, tape.input(u)).sizes() == u.sizes());
}

TEST_CASE("course 7: a backbone streams") {
  Generator gen(1);
  const index_t L = 40;
  // [snippet: course_backbone]
  SequenceModel<S4<double>, FeedForward<double>> model({.d_model = 8, .n_layers = 2, .norm = NormKind::layer}, gen);
  CHECK(model.count() == 4);  // S4, FeedForward, S4, FeedForward: each with norm and residual
  const auto u = random<double>(Extents<3>{1, 8, L});
  Tape<double> tape;
  const auto whole = model(tape, tape.input(u)).value();
  auto state = model.make_state(1);
  Tensor<double, 2> in(1, 8), out(1, 8);
  double error = 0;
  for (index_t l = 0; l < L; ++l) {
    for (index_t h = 0; h < 8; ++h) in(0, h) = u(0, h, l);
    model.step(in.view(), state, out.view());
    for (index_t h = 0; h < 8; ++h) error = std::max(error, std::abs(out(0, h) - whole(0, h, l)));
  }
  CHECK(error < 1e-10);
  // [/snippet]
}

TEST_CASE("course 10: S4 steps in three ways") {
  Generator gen(1);
  const index_t H = 3, L = 200;
  const auto u = random<double>(Extents<3>{1, H, L});
  // [snippet: course_step_modes]
  S4<double> layer({.d_model = H, .d_state = 8}, gen);
  Tape<double> tape;
  const auto whole = layer(tape, tape.input(u)).value();
  for (const StepMode mode : {StepMode::linear, StepMode::dense, StepMode::diagonal}) {
    auto state = layer.make_state(/*B=*/1, {.mode = mode});
    Tensor<double, 2> in(1, H), out(1, H);
    double error = 0;
    for (index_t l = 0; l < L; ++l) {
      for (index_t h = 0; h < H; ++h) in(0, h) = u(0, h, l);
      layer.step(in, state, out.view());
      for (index_t h = 0; h < H; ++h) error = std::max(error, std::abs(out(0, h) - whole(0, h, l)));
    }
    CHECK(error < (mode == StepMode::diagonal ? 1e-8 : 1e-11));  // eigenvectors of A_bar cost digits
  }
  // [/snippet]
}

TEST_CASE("course 10: DSS's softmax streams for the length that it was trained for") {
  Generator gen(1);
  const index_t H = 3, L = 50;
  const auto u = random<double>(Extents<3>{1, H, L});
  Tape<double> tape;
  // [snippet: course_dss_step]
  DSS<double> layer({.d_model = H, .d_state = 8}, gen);
  const auto whole = layer(tape, tape.input(u)).value();
  auto state = layer.make_state(/*B=*/1, {.length = L});
  // [/snippet]
  Tensor<double, 2> in(1, H), out(1, H);
  for (index_t l = 0; l < L; ++l) {
    for (index_t h = 0; h < H; ++h) in(0, h) = u(0, h, l);
    layer.step(in, state, out.view());
    for (index_t h = 0; h < H; ++h) CHECK(out(0, h) == Approx(whole(0, h, l)).margin(1e-11));
  }
}
