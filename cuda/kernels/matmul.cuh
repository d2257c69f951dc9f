// matmul.cuh - what a linear layer does beside its products on the device. Memory-bound: y is written once, dy read
// once, sizeof(T) bytes per element each.
#pragma once

#include "kernels/partials.cuh"
#include "longwave/cuda/matmul.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int fill_strip = 32;  // rows of one block

template <class T>
__global__ void __launch_bounds__(column_width* column_rows)
    fill_rows_kernel(TensorView<T, 2, Cuda> y, TensorView<const T, 1, Cuda> b, index_t across) {
  const index_t column = blockIdx.x % across * column_width + threadIdx.x % column_width;
  if (column >= y.size(1)) return;
  const T value = b(column);
  const index_t first = blockIdx.x / across * fill_strip + threadIdx.x / column_width;
#pragma unroll
  for (int i = 0; i < fill_strip / column_rows; ++i)
    if (first + i * column_rows < y.size(0)) y(first + i * column_rows, column) = value;
}

}  // namespace detail

template <class T>
void fill_rows(TensorView<T, 2, Cuda> y, TensorView<const T, 1, Cuda> b) {
  if (y.empty()) return;
  const index_t across = (y.size(1) + detail::column_width - 1) / detail::column_width;
  const index_t strips = (y.size(0) + detail::fill_strip - 1) / detail::fill_strip;
  detail::fill_rows_kernel<<<detail::blocks_for(across * strips, 1), detail::column_width * detail::column_rows, 0,
                             stream_handle()>>>(y, b, across);
  check_launch("linear: bias");
}

template <class T>
void add_column_sums(TensorView<T, 1, Cuda> db, TensorView<const T, 2, Cuda> dy) {
  if (dy.empty()) return;
  const index_t across = (dy.size(1) + detail::column_width - 1) / detail::column_width;
  const index_t rows_per_part = 16 * detail::column_rows;
  const index_t parts = std::max<index_t>(1, std::min(detail::sum_blocks / across, dy.size(0) / rows_per_part));
  ScratchOn<Cuda> scratch;
  double* partials = parts > 1 ? scratch.take<double>(parts * dy.size(1)) : nullptr;
  const dim3 grid(detail::blocks_for(across, 1), static_cast<unsigned>(parts));
  detail::sum_columns_kernel<<<grid, detail::column_width * detail::column_rows, 0, stream_handle()>>>(db, partials, dy,
                                                                                                       parts);
  check_launch("linear: bias gradient");
  if (partials != nullptr)
    add_partials(TensorView<T, 2, Cuda>(db.data(), Extents<2>(db.size(0), 1), Extents<2>(db.stride(0), 1)), partials,
                 parts);
}

}  // namespace longwave::cuda
