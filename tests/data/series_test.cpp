#include "longwave/data/series.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("series: windows inside a range of rows, time last") {
  Tensor<float, 2> values(10, 2);
  for (index_t r = 0; r < 10; ++r) values(r, 0) = static_cast<float>(r), values(r, 1) = static_cast<float>(100 + r);
  const auto x = series_windows(values.view(), {1, 9}, {.length = 3, .stride = 2});
  REQUIRE(x.sizes() == Extents<3>{3, 2, 3});  // rows 1-3, 3-5, 5-7
  CHECK(x(0, 0, 0) == 1);
  CHECK(x(2, 0, 2) == 7);
  CHECK(x(2, 1, 2) == 107);
  CHECK(series_windows(std::as_const(values).view(), {1, 9}, {.length = 8}).size(0) == 1);
  CHECK(error_text<ValueError>([&] {
          series_windows(values.view(), {1, 9}, {.length = 9});
        }) == "series_windows: rows [1, 9) hold no window of length 9");
  CHECK(error_text<ValueError>([&] {
          series_windows(values.view(), {0, 11}, {.length = 1});
        }) == "series_windows: rows [0, 11) of a series of 10");
  CHECK(contains(error_text<ValueError>([&] {
                   series_windows(values.view(), {0, 5}, {.length = 2, .stride = 0});
                 }),
                 "stride 0, both are at least 1"));
}

TEST_CASE("series: statistics of the training rows, over what was observed") {
  Tensor<double, 2> values(6, 2);
  const double first[] = {1, NAN, 3, 100, NAN, -7}, second[] = {NAN, 5, 5, 5, 5, 5};
  for (index_t r = 0; r < 6; ++r) values(r, 0) = first[r], values(r, 1) = second[r];
  auto scale = fit_observed(values.view(), {0, 3});
  CHECK(scale.mean(0) == 2);
  CHECK(scale.deviation(0) == 1);
  CHECK(scale.mean(1) == 5);
  CHECK(scale.deviation(1) == 1);  // a constant column
  auto x = series_windows(values.view(), {0, 6}, {.length = 6});
  scale.apply(x.view());
  CHECK(x(0, 0, 3) == 98);
  CHECK(std::isnan(x(0, 0, 1)));
  const auto mask = take_missing(x.view());
  CHECK(mask(0, 0, 1) == 0);
  CHECK(x(0, 0, 1) == 0);
  CHECK(mask(0, 0, 0) == 1);
  CHECK(mask(0, 1, 0) == 0);
  CHECK(error_text<ValueError>([&] {
          fit_observed(std::as_const(values).view(), {4, 5});
        }) == "fit_observed: column 0 has no value in rows [4, 5)");
}
