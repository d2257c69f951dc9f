#include "longwave/autograd/functions/shape.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("reshape, select_last_axis: the same elements, and gradients go back to their places") {
  auto x = random<double>(Extents<3>{2, 3, 4});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto flat = reshape(v, Extents<2>{6, 4});
  const auto last = select_last_axis(v, -1);
  CHECK(flat.value()(5, 3) == x(1, 2, 3));
  CHECK(last.sizes() == Extents<2>{2, 3});
  CHECK(last.value()(1, 2) == x(1, 2, 3));
  CHECK(select_last_axis(v, 0).value()(1, 2) == x(1, 2, 0));

  const auto two = random<double>(Extents<2>{2, 3}, 2);
  tape.backward(last, two);
  for (index_t i = 0; i < 2; ++i)
    for (index_t j = 0; j < 3; ++j)
      for (index_t k = 0; k < 4; ++k) CHECK(v.grad()(i, j, k) == (k == 3 ? two(i, j) : 0.0));
  CHECK(grad_check([](auto&, auto a) { return reshape(a, Extents<1>{24}); }, x).error < 1e-8);
}

TEST_CASE("reshape, select_last_axis: what does not fit is named") {
  auto x = random<double>(Extents<2>{2, 3});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  CHECK(error_text<ShapeError>([&] { reshape(v, Extents<1>{5}); }) ==
        "reshape: (2, 3) and (5) differ in number of elements");
  CHECK(error_text<ValueError>([&] { select_last_axis(v, 3); }) == "select_last_axis: position 3 of (2, 3)");
}
