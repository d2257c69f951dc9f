#include "longwave/core/extents.hpp"

#include "check.hpp"

using namespace longwave;

TEST_CASE("extents: count is the product of the sizes, 1 for rank 0") {
  CHECK(Extents<3>{2, 3, 5}.count() == 30);
  CHECK(Extents<2>{4, 0}.count() == 0);
  CHECK(Extents<0>().count() == 1);
}

TEST_CASE("extents: the rank is deduced and every integer type converts") {
  const Extents sizes{2, std::size_t(3), index_t(4)};
  STATIC_REQUIRE(std::is_same_v<decltype(sizes), const Extents<3>>);
  CHECK(sizes == Extents<3>{2, 3, 4});
  CHECK_FALSE(sizes == Extents<3>{2, 3, 5});
}

TEST_CASE("extents: dense strides are those of row-major order") {
  CHECK(dense_strides(Extents<3>{2, 3, 5}) == Extents<3>{15, 5, 1});
  CHECK(dense_strides(Extents<1>{7}) == Extents<1>{1});
  CHECK(dense_strides(Extents<2>{3, 0}) == Extents<2>{0, 1});
}

TEST_CASE("extents: sizes are usable in constant expressions") {
  constexpr Extents<2> sizes{6, 7};
  STATIC_REQUIRE(sizes.count() == 42);
  STATIC_REQUIRE(dense_strides(sizes)[0] == 7);
}

TEST_CASE("extents: text names sizes, with letters where they are given") {
  CHECK(to_string(Extents<3>{8, 64, 1024}) == "(8, 64, 1024)");
  CHECK(to_string(Extents<3>{8, 64, 1024}, "BHL") == "(B=8, H=64, L=1024)");
  CHECK(to_string(Extents<2>{8, 64}, "B") == "(B=8, 64)");
  CHECK(to_string(Extents<0>()) == "()");
}
