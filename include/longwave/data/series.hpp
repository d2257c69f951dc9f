// series.hpp - windows of a long series with missing values: what imputation and forecasting train and test on.
//
//   const auto table = read_csv<float>("ETTh1.csv");
//   const Normalizer<float> scale = fit_observed(table.values.view(), {0, 8640});   // training rows only
//   auto x = series_windows(table.values.view(), {0, 8640}, {.length = 192, .stride = 24});   // (n, C, L)
//   scale.apply(x.view());
//   const Tensor<float, 3> mask = take_missing(x.view());       // 1 = observed; x is 0 where it was NaN
#pragma once

#include <cmath>
#include <string>
#include <type_traits>

#include "longwave/data/normalize.hpp"

namespace longwave {

struct RowRange {
  index_t begin = 0, end = 0;  // rows [begin, end)
};

struct WindowOptions {
  index_t length = 0;
  index_t stride = 1;
};

namespace detail {

inline void check_rows(const char* op, RowRange rows, index_t n) {
  if (rows.begin < 0 || rows.begin > rows.end || rows.end > n)
    throw_value_error(std::string(op) + ": rows [" + std::to_string(rows.begin) + ", " + std::to_string(rows.end) +
                      ") of a series of " + std::to_string(n));
}

}  // namespace detail

// Windows of values (rows, C) that lie inside `rows`, time last: x (n, C, L), window i from row begin + i stride on.
template <class T>
Tensor<std::remove_const_t<T>, 3> series_windows(TensorView<T, 2> values, RowRange rows, WindowOptions window) {
  detail::check_rows("series_windows", rows, values.size(0));
  const index_t C = values.size(1), L = window.length;
  if (L < 1 || window.stride < 1)
    throw_value_error("series_windows: length " + std::to_string(L) + " and stride " + std::to_string(window.stride) +
                      ", both are at least 1");
  if (rows.end - rows.begin < L)
    throw_value_error("series_windows: rows [" + std::to_string(rows.begin) + ", " + std::to_string(rows.end) +
                      ") hold no window of length " + std::to_string(L));
  const index_t n = (rows.end - rows.begin - L) / window.stride + 1;
  auto x = Tensor<std::remove_const_t<T>, 3>::uninitialized({n, C, L});
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) x(i, c, l) = values(rows.begin + i * window.stride + l, c);
  return x;
}

// Mean and deviation of each column of values (rows, C) over the rows that are not NaN there. A column without a value
// is refused: name a range of rows that has some.
template <class T>
Normalizer<std::remove_const_t<T>> fit_observed(TensorView<T, 2> values, RowRange rows) {
  using U = std::remove_const_t<T>;
  detail::check_rows("fit_observed", rows, values.size(0));
  Normalizer<U> scale(values.size(1));
  for (index_t c = 0; c < values.size(1); ++c) {
    index_t n = 0;
    for (index_t r = rows.begin; r < rows.end; ++r) n += std::isnan(values(r, c)) ? 0 : 1;
    if (n == 0)
      throw_value_error("fit_observed: column " + std::to_string(c) + " has no value in rows [" +
                        std::to_string(rows.begin) + ", " + std::to_string(rows.end) + ")");
    auto seen = Tensor<U, 3>::uninitialized({1, 1, n});
    for (index_t r = rows.begin, i = 0; r < rows.end; ++r)
      if (!std::isnan(values(r, c))) seen(0, 0, i++) = values(r, c);
    Normalizer<U> of_column;
    of_column.fit(seen);
    scale.mean(c) = of_column.mean(0);
    scale.deviation(c) = of_column.deviation(0);
  }
  return scale;
}

// The mask of x, 1 where it has a value and 0 where it is NaN; x becomes 0 there, so that it may enter a network.
template <class T, int N>
Tensor<T, N> take_missing(TensorView<T, N> x) {
  Tensor<T, N> mask(x.sizes());
  const TensorView<T, 1> flat = x.flat();
  for (index_t i = 0; i < flat.size(0); ++i) {
    mask.data()[i] = std::isnan(flat(i)) ? T(0) : T(1);
    if (std::isnan(flat(i))) flat(i) = 0;
  }
  return mask;
}

}  // namespace longwave
