#include "longwave/optim/adamw.hpp"

#include "two_parameters.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("adamw: follows the formula with decoupled weight decay and groups", "", float, double) {
  using T = TestType;
  const double tolerance = std::is_same_v<T, float> ? 5e-6 : 1e-14;  // as for Adam
  TwoParameters<T> model({.lr = 0.1, .weight_decay = 0.0});
  AdamW opt(model, {.lr = 0.01, .weight_decay = 0.5});
  double p[10], m[10] = {}, v[10] = {};
  for (index_t i = 0; i < 10; ++i) p[i] = i < 6 ? model.a.value.data()[i] : model.b.value.data()[i - 6];
  for (int step = 1; step <= 5; ++step) {
    model.fill_gradients(std::uint64_t(step));
    for (index_t i = 0; i < 10; ++i) {
      const double g = i < 6 ? model.a.grad.data()[i] : model.b.grad.data()[i - 6];
      const double lr = i < 6 ? 0.01 : 0.1;
      p[i] *= 1 - lr * (i < 6 ? 0.5 : 0.0);
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      p[i] -= lr * m[i] / (1 - std::pow(0.9, step)) / (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
    }
    opt.step();
    for (index_t i = 0; i < 10; ++i) {
      const double got = i < 6 ? model.a.value.data()[i] : model.b.value.data()[i - 6];
      CHECK(std::abs(got - p[i]) < tolerance);
    }
  }
}

TEST_CASE("adamw: saved state continues with the same bits") {
  TwoParameters<float> one, two;
  AdamW first(one, {.lr = 0.1}), again(two, {.lr = 0.1});
  for (std::uint64_t step = 0; step < 3; ++step) {
    one.fill_gradients(step);
    first.step();
  }
  std::copy_n(one.a.value.data(), 6, two.a.value.data());
  std::copy_n(one.b.value.data(), 4, two.b.value.data());
  auto from = first.state(), restored = again.state();
  for (std::size_t i = 0; i < from.size(); ++i) std::copy_n(from[i].value, from[i].count, restored[i].value);
  again.set_steps(first.steps());
  one.fill_gradients(9);
  two.fill_gradients(9);
  first.step();
  again.step();
  CHECK(std::equal(one.a.value.data(), one.a.value.data() + 6, two.a.value.data()));
  CHECK(std::equal(one.b.value.data(), one.b.value.data() + 4, two.b.value.data()));
}

TEST_CASE("adamw: the same bits for any number of threads, over many blocks") {
  auto train = [](int threads) {
    set_num_threads(threads);
    Parameter<float, 1> p{{100003}};
    Generator(1).normal(p.value.view());
    AdamW<float> opt(std::vector{detail::parameter_ref("p", p.value, p.grad.data(), p.group)}, {.lr = 0.1});
    for (std::uint64_t step = 0; step < 3; ++step) {
      Generator(step + 5).normal(p.grad.view());
      opt.step();
    }
    set_num_threads(0);
    return std::move(p.value);
  };
  const Tensor<float, 1> serial = train(1), parallel = train(4);
  CHECK(std::equal(serial.data(), serial.data() + serial.count(), parallel.data()));
}
