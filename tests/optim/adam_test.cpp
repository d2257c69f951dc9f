#include "longwave/optim/adam.hpp"

#include "two_parameters.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("adam: follows the formula with weight decay in the gradient and groups", "", float, double) {
  using T = TestType;
  // Single precision: the moments are rounded at each step; at a rate of 0.1 five steps stay within some epsilon.
  const double tolerance = std::is_same_v<T, float> ? 5e-6 : 1e-14;
  TwoParameters<T> model({.lr = 0.1, .weight_decay = 0.0});
  Adam opt(model, {.lr = 0.01, .beta1 = 0.5, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.1});
  double p[10], m[10] = {}, v[10] = {};
  for (index_t i = 0; i < 10; ++i) p[i] = i < 6 ? model.a.value.data()[i] : model.b.value.data()[i - 6];
  for (int step = 1; step <= 5; ++step) {
    model.fill_gradients(std::uint64_t(step));
    for (index_t i = 0; i < 10; ++i) {
      const double g = i < 6 ? model.a.grad.data()[i] + 0.1 * p[i] : model.b.grad.data()[i - 6];
      m[i] = 0.5 * m[i] + 0.5 * g;
      v[i] = 0.99 * v[i] + 0.01 * g * g;
      const double m_hat = m[i] / (1 - std::pow(0.5, step)), v_hat = v[i] / (1 - std::pow(0.99, step));
      p[i] -= (i < 6 ? 0.01 : 0.1) * m_hat / (std::sqrt(v_hat) + 1e-6);
    }
    opt.step();
    for (index_t i = 0; i < 10; ++i) {
      const double got = i < 6 ? model.a.value.data()[i] : model.b.value.data()[i - 6];
      CHECK(std::abs(got - p[i]) < tolerance);
    }
  }
  for (index_t i = 0; i < 4; ++i) CHECK(model.b.grad.data()[i] == 0);
}

TEST_CASE("adam: a factor scales the rate of every group") {
  TwoParameters<double> one({.lr = 0.1}), two({.lr = 0.05});
  Adam scaled(one, {.lr = 0.02}), direct(two, {.lr = 0.01});
  scaled.set_lr_factor(0.5);
  CHECK(scaled.lr() == 0.01);
  one.fill_gradients(1);
  two.fill_gradients(1);
  scaled.step();
  direct.step();
  CHECK(relative_error(one.a.value, two.a.value) == 0);
  CHECK(relative_error(one.b.value, two.b.value) == 0);
}

TEST_CASE("adam: the first moment of the state is the mean of the gradients") {
  TwoParameters<double> model;
  Adam opt(model, {});
  model.fill_gradients(1);
  const double g = model.b.grad(2);
  opt.step();
  const auto state = opt.state();
  REQUIRE(state.size() == 4);
  CHECK(state[1].name == "exp_avg.b");
  CHECK(state[3].name == "exp_avg_sq.b");
  CHECK(std::abs(state[1].value[2] - 0.1 * g) < 1e-16);
}

TEST_CASE("adam: options outside their range are named") {
  TwoParameters<float> model;
  auto text = [&](AdamOptions options) { return error_text<ValueError>([&] { Adam opt(model, options); }); };
  CHECK(text({.beta1 = 1}) == "Adam: beta1 is 1.000000, expected [0, 1)");
  CHECK(text({.beta2 = -0.1}).find("Adam: beta2") == 0);
  CHECK(text({.beta2 = NAN}).find("Adam: beta2") == 0);
  CHECK(text({.eps = -1}).find("Adam: eps") == 0);
  CHECK(text({.lr = INFINITY}).find("Adam: lr") == 0);
  CHECK(error_text<ValueError>([&] { Adam<float> opt(std::vector<ParameterRef<float>>{}); }) ==
        "Adam: there is no trainable parameter");
}
