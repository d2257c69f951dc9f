#include "longwave/data/column_scaler.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<double, 2> column(std::vector<double> numbers) {
  Tensor<double, 2> x(static_cast<index_t>(numbers.size()), 1);
  std::copy(numbers.begin(), numbers.end(), x.data());
  return x;
}

// A table of n rows with times, lengths that repeat, addresses and heavy-tailed latencies.
Tensor<double, 2> trace(index_t n) {
  auto x = random<double>(Extents<2>{n, 4}, 3);
  for (index_t i = 0; i < n; ++i) {
    x(i, 0) = 5.8e11 * static_cast<double>(i) / static_cast<double>(n) + 0.1;
    x(i, 1) = x(i, 1) > 0 ? 4096 : 512 * std::ceil(10 * std::abs(x(i, 1)));
    x(i, 2) = std::floor(3e8 * std::abs(x(i, 2)));
    x(i, 3) = std::exp(3 + 2 * x(i, 3));
  }
  return x;
}

}  // namespace

TEST_CASE("column_scaler: linear is 2 (x - min) / (max - min) - 1, a constant column is -1") {
  Tensor<double, 2> x(3, 2);
  for (index_t i = 0; i < 3; ++i) {
    x(i, 0) = 10 + 5 * static_cast<double>(i);
    x(i, 1) = 7;
  }
  const ColumnScaler scaler = ColumnScaler::fit(x);
  CHECK(scaler.scale(0, 10) == -1);
  CHECK(scaler.scale(0, 15) == 0);
  CHECK(scaler.scale(0, 30) == 3);  // beyond the range it goes on
  CHECK(scaler.scale(1, 7) == -1);
  CHECK(scaler.unscale(1, -1) == 7);
  CHECK((scaler.min(0) == 10 && scaler.max(0) == 20));
}

TEST_CASE("column_scaler: there and back for every transform, times beyond 2^24 included") {
  for (const index_t n : {1, 2, 997, 9000}) {
    const auto x = trace(n);
    for (const ColumnTransform t : {ColumnTransform::linear, ColumnTransform::log, ColumnTransform::quantile}) {
      const ColumnScaler scaler = ColumnScaler::fit(x, {t, t, t, t});
      Tensor<double, 2> scaled(x.sizes()), back(x.sizes()), ties(x.sizes());
      Generator(1).uniform(ties.view());
      scaler.scale(scaled.view(), x, ties);
      scaler.unscale(back.view(), scaled.view());
      for (index_t i = 0; i < n; ++i)
        for (index_t c = 0; c < 4; ++c) {
          REQUIRE(std::abs(scaled(i, c)) <= 1);
          REQUIRE(std::abs(back(i, c) - x(i, c)) <= 1e-12 * std::max(1.0, scaler.max(c)));
        }
    }
  }
}

TEST_CASE("column_scaler: quantile makes a uniform column; every place of a repeated number leads back to it") {
  const auto x = trace(5000);
  const ColumnTransform q = ColumnTransform::quantile;
  const ColumnScaler scaler = ColumnScaler::fit(x, {q, q, q, q});
  Tensor<double, 2> scaled(x.sizes()), ties(x.sizes());
  Generator(1).uniform(ties.view());
  scaler.scale(scaled.view(), x, ties);
  for (index_t c = 0; c < 4; ++c) {
    double mean = 0, square = 0;
    for (index_t i = 0; i < 5000; ++i) {
      mean += scaled(i, c) / 5000;
      square += scaled(i, c) * scaled(i, c) / 5000;
    }
    CHECK(std::abs(mean) < 0.03);
    CHECK(square == Approx(1.0 / 3).margin(0.03));
  }
  const double low = scaler.scale(1, 4096, 0), high = scaler.scale(1, 4096, 0.999);
  CHECK(high - low > 0.9);  // half of the lengths
  CHECK(scaler.unscale(1, low + 0.3 * (high - low)) == 4096);
  CHECK(scaler.scale(1, -5) == -1);
  CHECK(scaler.scale(1, 1e9) == 1);
  CHECK(scaler.unscale(1, 2) == scaler.max(1));
}

TEST_CASE("column_scaler: quantile of one number, and of numbers that are all equal") {
  for (const auto& numbers : {std::vector<double>{3}, std::vector<double>{3, 3, 3}}) {
    const ColumnScaler scaler = ColumnScaler::fit(column(numbers), {ColumnTransform::quantile});
    CHECK(scaler.unscale(0, scaler.scale(0, 3)) == 3);
    CHECK(std::abs(scaler.scale(0, 3)) <= 1);
  }
}

TEST_CASE("column_scaler: a file brings back the same numbers") {
  TemporaryFolder folder;
  const auto x = trace(500);
  const ColumnScaler scaler = ColumnScaler::fit(
      x, {ColumnTransform::quantile, ColumnTransform::linear, ColumnTransform::log, ColumnTransform::quantile});
  scaler.save(folder / "s.safetensors", {{"trace", "w44"}});
  std::map<std::string, std::string> metadata;
  const ColumnScaler back = ColumnScaler::load(folder / "s.safetensors", &metadata);
  CHECK(metadata["trace"] == "w44");
  CHECK(back.id() == scaler.id());
  CHECK(back.unscale(3, 0.123) == scaler.unscale(3, 0.123));
  CHECK(ColumnScaler::fit(trace(499)).id() != ColumnScaler::fit(x).id());
}

TEST_CASE("column_scaler: errors") {
  Tensor<double, 2> x(3, 2), wide(3, 3);
  CHECK(error_text<ValueError>([&] { ColumnScaler::fit(Tensor<double, 2>(0, 2)); }) ==
        "ColumnScaler: nothing to fit: x is (n=0, C=2)");
  CHECK_THROWS_AS(ColumnScaler::fit(x, {ColumnTransform::log}), ValueError);
  CHECK_THROWS_AS(column_transform("sqrt"), ValueError);
  const ColumnScaler scaler = ColumnScaler::fit(x);
  CHECK(error_text<ShapeError>([&] { scaler.unscale(wide.view(), wide.view()); }) ==
        "ColumnScaler: (n=3, C=3) and (n=3, C=3) for a scaler of 2 columns");
  x(2, 1) = NAN;
  CHECK(error_text<ValueError>([&] { ColumnScaler::fit(x); }) == "ColumnScaler: row 2 of column 1 is not finite");
  TemporaryFolder folder;
  write_safetensors(folder / "other.safetensors", {}, {});
  CHECK(contains(error_text<IoError>([&] { ColumnScaler::load(folder / "other.safetensors"); }),
                 "is not a scaler of columns"));
  CHECK_THROWS_AS(ColumnScaler::load(folder / "none.safetensors"), IoError);
}
