// each_row.cuh - one warp per row: the device's side of core/each_row.hpp.
#pragma once

#include "kernels/map.cuh"
#include "longwave/core/each_row.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int each_row_warps = 4;

template <class F>
__global__ void __launch_bounds__(32 * each_row_warps) each_row_kernel(index_t rows, index_t columns, F f) {
  using Sum = decltype(f(rows, columns));
  constexpr int K = sizeof(Sum) / sizeof(double);
  const index_t row = blockIdx.x * index_t(each_row_warps) + threadIdx.x / 32;
  if (row >= rows) return;
  Sum sum;
  for (index_t column = threadIdx.x % 32; column < columns; column += 32) sum += f(row, column);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
#pragma unroll
    for (int k = 0; k < K; ++k) sum.at[k] += __shfl_xor_sync(0xffffffff, sum.at[k], distance);
  if (threadIdx.x % 32 == 0) f.finish(row, sum);
}

}  // namespace detail

template <class F>
void for_each_row(const char* name, index_t rows, index_t columns, const F& f) {
  if (rows <= 0) return;
  detail::each_row_kernel<<<detail::blocks_for(rows, detail::each_row_warps), 32 * detail::each_row_warps, 0,
                            stream_handle()>>>(rows, columns, f);
  check_launch(name);
}

}  // namespace longwave::cuda
