#include "longwave/data/normalize.hpp"

#include "check.hpp"
#include "files.hpp"
#include "longwave/nn/module.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("normalize: each channel gets mean 0 and deviation 1, and back") {
  auto x = random<float>(Extents<3>{7, 3, 31});
  for (index_t i = 0; i < 7; ++i)
    for (index_t l = 0; l < 31; ++l) x(i, 1, l) = 1000 + 5 * x(i, 1, l);
  const auto before = x.clone();
  Normalizer<float> n;
  n.fit(x);
  CHECK(n.mean(1) == Approx(1000).margin(2));
  CHECK(n.deviation(1) == Approx(5).margin(1));
  n.apply(x);
  for (index_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (index_t i = 0; i < 7; ++i)
      for (index_t l = 0; l < 31; ++l) {
        sum += static_cast<double>(x(i, c, l));
        squares += static_cast<double>(x(i, c, l)) * static_cast<double>(x(i, c, l));
      }
    CHECK(std::abs(sum / 217) < 2e-5);  // float's rounding of numbers near 1000, over 5
    CHECK(squares / 217 == Approx(1).margin(1e-4));
  }
  n.undo(x);
  CHECK(relative_error(x, before) < 1e-6);
}

TEST_CASE("normalize: a constant channel becomes zero") {
  Tensor<float, 3> x(3, 1, 7);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = 0.1f;
  Normalizer<float> n;
  n.fit(x);
  CHECK(n.deviation(0) == 1);
  n.apply(x);
  CHECK(x(2, 0, 6) == 0);
}

TEST_CASE("normalize: other channels, nothing to fit and what is not finite are refused") {
  Normalizer<double> n(2);
  Tensor<double, 3> x(1, 3, 4), none(0, 3, 4);
  CHECK(contains(error_text<ShapeError>([&] { n.apply(x); }),
                 "x is (n=1, C=3, L=4) but the statistics are of 2 channels"));
  CHECK(contains(error_text<ValueError>([&] { n.fit(none); }), "nothing to fit"));
  x(0, 1, 2) = INFINITY;
  CHECK(contains(error_text<ValueError>([&] { n.fit(x); }), "channel 1 is not finite"));
}

TEST_CASE("normalize: its statistics are buffers, so a checkpoint holds them") {
  Normalizer<float> n(2);
  const auto refs = state<float>(n);
  REQUIRE(refs.size() == 2);
  CHECK(refs[0].name == "mean");
  CHECK(refs[1].name == "deviation");
  CHECK(refs[1].value[0] == 1);
}
