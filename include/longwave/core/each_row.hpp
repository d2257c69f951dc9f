// each_row.hpp - a loop over rows and columns that also adds something up along each row, as core/each.hpp: the same
// text on the host and on the device.
//
//   template <class T, device D>
//   struct RowMeans {
//     static constexpr const char* name = "row_means";
//     TensorView<T, 1, D> mean;
//     TensorView<const T, 2, D> x;
//     LONGWAVE_HD Sums<1> operator()(index_t row, index_t column) const { return {{double(x(row, column))}}; }
//     LONGWAVE_HD void finish(index_t row, const Sums<1>& sum) const { mean(row) = T(sum.at[0] / double(x.size(1))); }
//   };
//   for_each_row<D>(rows, columns, RowMeans<T, D>{mean, x});
//
// The host adds columns in order, the device gives a row to a warp: lanes in steps of 32, then pairs of lanes. The
// order depends on sizes alone. finish is called once per row, also where there are no columns.
#pragma once

#include <type_traits>

#include "longwave/core/device.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/cuda/each_row.hpp"

namespace longwave {

template <int K>
struct Sums {
  double at[K] = {};

  LONGWAVE_HD void operator+=(const Sums& other) {
    for (int k = 0; k < K; ++k) at[k] += other.at[k];
  }
};

// work: operations of one call of f, roughly, for the choice of threads on the host.
template <device D, class F>
void for_each_row(index_t rows, index_t columns, const F& f, index_t work = 100) {
  if (rows <= 0) return;
  if constexpr (std::is_same_v<D, Cuda>) {
    cuda::for_each_row(F::name, rows, columns, f);
  } else {
    parallel_blocks(
        rows, 16,
        [&](index_t begin, index_t end) {
          for (index_t row = begin; row < end; ++row) {
            decltype(f(row, row)) sum;
            for (index_t column = 0; column < columns; ++column) sum += f(row, column);
            f.finish(row, sum);
          }
        },
        rows * columns * work);
  }
}

}  // namespace longwave
