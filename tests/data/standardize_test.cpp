#include "longwave/data/standardize.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("standardize: each position has mean 0, and deviation 1 but for epsilon") {
  auto x = random<double>(Extents<3>{50, 2, 7}, 3);
  for (index_t i = 0; i < 50; ++i) x(i, 1, 3) = 4;  // silent: only epsilon keeps it from 0 / 0
  const PositionScale<double> scale(x.view());
  scale.apply(x.view());
  for (index_t c = 0; c < 2; ++c)
    for (index_t l = 0; l < 7; ++l) {
      double sum = 0, squares = 0;
      for (index_t i = 0; i < 50; ++i) {
        sum += x(i, c, l);
        squares += x(i, c, l) * x(i, c, l);
      }
      CHECK(std::abs(sum) < 1e-12);
      const double s = scale.deviation(c, l);
      CHECK(squares / 49 == Approx(std::pow(s / (s + 1e-5), 2)).margin(1e-20));
    }
  CHECK(contains(error_text<ShapeError>([&] { scale.apply(x.view().slice(2, 0, 6)); }),
                 "x is (n=50, C=2, L=6) but the statistics are (C=2, L=7)"));
  CHECK(contains(error_text<ValueError>([&] { PositionScale<double>(x.view().slice(0, 0, 1)); }),
                 "two sequences or more"));
}

TEST_CASE("standardize: every k-th sample, and dropped samples with their mask") {
  Dataset<float> data{"d", random<float>(Extents<3>{40, 1, 11}), Tensor<index_t, 1>(40), 1};
  const auto half = every_kth(data, 2);
  CHECK(half.x.sizes() == Extents<3>{40, 1, 6});
  CHECK(half.x(3, 0, 5) == data.x(3, 0, 10));
  CHECK(contains(error_text([&] { every_kth(data, 0); }), "every 0th sample"));
  const auto dropped = drop_samples(data, 0.3, {1, 0, 0}), again = drop_samples(data, 0.3, {1, 0, 0});
  CHECK(same_bits(dropped.x, again.x));
  std::vector<int> at(11);
  for (index_t i = 0; i < 40; ++i) {
    int count = 0;
    for (index_t l = 0; l < 11; ++l) {
      const bool there = dropped.x(i, 1, l) == 1;
      CHECK(dropped.x(i, 0, l) == (there ? data.x(i, 0, l) : 0));
      count += !there;
      at[static_cast<std::size_t>(l)] += !there;
    }
    CHECK(count == 3);
  }
  for (const int count : at) CHECK((count > 0 && count < 25));
  CHECK(contains(error_text([&] { drop_samples(data, 1, {1, 0, 0}); }), "a dropped share of 1.0"));
}
