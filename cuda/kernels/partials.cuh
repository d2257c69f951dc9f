// partials.cuh - sums over long axes in two stages: blocks write what they summed to places of their own, a second
// kernel adds those in order. No atomics, so the same call gives the same bits. Sums are carried in double.
#pragma once

#include "kernels/map.cuh"

namespace longwave::cuda {

namespace detail {

inline constexpr int sum_threads = 256;
inline constexpr int column_width = 32, column_rows = 8;  // threads of a block that sums columns
inline constexpr index_t sum_part = 4096;                 // elements that are worth a block of their own
inline constexpr index_t sum_blocks = 1024;               // enough for every multiprocessor of the chips of today

// C (M, N) += sum over p of partials (P, M, N).
template <class T, class Partial>
__global__ void __launch_bounds__(sum_threads)
    add_partials_kernel(TensorView<T, 2, Cuda> C, const Partial* partials, index_t P) {
  const index_t at = blockIdx.x * index_t(sum_threads) + threadIdx.x, count = C.count();
  if (at >= count) return;
  double sum = 0;
#pragma unroll 16
  for (index_t p = 0; p < P; ++p) sum += static_cast<double>(partials[p * count + at]);
  C(at / C.size(1), at % C.size(1)) += static_cast<T>(sum);
}

// The sum of all threads' `value`, in a fixed order; valid in thread 0. Threads: a multiple of 32, up to 1024.
__device__ inline double block_sum(double value) {
  __shared__ double warps[32];
  for (int step = 16; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  if (lane == 0) warps[warp] = value;
  __syncthreads();
  if (warp == 0) {
    value = lane < static_cast<int>(blockDim.x) / 32 ? warps[lane] : 0.0;
    for (int step = 16; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
  }
  __syncthreads();  // a second sum of the same block may begin
  return value;
}

// Positions of (B, L), cut into B or fewer groups of rows and pieces of each row.
struct RowParts {
  index_t B, L, groups, pieces;

  index_t count() const { return groups * pieces; }

  static RowParts of(index_t outputs, index_t B, index_t L) {
    const index_t wanted = std::max<index_t>(1, std::min(sum_blocks / std::max<index_t>(outputs, 1), B * L / sum_part));
    const index_t groups = std::min(B, wanted);
    return {B, L, groups, std::max<index_t>(1, std::min(wanted / std::max<index_t>(groups, 1), L / sum_part))};
  }
};

// partials (parts, outputs), or out += if there is one part: over the positions (b, l) of a part the sum of
// f.row(output, b)(l).
template <class T, class F>
__global__ void __launch_bounds__(sum_threads)
    sum_rows_kernel(T* out, index_t out_step, double* partials, index_t outputs, RowParts parts, F f) {
  const index_t output = blockIdx.x % outputs, part = blockIdx.x / outputs;
  const index_t group = part / parts.pieces, piece = part % parts.pieces;
  const index_t end = parts.L * (piece + 1) / parts.pieces;
  double sum = 0;
  for (index_t b = parts.B * group / parts.groups; b < parts.B * (group + 1) / parts.groups; ++b) {
    const auto row = f.row(output, b);
#pragma unroll 8
    for (index_t l = parts.L * piece / parts.pieces + threadIdx.x; l < end; l += sum_threads) sum += row(l);
  }
  sum = block_sum(sum);
  if (threadIdx.x != 0) return;
  if (partials != nullptr)
    partials[part * outputs + output] = sum;
  else
    out[output * out_step] += static_cast<T>(sum);
}

// partials (parts, columns), or out += if there is one part: sums over rows of x (R, columns).
template <class T>
__global__ void __launch_bounds__(column_width* column_rows)
    sum_columns_kernel(TensorView<T, 1, Cuda> out, double* partials, TensorView<const T, 2, Cuda> x, index_t parts) {
  __shared__ double sums[column_rows][column_width];
  const int row = static_cast<int>(threadIdx.x) / column_width, lane = static_cast<int>(threadIdx.x) % column_width;
  const index_t column = blockIdx.x * index_t(column_width) + lane, part = blockIdx.y;
  double sum = 0;
  if (column < x.size(1))
#pragma unroll 4
    for (index_t r = x.size(0) * part / parts + row; r < x.size(0) * (part + 1) / parts; r += column_rows)
      sum += static_cast<double>(x(r, column));
  sums[row][lane] = sum;
  __syncthreads();
  if (row > 0 || column >= x.size(1)) return;
  for (int i = 1; i < column_rows; ++i) sum += sums[i][lane];
  if (partials != nullptr)
    partials[part * x.size(1) + column] = sum;
  else
    out(column) += static_cast<T>(sum);
}

}  // namespace detail

template <class T, class Partial>
void add_partials(TensorView<T, 2, Cuda> C, const Partial* partials, index_t P) {
  if (C.empty() || P == 0) return;
  detail::add_partials_kernel<<<detail::blocks_for(C.count(), detail::sum_threads), detail::sum_threads, 0,
                                stream_handle()>>>(C, partials, P);
  check_launch("add_partials");
}

// out(o) += sum over b and l of f.row(o, b)(l): plain structs, the last returns double.
template <class T, class F>
void add_row_sums(const char* name, TensorView<T, 1, Cuda> out, index_t B, index_t L, const F& f) {
  const index_t outputs = out.size(0);
  if (outputs == 0 || B * L == 0) return;
  const auto parts = detail::RowParts::of(outputs, B, L);
  ScratchOn<Cuda> scratch;
  double* partials = parts.count() > 1 ? scratch.take<double>(parts.count() * outputs) : nullptr;
  detail::sum_rows_kernel<<<detail::blocks_for(outputs * parts.count(), 1), detail::sum_threads, 0, stream_handle()>>>(
      out.data(), out.stride(0), partials, outputs, parts, f);
  check_launch(name);
  if (partials != nullptr)
    add_partials(TensorView<T, 2, Cuda>(out.data(), Extents<2>(outputs, 1), Extents<2>(out.stride(0), 1)), partials,
                 parts.count());
}

}  // namespace longwave::cuda
