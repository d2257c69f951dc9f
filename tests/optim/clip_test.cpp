#include "longwave/optim/clip.hpp"

#include "two_parameters.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("clip_grad_norm: scales to the largest norm and returns the one before", "", float, double) {
  using T = TestType;
  TwoParameters<T> model;
  const auto refs = parameters<T>(model);
  model.fill_gradients(1);
  double sum = 0;
  for (index_t i = 0; i < 6; ++i) sum += double(model.a.grad.data()[i]) * double(model.a.grad.data()[i]);
  for (index_t i = 0; i < 4; ++i) sum += double(model.b.grad.data()[i]) * double(model.b.grad.data()[i]);
  CHECK(std::abs(clip_grad_norm(refs, 0.5) - std::sqrt(sum)) < 1e-14);
  CHECK(std::abs(grad_norm(refs) - 0.5) < 1e-6);  // the 1e-6 in the formula, and rounding in float
}

TEST_CASE("clip_grad_norm: a small gradient is left as it is") {
  TwoParameters<float> model;
  model.fill_gradients(1);
  const Tensor<float, 2> before = model.a.grad.clone();
  clip_grad_norm(parameters<float>(model), 100);
  CHECK(std::equal(before.data(), before.data() + 6, model.a.grad.data()));
}

TEST_CASE("clip_grad_norm: a norm that is not finite is returned and nothing is scaled") {
  TwoParameters<float> model;
  model.fill_gradients(1);
  model.b.grad(1) = INFINITY;
  const float before = model.a.grad(0, 0);
  CHECK(std::isinf(clip_grad_norm(parameters<float>(model), 1)));
  CHECK(model.a.grad(0, 0) == before);
  CHECK(error_text<ValueError>([&] { clip_grad_norm(parameters<float>(model), 0); }).find("max_norm") !=
        std::string::npos);
}

TEST_CASE("clip_grad_norm: the same bits for any number of threads") {
  Parameter<float, 1> p{{100003}};
  Generator(1).normal(p.grad.view());
  const std::vector refs{detail::parameter_ref("p", p.value, p.grad.data(), p.group)};
  set_num_threads(1);
  const double one = grad_norm(refs);
  set_num_threads(8);
  const double eight = grad_norm(refs);
  set_num_threads(0);
  CHECK(one == eight);
  double sum = 0;
  for (index_t i = 0; i < p.grad.count(); ++i) sum += double(p.grad(i)) * double(p.grad(i));
  CHECK(std::abs(one - std::sqrt(sum)) < 1e-12 * one);
}

TEMPLATE_TEST_CASE("GradClip: the same bits as clip_grad_norm, every time it is applied", "", float, double) {
  using T = TestType;
  TwoParameters<T> model, other;
  GradClip<T> clip(parameters<T>(model), 0.5);
  for (const std::uint64_t seed : {1, 2}) {
    model.fill_gradients(seed);
    other.fill_gradients(seed);
    clip.apply();
    CHECK(clip.last_norm() == clip_grad_norm(parameters<T>(other), 0.5));
    CHECK(relative_error(model.a.grad, other.a.grad) == 0);
    CHECK(relative_error(model.b.grad, other.b.grad) == 0);
  }
  CHECK(error_text<ValueError>([&] { GradClip<T>(parameters<T>(model), 0); }) ==
        "GradClip: max_norm is 0.000000, expected more than 0");
}
