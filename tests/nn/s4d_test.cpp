#include "longwave/nn/s4d.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/nn/module.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class T>
Tensor<T, 3> run(S4D<T>& layer, In<T, 3> u) {
  Tape<T> tape;
  const auto y = layer(tape, tape.input(u));
  Tensor<T, 3> copy(y.sizes());
  detail::add_to(copy.view(), y.value());
  return copy;
}

}  // namespace

TEST_CASE("S4D: parameters carry the official names and shapes") {
  Generator gen(1);
  S4D<float> layer({.d_model = 6, .d_state = 8}, gen);
  std::vector<std::string> names;
  for (const auto& p : parameters<float>(layer)) {
    std::string text = p.name;
    for (const index_t size : p.shape) text += " " + std::to_string(size);
    names.push_back(text);
  }
  CHECK(names == std::vector<std::string>{"D 1 6", "kernel.C 6 4 2", "kernel.log_dt 6", "kernel.log_A_real 6 4",
                                          "kernel.A_imag 6 4", "output_linear.0.weight 12 6 1",
                                          "output_linear.0.bias 12"});
}

TEST_CASE("S4D: dt and A keep their own learning rate and never decay, C and D follow the optimiser") {
  Generator gen(1);
  S4D<float> layer({.d_model = 4, .d_state = 4, .lr = 1e-3}, gen);
  CHECK(layer.kernel.log_dt.group.lr == 1e-3);
  CHECK(layer.kernel.A_imag.group.weight_decay == 0);
  CHECK_FALSE(layer.kernel.C.group.has_lr());
  CHECK_FALSE(layer.D.group.has_weight_decay());
  for (index_t h = 0; h < 4; ++h) {
    const double dt = std::exp(static_cast<double>(layer.kernel.log_dt.value(h)));
    CHECK(dt > 0.999e-3);
    CHECK(dt < 0.1001);
  }
}

TEMPLATE_TEST_CASE("S4D: stepping equals the whole sequence, activation and mixing included", "", float, double) {
  using T = TestType;
  for (const index_t L : {1, 31, 200}) {
    Generator gen(1);
    S4D<T> layer({.d_model = 19, .d_state = 10}, gen);  // 19: not a multiple of any register
    const auto u = random<T>(Extents<3>{3, 19, L}, 2);
    const auto y = run(layer, u);
    auto state = layer.make_state(3);
    Tensor<T, 3> stepped(3, 19, L);
    Tensor<T, 2> in(3, 19), out(3, 19);
    for (index_t l = 0; l < L; ++l) {
      for (index_t b = 0; b < 3; ++b)
        for (index_t h = 0; h < 19; ++h) in(b, h) = u(b, h, l);
      layer.step(in, state, out.view());
      for (index_t b = 0; b < 3; ++b)
        for (index_t h = 0; h < 19; ++h) stepped(b, h, l) = out(b, h);
    }
    INFO("L " << L);
    CHECK(relative_error(stepped, y) < (sizeof(T) == 4 ? 1e-5 : 1e-12));
  }
}

TEST_CASE("S4D: a sequence processed in pieces gives the same output and state as in one") {
  Generator gen(1);
  S4D<double> layer({.d_model = 5, .d_state = 8}, gen);
  const auto u = random<double>(Extents<3>{2, 5, 100}, 2);
  Tensor<double, 4> zero(2, 2, 4, 5);
  Tape<double> tape;
  const auto whole = layer.forward(tape, tape.input(u), tape.input(zero));
  const auto first = layer.forward(tape, tape.input(u.view().slice(2, 0, 37)), tape.input(zero));
  const auto second = layer.forward(tape, tape.input(u.view().slice(2, 37, 100)), first.state);
  CHECK(relative_error(first.y.value(), whole.y.value().slice(2, 0, 37)) < 1e-13);
  CHECK(relative_error(second.y.value(), whole.y.value().slice(2, 37, 100)) < 1e-13);
  CHECK(relative_error(second.state.value(), whole.state.value()) < 1e-13);

  auto state = layer.make_state(2);  // prefill by forward, go on with step: one state
  detail::add_to(state.x.view(), first.state.value());
  Tensor<double, 2> in(2, 5), out(2, 5);
  for (index_t b = 0; b < 2; ++b)
    for (index_t h = 0; h < 5; ++h) in(b, h) = u(b, h, 37);
  layer.step(in, state, out.view());
  for (index_t b = 0; b < 2; ++b)
    for (index_t h = 0; h < 5; ++h) CHECK(out(b, h) == Approx(whole.y.value()(b, h, 37)).epsilon(1e-12));
}

TEST_CASE("S4D: gradients flow through the carried state") {
  Generator gen(1);
  S4D<double> layer({.d_model = 3, .d_state = 4}, gen);
  auto u1 = random<double>(Extents<3>{2, 3, 9}, 2), u2 = random<double>(Extents<3>{2, 3, 70}, 3);
  auto s0 = random<double>(Extents<4>{2, 2, 2, 3}, 4);
  for (const Algorithm form : {Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    layer.options.algorithm = form;
    const GradCheck check = grad_check(
        [&](Tape<double>& tape, auto a, auto b, auto s) {
          const auto first = layer.forward(tape, a, s);
          return layer.forward(tape, b, first.state).y;
        },
        u1, u2, s0);
    INFO(check.text());
    CHECK(check.error < 1e-7);
  }
}

TEST_CASE("S4D: every parameter's gradient agrees with finite differences") {
  Generator gen(1);
  S4D<double> layer({.d_model = 3, .d_state = 4}, gen);
  const auto u = random<double>(Extents<3>{2, 3, 20}, 2), target = random<double>(Extents<3>{2, 3, 20}, 3);
  auto loss = [&](bool backward) {
    Tape<double> tape;
    const auto l = mse(layer(tape, tape.input(u)), tape.input(target));
    if (backward) tape.backward(l);
    return l.value()();
  };
  loss(true);
  for (const auto& p : parameters<double>(layer)) {
    double error = 0, largest = 1e-4;
    for (index_t i = 0; i < p.count; ++i) {
      const double x = p.value[i], h = 1e-5;
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

TEST_CASE("S4D: options out of range name themselves") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { S4D<float>({.d_model = 4, .d_state = 5}, gen); }) ==
        "S4D: d_state is 5, expected an even number of at least 2 (modes come in conjugate pairs)");
  CHECK(error_text<ValueError>([&] { S4D<float>({.d_model = 0}, gen); }) == "S4D: d_model is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { S4D<float>({.dt_min = 0.2, .dt_max = 0.1}, gen); }) ==
        "S4D: dt_min is 0.200000 and dt_max 0.100000, expected 0 < dt_min <= dt_max");
  CHECK(error_text<ValueError>([&] { S4D<float>({.channels = 2}, gen); }) ==
        "S4D: the layer asks for 2 kernels per feature, expected 1: channels = 1, one direction, no hyper_act, an "
        "activation other than glu; DiagKernel has several");
  CHECK(error_text<ValueError>([&] { S4D<float>({.bidirectional = true}, gen); }) != "");
  S4D<float> layer({.d_model = 4, .d_state = 4}, gen);
  Tape<float> tape;
  const auto u = random<float>(Extents<3>{2, 5, 7});
  CHECK(error_text<ShapeError>([&] { layer(tape, tape.input(u)); }) ==
        "S4D: u is (B=2, H=5, L=7), expected H = d_model = 4");
}
