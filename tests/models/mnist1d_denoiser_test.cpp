#include "longwave/models/mnist1d_denoiser.hpp"

#include <map>

#include "longwave/models/mnist1d_s4d_denoiser.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Rows = std::vector<std::vector<double>>;

// The network from its definition: plain loops over the parameters by their names, one row at a time.
struct Oracle {
  std::map<std::string, ParameterRef<double>> p;
  index_t step_dim;

  explicit Oracle(Mnist1dDenoiser<double>& net) : step_dim(net.options.step_dim) {
    for (const auto& ref : parameters<double>(net)) p.emplace(ref.name, ref);
  }

  std::vector<double> linear(const std::string& name, const std::vector<double>& x) const {
    const auto &W = p.at(name + "weight"), &b = p.at(name + "bias");
    std::vector<double> y;
    for (index_t o = 0; o < W.shape[0]; ++o) {
      double sum = b.value[o];
      for (index_t i = 0; i < W.shape[1]; ++i) sum += W.value[o * W.shape[1] + i] * x[static_cast<std::size_t>(i)];
      y.push_back(sum);
    }
    return y;
  }
  static std::vector<double> positive(std::vector<double> x) {
    for (double& v : x) v = std::max(v, 0.0);
    return x;
  }
  std::vector<double> mlp(const std::string& name, const std::vector<double>& x) const {
    return linear(name + "2.", positive(linear(name + "0.", x)));
  }

  std::vector<double> operator()(const std::vector<double>& x, const std::vector<double>& c, index_t t) const {
    std::vector<double> embedded(static_cast<std::size_t>(step_dim));
    for (index_t i = 0; i < step_dim / 2; ++i) {
      const double f = std::exp(-static_cast<double>(i) * std::log(1e4) / static_cast<double>(step_dim / 2 - 1));
      embedded[static_cast<std::size_t>(i)] = std::sin(static_cast<double>(t) * f);
      embedded[static_cast<std::size_t>(i + step_dim / 2)] = std::cos(static_cast<double>(t) * f);
    }
    auto h = linear("input.", x);
    const auto of_t = mlp("step_mlp.", embedded), of_c = mlp("condition_mlp.", c);
    for (std::size_t i = 0; i < h.size(); ++i) h[i] += of_t[i] + of_c[i];
    Rows kept;
    for (const char* block : {"encoder.0.", "encoder.1."}) kept.push_back(h = positive(mlp(block, h)));
    h = positive(mlp("middle.", h));
    for (const char* block : {"decoder.0.", "decoder.1."}) {
      h.insert(h.end(), kept.back().begin(), kept.back().end());
      kept.pop_back();
      h = positive(mlp(block, h));
    }
    return linear("output.", h);
  }
};

std::vector<double> row(const Tensor<double, 2>& x, index_t b) {
  return {x.data() + b * x.size(1), x.data() + (b + 1) * x.size(1)};
}

Tensor<index_t, 1> some_steps(index_t B, index_t T) {
  Tensor<index_t, 1> t(B);
  for (index_t b = 0; b < B; ++b) t(b) = (7 * b + 3) % T;
  return t;
}

}  // namespace

TEST_CASE("mnist1d_denoiser: as many parameters as published") {
  Generator gen(1);
  Mnist1dDenoiser<float> mnist({}, gen), ancestor({.points = 3}, gen);
  CHECK(count_parameters(mnist) == 76521);
  CHECK(count_parameters(ancestor) == 69187);
}

TEMPLATE_TEST_CASE("mnist1d_denoiser: the network from its definition", "", float, double) {
  using T = TestType;
  Generator gen(1);
  Mnist1dDenoiser<double> wide({}, gen);
  Mnist1dDenoiser<T> net({}, gen);
  const auto from = state<double>(wide);
  const auto to = state<T>(net);
  for (std::size_t i = 0; i < from.size(); ++i)
    for (index_t k = 0; k < from[i].count; ++k) to[i].value[k] = static_cast<T>(from[i].value[k]);
  const Oracle oracle(wide);
  for (const index_t B : {1, 17}) {
    const auto x = random<double>(Extents<2>{B, 41}, 1), c = random<double>(Extents<2>{B, 41}, 2);
    Tensor<T, 2> x_t(B, 41), c_t(B, 41);
    std::copy_n(x.data(), x.count(), x_t.data());
    std::copy_n(c.data(), c.count(), c_t.data());
    const auto t = some_steps(B, 20);
    Tape<T> tape;
    const auto y = net(tape, tape.input(x_t), tape.input(c_t), t.view());
    Tensor<double, 2> want(B, 41);
    for (index_t b = 0; b < B; ++b) {
      const auto answer = oracle(row(x, b), row(c, b), t(b));
      std::copy(answer.begin(), answer.end(), &want(b, 0));
    }
    CHECK(relative_error(y.value(), want.view()) < (sizeof(T) == 4 ? 2e-6 : 1e-14));  // ten products in a row
  }
}

TEST_CASE("mnist1d_denoiser: gradients agree with finite differences") {
  Generator gen(1);
  Mnist1dDenoiser<double> net({.points = 3, .hidden = 4, .step_dim = 4, .steps = 5}, gen);
  auto x = random<double>(Extents<2>{6, 3}, 1), c = random<double>(Extents<2>{6, 3}, 2);
  const auto t = some_steps(6, 5);
  const GradCheck check =
      grad_check([&](Tape<double>& tape, auto a, auto b) { return net(tape, a, b, t.view()); }, x, c);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  CHECK(parameter_error(net, [&](Tape<double>& tape) { return net(tape, tape.input(x), tape.input(c), t.view()); }) <
        1e-7);
}

TEST_CASE("mnist1d_denoiser: a prepared condition gives the same bits, on another tape too") {
  Generator gen(1);
  Mnist1dDenoiser<float> net({}, gen);
  Mnist1dS4dDenoiser<float> sequence({.hidden = 8, .d_state = 8}, gen);
  const auto x = random<float>(Extents<2>{9, 41}, 1), c = random<float>(Extents<2>{9, 41}, 2);
  const auto t = some_steps(9, 20);
  const auto check = [&](auto& model) {
    Tape<float> tape, first, second;
    const auto whole = model(tape, tape.input(x), tape.input(c), t.view());
    const auto prepared = model.prepare(first, first.input(c));
    const auto part = model.denoise(second, second.input(x), prepared.on(second), t.view());
    CHECK(relative_error(part.value(), whole.value()) == 0);
  };
  check(net);
  check(sequence);
}

TEST_CASE("mnist1d_denoiser: options that make no sense") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { Mnist1dDenoiser<float>({.points = 0}, gen); }) ==
        "Mnist1dDenoiser: points is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { Mnist1dDenoiser<float>({.steps = 0}, gen); }) ==
        "Mnist1dDenoiser: steps is 0, expected at least 1");
  Mnist1dDenoiser<float> net({}, gen);
  const Tensor<float, 2> x(2, 41);
  Tensor<index_t, 1> t(2);
  t(1) = 20;
  Tape<float> tape;
  CHECK(error_text<ValueError>([&] { net(tape, tape.input(x), tape.input(x), std::as_const(t).view()); }) ==
        "embedding: index 20 at position (1) is outside [0, 20)");
}

TEST_CASE("mnist1d_s4d_denoiser: gradients agree with finite differences") {
  Generator gen(1);
  Mnist1dS4dDenoiser<double> net({.points = 5, .hidden = 3, .d_state = 4, .step_dim = 4, .layers = 2, .steps = 4}, gen);
  auto x = random<double>(Extents<2>{3, 5}, 1), c = random<double>(Extents<2>{3, 5}, 2);
  const auto t = some_steps(3, 4);
  const GradCheck check =
      grad_check([&](Tape<double>& tape, auto a, auto b) { return net(tape, a, b, t.view()); }, x, c);
  INFO(check.text());
  CHECK(check.error < 1e-6);
  CHECK(parameter_error(net, [&](Tape<double>& tape) { return net(tape, tape.input(x), tape.input(c), t.view()); }) <
        1e-6);
  CHECK(error_text<ValueError>([&] { Mnist1dS4dDenoiser<float>({.layers = 0}, gen); }) ==
        "Mnist1dS4dDenoiser: layers is 0, expected at least 1");
}

// Every position hears of every other: the map to be learned moves the last five values to the front.
TEST_CASE("mnist1d_s4d_denoiser: each output depends on the condition at both ends") {
  Generator gen(1);
  Mnist1dS4dDenoiser<double> net({.hidden = 4, .d_state = 4}, gen);
  auto x = random<double>(Extents<2>{1, 41}, 1), c = random<double>(Extents<2>{1, 41}, 2);
  const auto t = some_steps(1, 20);
  for (const index_t at : {0, 20, 40}) {
    Tape<double> tape;
    const auto condition = tape.variable(c.view());
    const auto y = net(tape, tape.input(x), condition, t.view());
    Tensor<double, 2> seed(1, 41);
    seed(0, at) = 1;
    tape.backward(y, seed.view());
    CHECK(condition.grad()(0, 0) != 0);
    CHECK(condition.grad()(0, 40) != 0);
  }
}
