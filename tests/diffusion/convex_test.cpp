#include "longwave/diffusion/convex.hpp"

#include <utility>
#include <vector>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("random_order: every order of 0 .. n-1, each about as often") {
  Generator gen(3);
  for (const index_t n : {0, 1, 2, 97}) {
    Tensor<index_t, 1> order(n);
    random_order(gen, order.view());
    std::vector<bool> seen(static_cast<std::size_t>(n));
    for (index_t i = 0; i < n; ++i) {
      REQUIRE(order(i) >= 0);
      REQUIRE(order(i) < n);
      REQUIRE(!seen[static_cast<std::size_t>(order(i))]);
      seen[static_cast<std::size_t>(order(i))] = true;
    }
  }
  int counts[6] = {};
  Tensor<index_t, 1> order(3);
  for (int i = 0; i < 6000; ++i) {
    random_order(gen, order.view());
    ++counts[order(0) * 2 + (order(1) > order(2) ? 1 : 0)];
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 150);  // five standard deviations
}

TEST_CASE("random_order: equal keys keep their order") {
  Tensor<float, 1> keys(4);
  keys(0) = keys(2) = 1;
  Tensor<index_t, 1> order(4);
  for_each_index<Host>(4, detail::OrderByRank<float, Host>{order, keys});
  for (const auto& [place, want] : {std::pair(0, 1), std::pair(1, 3), std::pair(2, 0), std::pair(3, 2)})
    CHECK(order(place) == want);
}

TEMPLATE_TEST_CASE("convex_mix: each row with its partner", "", float, double) {
  using T = TestType;
  for (const auto& sizes : {Extents<2>{0, 3}, Extents<2>{1, 1}, Extents<2>{7, 5}, Extents<2>{128, 41}}) {
    const index_t B = sizes[0], P = sizes[1];
    const auto v = random<T>(sizes, 1);
    Tensor<T, 1> keep(B);
    Tensor<index_t, 1> partner(B);
    Generator gen(2);
    draw_pairs(gen, ConvexPairs<T>{keep, partner});
    for (const double share : {1.0, 0.25}) {
      Tensor<T, 2> y(sizes), strided(P, B);
      Tensor<double, 2> want(sizes);
      for (index_t b = 0; b < B; ++b)
        for (index_t p = 0; p < P; ++p) {
          const double a = double(keep(b)), mine = double(v(b, p));
          want(b, p) = (1 - share) * mine + share * (a * mine + (1 - a) * double(v(partner(b), p)));
        }
      convex_mix(y.view(), v, ConvexPairs<T>{keep, partner}, static_cast<T>(share));
      convex_mix(strided.view().transpose(0, 1), v, ConvexPairs<T>{keep, partner}, static_cast<T>(share));
      CHECK(relative_error(y, want) < (sizeof(T) == 4 ? 3e-7 : 1e-15));  // three roundings
      CHECK(relative_error(strided.view().transpose(0, 1), y.view()) == 0);
    }
  }
}

TEST_CASE("convex_mix: errors name the shapes") {
  Tensor<float, 2> v(3, 5), y(3, 5), wrong(3, 4);
  Tensor<float, 1> keep(3), short_keep(2);
  Tensor<index_t, 1> partner(3), short_partner(2);
  CHECK(error_text<ShapeError>([&] {
          convex_mix(wrong.view(), v, ConvexPairs<float>{keep, partner});
        }) == "convex_mix: y and v differ in shape: y is (3, 4), v is (3, 5)");
  CHECK(error_text<ShapeError>([&] {
          convex_mix(y.view(), v, ConvexPairs<float>{short_keep, partner});
        }) == "convex_mix: keep is (B=2), expected (B=3)");
  CHECK(error_text<ShapeError>([&] {
          convex_mix(y.view(), v, ConvexPairs<float>{keep, short_partner});
        }) == "convex_mix: partner is (B=2), expected (B=3)");
  CHECK(error_text<ValueError>([&] {
          convex_mix(v.view(), v, ConvexPairs<float>{keep, partner});
        }) == "convex_mix: y is v; give it memory of its own");
  Generator gen(1);
  CHECK(error_text<ShapeError>([&] {
          draw_pairs(gen, ConvexPairs<float>{keep, short_partner});
        }) == "draw_pairs: partner is (B=2), expected (B=3)");
}
