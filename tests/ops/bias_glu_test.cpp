#include "longwave/ops/bias_glu.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/bias_glu.hpp"
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
