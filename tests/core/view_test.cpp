#include "longwave/core/view.hpp"

#include <vector>

#include "check.hpp"

using namespace longwave;
using longwave::test::error_text;

namespace {

std::vector<int> counted(int n) {
  std::vector<int> numbers(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) numbers[static_cast<std::size_t>(i)] = i;
  return numbers;
}

}  // namespace

TEST_CASE("view: elements lie in row-major order") {
  auto numbers = counted(24);
  const TensorView<int, 3> x(numbers.data(), {2, 3, 4});
  for (int b = 0; b < 2; ++b)
    for (int h = 0; h < 3; ++h)
      for (int l = 0; l < 4; ++l) CHECK(x(b, h, l) == (b * 3 + h) * 4 + l);
  CHECK(x.count() == 24);
  CHECK(x.contiguous());
  CHECK_FALSE(x.empty());
}

TEST_CASE("view: a default view has no data and no elements") {
  const TensorView<float, 2> none;
  CHECK(none.data() == nullptr);
  CHECK(none.empty());
  CHECK_FALSE(wanted(none));
}

TEST_CASE("view: a scalar is read without an index") {
  double number = 3;
  const TensorView<double, 0> x(&number, {});
  CHECK(x() == 3);
  CHECK(x.count() == 1);
  CHECK(x.contiguous());
}

TEST_CASE("view: it is trivially copyable, converts to const and never back, nor to another rank or device") {
  STATIC_REQUIRE(std::is_trivially_copyable_v<TensorView<float, 3>>);
  STATIC_REQUIRE(std::is_convertible_v<TensorView<float, 2>, TensorView<const float, 2>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<TensorView<const float, 2>, TensorView<float, 2>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<TensorView<float, 2>, TensorView<float, 3>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<TensorView<float, 2>, TensorView<double, 2>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<TensorView<float, 2, Cuda>, TensorView<const float, 2, Host>>);
}

TEST_CASE("view: an index takes one part of the first axis") {
  auto numbers = counted(24);
  const TensorView<int, 3> x(numbers.data(), {2, 3, 4});
  CHECK(x[1].sizes() == Extents<2>{3, 4});
  CHECK(x[1][2](3) == 23);
  CHECK(x[1][2][3]() == 23);
}

TEST_CASE("view: a slice refers to the same elements and keeps the strides") {
  auto numbers = counted(24);
  const TensorView<int, 3> x(numbers.data(), {2, 3, 4});
  const auto part = x.slice(2, 1, 3);
  CHECK(part.sizes() == Extents<3>{2, 3, 2});
  CHECK_FALSE(part.contiguous());
  CHECK(part(1, 2, 0) == 21);
  part(1, 2, 1) = -1;
  CHECK(numbers[22] == -1);
  CHECK(x.slice(0, 1, 2).contiguous());
  CHECK(x.slice(1, 3, 3).empty());
}

TEST_CASE("view: a slice outside the axis is an error that names it") {
  auto numbers = counted(6);
  const TensorView<int, 2> x(numbers.data(), {2, 3});
  CHECK(error_text<ShapeError>([&] { x.slice(1, 2, 4); }) == "slice: [2, 4) of axis 1 of (2, 3)");
  CHECK(error_text<ShapeError>([&] { x.slice(1, 2, 1); }) == "slice: [2, 1) of axis 1 of (2, 3)");
  CHECK(error_text<ShapeError>([&] { x.slice(0, -1, 1); }) == "slice: [-1, 1) of axis 0 of (2, 3)");
  CHECK(error_text<ShapeError>([&] { x.slice(2, 0, 0); }) == "slice: [0, 0) of axis 2 of (2, 3)");
}

TEST_CASE("view: transpose exchanges two axes") {
  auto numbers = counted(24);
  const TensorView<int, 3> x(numbers.data(), {2, 3, 4});
  const auto t = x.transpose(0, 2);
  CHECK(t.sizes() == Extents<3>{4, 3, 2});
  CHECK(t(3, 1, 0) == x(0, 1, 3));
  CHECK_FALSE(t.contiguous());
  CHECK(t.transpose(0, 2).contiguous());
}

TEST_CASE("view: axes of size 1 do not matter for contiguity") {
  float number = 0;
  CHECK(TensorView<float, 3>(&number, {1, 1, 1}, {100, 7, 3}).contiguous());
  CHECK(TensorView<float, 2>(&number, {1, 1}).transpose(0, 1).contiguous());
}

TEST_CASE("view: reshape needs contiguous elements and the same number of them") {
  auto numbers = counted(24);
  const TensorView<int, 3> x(numbers.data(), {2, 3, 4});
  CHECK(x.reshape(Extents<2>{6, 4})(5, 3) == 23);
  CHECK(x.flat().sizes() == Extents<1>{24});
  CHECK(error_text<ShapeError>([&] {
          x.reshape(Extents<2>{5, 5});
        }) == "reshape: (2, 3, 4) and (5, 5) differ in number of elements");
  CHECK(error_text<ShapeError>([&] { x.transpose(0, 1).flat(); }) ==
        "reshape: the view is not contiguous; copy it first");
}

TEST_CASE("view: shape checks name operation, arguments and sizes") {
  float numbers[24] = {};
  const TensorView<float, 2> a(numbers, {2, 3}), b(numbers, {3, 2});
  CHECK_NOTHROW(check_same_shape("op", "a", a, "a", a));
  CHECK(error_text<ShapeError>([&] { check_same_shape("op", "a", a, "b", b); }) ==
        "op: a and b differ in shape: a is (2, 3), b is (3, 2)");
  CHECK_NOTHROW(check_shape("op", "a", a, {2, 3}));
  CHECK(error_text<ShapeError>([&] {
          check_shape("op", "a", a, {2, 4}, "HL");
        }) == "op: a is (H=2, L=3), expected (H=2, L=4)");
}

TEST_CASE("view: a gradient may be left out, and is checked when it is there") {
  float numbers[6] = {};
  CHECK_NOTHROW(check_gradient("op", "dx", TensorView<float, 2>(), {2, 3}));
  CHECK_NOTHROW(check_gradient("op", "dx", TensorView<float, 2>(numbers, {2, 3}), {2, 3}));
  CHECK(error_text<ShapeError>([&] {
          check_gradient("op", "dx", TensorView<float, 2>(numbers, {3, 2}), {2, 3});
        }) == "op: dx is (3, 2), expected (2, 3)");
}
