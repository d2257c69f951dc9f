#include "longwave/core/tensor.hpp"

#include <cstdint>
#include <limits>

#include "check.hpp"

using namespace longwave;
using longwave::test::error_text;

TEMPLATE_TEST_CASE("tensor: new elements are zero and start on 64 bytes", "", float, double, std::int32_t) {
  for (const index_t n : {1, 2, 31, 997}) {
    const Tensor<TestType, 2> x(3, n);
    CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % alignment == 0);
    CHECK(x.count() == 3 * n);
    CHECK(x.bytes() == static_cast<std::size_t>(3 * n) * sizeof(TestType));
    bool zero = true;
    for (index_t i = 0; i < x.count(); ++i) zero &= x.data()[i] == TestType(0);
    CHECK(zero);
  }
}

TEST_CASE("tensor: a default tensor and one with a size of 0 hold nothing") {
  Tensor<float, 2> none, empty(0, 3);
  CHECK(none.data() == nullptr);
  CHECK(none.count() == 0);
  CHECK(empty.count() == 0);
  CHECK(empty.size(1) == 3);
  CHECK_NOTHROW(empty.zero());
  CHECK(empty.clone().sizes() == Extents<2>{0, 3});
}

TEST_CASE("tensor: rank 0 holds one number") {
  Tensor<double, 0> x{Extents<0>()};
  x() = 2.5;
  CHECK(x.count() == 1);
  CHECK(x.clone()() == 2.5);
}

TEST_CASE("tensor: negative sizes and more elements than can be counted are errors") {
  CHECK(error_text<ShapeError>([] { Tensor<float, 2>(2, -1); }) == "Tensor: a negative size in (2, -1)");
  const index_t huge = index_t(1) << 40;
  CHECK(error_text<ShapeError>([&] { Tensor<float, 2>(huge, huge); }) ==
        "Tensor: (1099511627776, 1099511627776) is more than memory can address");
  CHECK(error_text<ShapeError>([&] { Tensor<double, 1>{Extents<1>{std::numeric_limits<index_t>::max()}}; }) ==
        "Tensor: (9223372036854775807) is more than memory can address");
}

TEST_CASE("tensor: a move leaves an empty tensor and keeps the address") {
  Tensor<float, 1> a(5);
  a(3) = 7;
  const float* data = a.data();
  Tensor<float, 1> b = std::move(a);
  CHECK(b.data() == data);
  CHECK(b(3) == 7);
  CHECK(a.data() == nullptr);  // NOLINT: that is what is tested
  Tensor<float, 1> c(2);
  c = std::move(b);
  CHECK(c.data() == data);
  CHECK(c.size(0) == 5);
}

TEST_CASE("tensor: a clone has elements of its own") {
  Tensor<float, 2> a(2, 2);
  a(1, 0) = 1;
  Tensor<float, 2> b = a.clone();
  b(1, 0) = 2;
  CHECK(a(1, 0) == 1);
  CHECK(b(1, 0) == 2);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Tensor<float, 2>>);
}

TEST_CASE("tensor: a const tensor gives read-only views only") {
  STATIC_REQUIRE(std::is_convertible_v<Tensor<float, 2>&, TensorView<float, 2>>);
  STATIC_REQUIRE(std::is_convertible_v<const Tensor<float, 2>&, TensorView<const float, 2>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<const Tensor<float, 2>&, TensorView<float, 2>>);
}
