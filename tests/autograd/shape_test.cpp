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

TEST_CASE("slice, flip, transpose, concat, delay: elements land where they should") {
  auto x = random<double>(Extents<3>{2, 3, 5}), z = random<double>(Extents<3>{2, 4, 5}, 2);
  Tape<double> tape;
  const auto v = tape.input(x), w = tape.input(z);
  const auto joined = concat(1, v, w, v).value();
  REQUIRE(joined.sizes() == Extents<3>{2, 10, 5});
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 5; ++l) {
      for (index_t h = 0; h < 3; ++h) {
        CHECK(flip(v, -1).value()(b, h, l) == x(b, h, 4 - l));
        CHECK(transpose(v, 1, 2).value()(b, l, h) == x(b, h, l));
        CHECK(delay(v).value()(b, h, l) == (l == 0 ? 0 : x(b, h, l - 1)));
        CHECK(joined(b, h, l) == x(b, h, l));
        CHECK(joined(b, 7 + h, l) == x(b, h, l));
      }
      for (index_t h = 0; h < 4; ++h) CHECK(joined(b, 3 + h, l) == z(b, h, l));
    }
  CHECK(slice(v, 2, 1, 4).value()(1, 2, 0) == x(1, 2, 1));
  CHECK(contiguous(slice(v, 2, 1, 4)).value().contiguous());
  CHECK(contiguous(v).value().data() == x.data());
  Tensor<double, 3> none(2, 3, 0);
  CHECK(flip(tape.input(none), 2).size(2) == 0);
  CHECK(delay(tape.input(none)).size(2) == 0);
}

TEST_CASE("slice, flip, transpose, concat, delay: gradients agree with differences") {
  auto x = random<double>(Extents<3>{2, 3, 5}), z = random<double>(Extents<3>{2, 4, 5}, 2);
  CHECK(grad_check([](auto&, auto a) { return contiguous(slice(a, 2, 1, 4)); }, x).error < 1e-9);
  CHECK(grad_check([](auto&, auto a) { return flip(a, 1); }, x).error < 1e-9);
  CHECK(grad_check([](auto&, auto a) { return transpose(a, 0, 2); }, x).error < 1e-9);
  CHECK(grad_check([](auto&, auto a) { return delay(a); }, x).error < 1e-9);
  CHECK(grad_check([](auto&, auto a, auto b) { return concat(1, a, b, a); }, x, z).error < 1e-9);
  Tape<double> tape;
  CHECK(error_text<ShapeError>([&] { concat(2, tape.input(x), tape.input(z)); }) ==
        "concat: (2, 3, 5) and (2, 4, 5) differ beside axis 2");
}
