#include "longwave/nn/s4.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class T>
Tensor<T, 3> run(S4<T>& layer, In<T, 3> u, const SsmRun& how = {}) {
  Tape<T> tape;
  const auto y = layer(tape, tape.input(u), how);
  Tensor<T, 3> copy(y.sizes());
  detail::add_to(copy.view(), y.value());
  return copy;
}

}  // namespace

TEST_CASE("S4: parameters and buffer carry the official names and shapes, with their groups") {
  Generator gen(1);
  S4<float> layer({.d_model = 4, .d_state = 6, .bidirectional = true, .kernel = {.n_ssm = 2}}, gen);
  std::vector<std::string> names;
  for (const auto& p : state<float>(layer)) {
    std::string text = p.name;
    for (const index_t size : p.shape) text += " " + std::to_string(size);
    names.push_back(text);
  }
  CHECK(names == std::vector<std::string>{
                     "layer.D 1 4", "layer.kernel.C 2 4 3 2", "layer.kernel.inv_dt 4 1", "layer.kernel.B 1 2 3 2",
                     "layer.kernel.A_real 2 3", "layer.kernel.A_imag 2 3", "layer.kernel.P 1 2 3 2",
                     "output_linear.0.weight 8 4", "output_linear.0.bias 8", "layer.kernel.l_kernel 1"});
  const auto& p = layer.kernel.parameters;
  CHECK(p.P.group.lr == 1e-3);
  CHECK(p.P.group.weight_decay == 0);
  CHECK_FALSE(p.C.group.has_weight_decay());
}

TEST_CASE("S4: the published count of parameters") {
  // 2 H N (C) + 3 m N (A, B, P) + H (dt) + H (D) + 2 H^2 + 2 H, two-sided, rank 1, m copies
  const index_t H = 16, N = 8, m = 2;
  Generator gen(1);
  S4<float> layer({.d_model = H, .d_state = N, .bidirectional = true, .kernel = {.n_ssm = m}}, gen);
  CHECK(count_parameters(layer) == 2 * H * N + 3 * m * N + H + H + 2 * H * H + 2 * H);
}

TEST_CASE("S4: longer sequences double the length and keep the first samples") {
  Generator gen(1);
  S4<double> layer({.d_model = 3, .d_state = 8, .dt_min = 0.01, .dt_max = 0.3}, gen);
  const auto u = random<double>(Extents<3>{1, 3, 50}, 2);
  const auto first = run<double>(layer, u.view().slice(2, 0, 20));
  CHECK(layer.kernel.length() == 20);
  const auto longer = run<double>(layer, u);
  CHECK(layer.kernel.length() == 80);
  CHECK(relative_error(longer.view().slice(2, 0, 20), first.view()) < 1e-11);
  const auto again = run<double>(layer, u.view().slice(2, 0, 20));
  CHECK(layer.kernel.length() == 80);
  CHECK(relative_error(again, first) < 1e-11);
}

TEST_CASE("S4: the first pass takes l_max for the length, and a kernel cut to it") {
  Generator gen(1);
  S4<double> layer({.d_model = 3, .d_state = 8, .l_max = 32}, gen);
  run<double>(layer, random<double>(Extents<3>{1, 3, 10}, 2));
  CHECK(layer.kernel.length() == 32);
  run<double>(layer, random<double>(Extents<3>{1, 3, 100}, 2));
  CHECK(layer.kernel.length() == 32);
}

TEST_CASE("S4: at rates that do not divide the length, halves go to even and doubling follows L times the rate") {
  // The official code: double while round(L rate) > l_kernel, then round(l_kernel / rate) nodes, with Python's round.
  Generator gen(1);
  DplrKernel<double> kernel({.d_model = 2, .d_state = 4, .l_max = 11}, {}, gen);
  kernel.prepare(5, 2);
  CHECK(kernel.length() == 11);
  kernel.prepare(6, 2);  // 12 > 11, though round(11 / 2) = 6 nodes would do
  CHECK(kernel.length() == 22);

  DplrKernel<double> nine({.d_model = 2, .d_state = 4, .l_max = 9}, {}, gen);
  nine.prepare(4, 2);
  CHECK(nine.length() == 9);
  Tape<double> tape;
  CHECK(nine.on(tape).nodes(2) == 4);  // 4.5
  CHECK(ssm_kernel(tape, nine.on(tape), 4, 2).size(2) == 4);

  DplrKernel<double> half({.d_model = 2, .d_state = 4, .l_max = 2}, {}, gen);
  half.prepare(5, 0.5);  // round(2.5) = 2, but 4 nodes are too few for 5 samples
  CHECK(half.length() == 4);

  DplrKernel<double> longer({.d_model = 2, .d_state = 4, .l_max = 6}, {}, gen);
  longer.prepare(15, 1);  // from l_max by doubling, not at once
  CHECK(longer.length() == 24);
  for (const double rate : {0.0, -1.0, std::nan(""), 1e300, 1e-300})
    CHECK_THROWS_WITH(kernel.prepare(4, rate), Catch::Contains("S4: rate is"));
}

TEST_CASE("S4: at rate 2, every second sample gives what rate 1 gives at those places") {
  Generator gen(1);
  S4<double> layer({.d_model = 2, .d_state = 8, .dt_min = 1e-3, .dt_max = 5e-3, .final_act = Activation::none}, gen);
  layer.D.value.zero();  // D u does not scale with the rate
  const index_t L = 512;
  Tensor<double, 3> u(1, 2, L), half(1, 2, L / 2);
  for (index_t h = 0; h < 2; ++h)
    for (index_t l = 0; l < L; ++l) {
      u(0, h, l) = std::sin(0.02 * static_cast<double>(l) + static_cast<double>(h));
      if (l % 2 == 1) half(0, h, l / 2) = u(0, h, l);
    }
  const auto full = run<double>(layer, u), sparse = run<double>(layer, half, {.rate = 2});
  Tensor<double, 3> picked(1, 2, L / 2);
  for (index_t h = 0; h < 2; ++h)
    for (index_t l = 0; l < L / 2; ++l) picked(0, h, l) = full(0, h, 2 * l + 1);
  CHECK(relative_error(sparse, picked) < 2e-2);  // the input between samples is another one
}

TEMPLATE_TEST_CASE("S4: stepping equals the whole sequence, activation and mixing included", "", float, double) {
  using T = TestType;
  for (const StepMode mode : {StepMode::linear, StepMode::dense}) {
    Generator gen(1);
    S4<T> layer({.d_model = 19, .d_state = 16, .l_max = 64, .step_mode = mode}, gen);
    const auto u = random<T>(Extents<3>{2, 19, 60}, 2);
    const auto y = run<T>(layer, u);
    auto state = layer.make_state(2);
    Tensor<T, 3> stepped(2, 19, 60);
    Tensor<T, 2> in(2, 19), out(2, 19);
    for (index_t l = 0; l < 60; ++l) {
      for (index_t b = 0; b < 2; ++b)
        for (index_t h = 0; h < 19; ++h) in(b, h) = u(b, h, l);
      layer.step(in.view(), state, out.view());
      for (index_t b = 0; b < 2; ++b)
        for (index_t h = 0; h < 19; ++h) stepped(b, h, l) = out(b, h);
    }
    CHECK(relative_error(stepped, y) < (sizeof(T) == 4 ? 1e-4 : 1e-10));
  }
}

TEST_CASE("S4: a length that is none is an error of the next pass") {
  Generator gen(1);
  S4<double> layer({.d_model = 3, .d_state = 8}, gen);
  layer.kernel.l_kernel(0) = -1;  // as a damaged checkpoint has it
  const auto u = random<double>(Extents<3>{1, 3, 10}, 2);
  CHECK(error_text<ValueError>([&] { run<double>(layer, u); }) ==
        "S4: l_kernel is -1.000000, expected a number of samples");
}

TEST_CASE("S4: bad options name themselves") {
  Generator gen(1);
  auto text = [&](const S4<float>::Options& o) { return error_text<ValueError>([&] { S4<float>(o, gen); }); };
  CHECK(text({.d_model = 4, .d_state = 7}) ==
        "S4: d_state is 7, expected an even number of at least 2 (modes come in conjugate pairs)");
  CHECK(text({.d_model = 4, .d_state = 8, .kernel = {.rank = 9}}) == "S4: rank is 9, expected 1 to 8");
  CHECK(text({.d_model = 4, .d_state = 8, .kernel = {.dt_tie = false}}) ==
        "S4: dt_tie is false, but the modes of a feature share one step");
  CHECK(text({.d_model = 4, .d_state = 8, .dt_min = 1, .dt_max = 0.1}) ==
        "S4: dt_min is 1.000000 and dt_max 0.100000, expected 0 < dt_min <= dt_max");
  CHECK(text({.d_model = 4, .d_state = 8, .kernel = {.init = "legz"}}).find("unknown init 'legz'") !=
        std::string::npos);
}
