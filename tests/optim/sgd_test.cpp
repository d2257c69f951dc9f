#include "longwave/optim/sgd.hpp"

#include "two_parameters.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// One element through the formula of torch.optim.SGD, written with its first-step copy of the gradient.
struct Reference {
  double p, buffer = 0;
  bool first = true;
  void step(double g, double lr, double momentum, double decay, bool nesterov) {
    g += decay * p;
    if (momentum != 0) {
      buffer = first ? g : momentum * buffer + g;
      first = false;
      g = nesterov ? g + momentum * buffer : buffer;
    }
    p -= lr * g;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("sgd: follows the formula with momentum, nesterov and groups", "", float, double) {
  using T = TestType;
  // Single precision: five steps of a few roundings each on numbers of size 1.
  const double tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-14;
  const SgdOptions all[] = {{.lr = 0.1},
                            {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01},
                            {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true}};
  for (const SgdOptions& options : all) {
    TwoParameters<T> model({.lr = 0.01, .weight_decay = 0.1});
    Sgd opt(model, options);
    std::vector<Reference> want;
    for (index_t i = 0; i < 6; ++i) want.push_back({model.a.value.data()[i]});
    for (index_t i = 0; i < 4; ++i) want.push_back({model.b.value.data()[i]});
    for (std::uint64_t step = 0; step < 5; ++step) {
      model.fill_gradients(step);
      if (step == 3) opt.set_lr(0.05);  // halves the rate of both groups
      const double factor = step >= 3 ? 0.5 : 1;
      for (index_t i = 0; i < 10; ++i) {
        const bool in_b = i >= 6;
        const double g = in_b ? model.b.grad.data()[i - 6] : model.a.grad.data()[i];
        want[std::size_t(i)].step(g, factor * (in_b ? 0.01 : 0.1), options.momentum, in_b ? 0.1 : options.weight_decay,
                                  options.nesterov);
      }
      opt.step();
      for (index_t i = 0; i < 10; ++i) {
        const double got = i >= 6 ? model.b.value.data()[i - 6] : model.a.value.data()[i];
        CHECK(std::abs(got - want[std::size_t(i)].p) < tolerance);
      }
    }
    CHECK(opt.steps() == 5);
    for (index_t i = 0; i < 6; ++i) CHECK(model.a.grad.data()[i] == 0);
  }
}

TEST_CASE("sgd: saved state continues with the same bits") {
  TwoParameters<float> one, two;
  Sgd first(one, {.lr = 0.1, .momentum = 0.9}), second(two, {.lr = 0.1, .momentum = 0.9});
  one.fill_gradients(1);
  first.step();
  auto from = first.state(), to = second.state();
  REQUIRE(from.size() == 2);
  CHECK(from[0].name == "momentum_buffer.a");
  CHECK(from[0].shape == std::vector<index_t>{3, 2});
  for (std::size_t i = 0; i < from.size(); ++i) std::copy_n(from[i].value, from[i].count, to[i].value);
  std::copy_n(one.a.value.data(), 6, two.a.value.data());
  second.set_steps(first.steps());
  one.fill_gradients(2);
  two.fill_gradients(2);
  first.step();
  second.step();
  CHECK(std::equal(one.a.value.data(), one.a.value.data() + 6, two.a.value.data()));
}

TEST_CASE("sgd: options outside their range are named") {
  TwoParameters<float> model;
  auto text = [&](SgdOptions options) { return error_text<ValueError>([&] { Sgd opt(model, options); }); };
  CHECK(text({.lr = -1}) == "Sgd: lr is -1.000000, expected a finite number of at least 0");
  CHECK(text({.lr = NAN}).find("Sgd: lr") == 0);
  CHECK(text({.weight_decay = -0.5}).find("Sgd: weight_decay") == 0);
  CHECK(text({.momentum = -0.5}).find("Sgd: momentum") == 0);
  CHECK(text({.nesterov = true}).find("Sgd: momentum") == 0);
  TwoParameters<float> bad({.lr = INFINITY});
  CHECK(error_text<ValueError>([&] { Sgd opt(bad, {}); }).find("lr of b") != std::string::npos);
  Sgd opt(model, {});
  CHECK(error_text<ValueError>([&] { opt.set_lr(NAN); }).find("Sgd: lr") == 0);
}

TEST_CASE("sgd: a parameter that is not trainable stays") {
  TwoParameters<double> model({.trainable = false});
  const Tensor<double, 1> before = model.b.value.clone();
  Sgd opt(model, {.lr = 0.5});
  model.fill_gradients(3);
  opt.step();
  CHECK(opt.parameters().size() == 1);
  CHECK(std::equal(before.data(), before.data() + 4, model.b.value.data()));
}
