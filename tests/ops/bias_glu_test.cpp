#include "longwave/ops/bias_glu.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/bias_glu.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/shape.hpp"

using namespace longwave;
using namespace longwave::test;

// Values and edges: typed_pointwise_test.cpp.
TEMPLATE_TEST_CASE("bias_glu: on a tape, glu of the sum", "", float, double) {
  const auto z = random<TestType>(Extents(3, 8, 21));
  const auto bias = random<TestType>(Extents(8), 2);
  Tape<TestType> tape;
  const auto u = tape.input(z);
  const auto b = tape.input(bias);
  const auto want = glu(u + reshape(b, Extents<3>{1, 8, 1}), 1);
  CHECK(relative_error(bias_glu(u, b).value(), want.value()) <= 1e-6);
}

TEST_CASE("bias_glu: gradients of both") {
  auto z = random<double>(Extents(2, 6, 5), 3);
  auto bias = random<double>(Extents(6), 4);
  const GradCheck check = grad_check([](auto&, auto u, auto b) { return bias_glu(u, b); }, z, bias);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("linear_glu_after: gradients of all three, also of an input that is used twice, with and without dropout") {
  auto x = random<double>(Extents(2, 4, 5), 5);
  auto W = random<double>(Extents(6, 4, 1), 6);
  auto bias = random<double>(Extents(6), 7);
  for (const double p : {0.0, 0.3}) {
    const GradCheck check = grad_check(
        [p](auto& tape, auto u, auto w, auto b) {
          Generator gen(8);  // the same draw each time
          tape.train(gen);
          const auto y = linear_glu_after(u, SiluRule(), w, b, p) + slice(u, 1, 0, 3);
          tape.evaluate();
          return y;
        },
        x, W, bias);
    INFO("p " << p << ": " << check.text());
    CHECK(check.error < 1e-8);
  }
}

TEST_CASE("linear_glu_after: the values of its parts") {
  const auto x = random<float>(Extents(3, 5, 31), 9);
  const auto W = random<float>(Extents(8, 5, 1), 10);
  const auto bias = random<float>(Extents(8), 11);
  Tape<float> tape;
  const auto u = tape.input(x), w = tape.input(W);
  const auto b = tape.input(bias);
  const auto want = bias_glu(conv1d(gelu(u), w, {}), b);
  CHECK(relative_error(linear_glu_after(u, GeluRule(), w, b).value(), want.value()) == 0);
}
