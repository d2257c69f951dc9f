// embedding.cuh - rows of a table by index on the device (ops/embedding.hpp): index (A, P), y (A, P, E), table (V, E).
//
// Forward: y written once, rows read, mostly from cache. Backward without atomics: positions are sorted by their row
// (stable, so those of one row stay in order), cut into equal pieces, and each piece adds up its runs of one row in
// double. A run inside a piece goes to the table; what crosses a piece's ends goes to a place of its own, and a second
// kernel adds these in order. Work is even however often one row occurs. Bytes: dy once, 16 per position for the sort.
#pragma once

#include <cub/device/device_radix_sort.cuh>

#include "kernels/map.cuh"
#include "longwave/cuda/embedding.hpp"

namespace longwave::cuda {

namespace detail {

template <int W, class T, class I>
__global__ void __launch_bounds__(map_threads)
    embedding_kernel(TensorView<T, 3, Cuda> y, TensorView<const T, 2, Cuda> table, TensorView<const I, 2, Cuda> index) {
  const index_t i = blockIdx.x * index_t(map_threads) + threadIdx.x, per_row = y.size(2) / W;
  if (i >= y.size(0) * y.size(1) * per_row) return;
  const index_t at = i / per_row, e = i % per_row * W, a = at / y.size(1), p = at % y.size(1);
  const auto row = static_cast<index_t>(index(a, p));
  T piece[W];
  if (row >= 0 && row < table.size(0)) {
    load_piece(piece, table.data() + row * table.stride(0) + e * table.stride(1), false);
  } else {
#pragma unroll
    for (int j = 0; j < W; ++j) piece[j] = static_cast<T>(nan(""));
  }
  store_piece(y.data() + a * y.stride(0) + p * y.stride(1) + e * y.stride(2), piece);
}

template <class I>
__global__ void __launch_bounds__(map_threads)
    embedding_keys_kernel(std::uint32_t* row, std::uint32_t* position, TensorView<const I, 2, Cuda> index, index_t V) {
  const index_t i = blockIdx.x * index_t(map_threads) + threadIdx.x;
  if (i >= index.count()) return;
  const auto value = static_cast<index_t>(index(i / index.size(1), i % index.size(1)));
  row[i] = static_cast<std::uint32_t>(value >= 0 && value < V ? value : V);
  position[i] = static_cast<std::uint32_t>(i);
}

inline constexpr int embedding_threads = 128;  // columns of a block

// Positions sorted by row, and where sums go whose run crosses an end of its piece.
struct SortedRows {
  const std::uint32_t *row, *position;
  index_t count, piece;
  double *head, *tail;  // (pieces, E): of the run at the piece's start, at its end

  __device__ bool goes_on_at(index_t i) const { return i > 0 && i < count && row[i] == row[i - 1]; }
};

// Block (piece, columns).
template <class T>
__global__ void __launch_bounds__(embedding_threads)
    embedding_runs_kernel(TensorView<T, 2, Cuda> dtable, TensorView<const T, 3, Cuda> dy, SortedRows s) {
  constexpr int ahead = 8;  // rows in flight
  const index_t E = dtable.size(1), e = blockIdx.y * index_t(embedding_threads) + threadIdx.x;
  if (e >= E) return;
  const index_t begin = blockIdx.x * s.piece, end = min(begin + s.piece, s.count);
  bool crosses_start = s.goes_on_at(begin);
  double sum = 0;
  for (index_t i = begin; i < end; i += ahead) {
    T x[ahead];
#pragma unroll
    for (int j = 0; j < ahead; ++j)
      if (i + j < end) {
        const index_t p = s.position[i + j], a = p / dy.size(1);
        x[j] = dy.data()[a * dy.stride(0) + (p - a * dy.size(1)) * dy.stride(1) + e * dy.stride(2)];
      }
#pragma unroll
    for (int j = 0; j < ahead; ++j) {
      if (i + j >= end) break;
      sum += static_cast<double>(x[j]);
      const bool goes_on = s.goes_on_at(i + j + 1);
      if (goes_on && i + j + 1 < end) continue;
      const index_t row = s.row[i + j];
      if (crosses_start)
        s.head[blockIdx.x * E + e] = sum;
      else if (goes_on)
        s.tail[blockIdx.x * E + e] = sum;
      else if (row < dtable.size(0))
        dtable(row, e) += static_cast<T>(sum);
      crosses_start = false;
      sum = 0;
    }
  }
}

// Block (piece, columns): the run that starts in this piece and goes on in the next ones.
template <class T>
__global__ void __launch_bounds__(embedding_threads)
    embedding_crossing_kernel(TensorView<T, 2, Cuda> dtable, SortedRows s) {
  const index_t E = dtable.size(1), e = blockIdx.y * index_t(embedding_threads) + threadIdx.x;
  const index_t begin = blockIdx.x * s.piece, end = begin + s.piece;
  if (e >= E || !s.goes_on_at(end)) return;
  const std::uint32_t row = s.row[end];
  if (row >= dtable.size(0) || (s.goes_on_at(begin) && s.row[begin] == row)) return;
  index_t low = end, high = s.count;  // the run ends in (low, high]
  while (high - low > 1) {
    const index_t middle = (low + high) / 2;
    if (s.row[middle] == row)
      low = middle;
    else
      high = middle;
  }
  const index_t last = low / s.piece;  // the piece of the run's last position
  double sum = s.tail[blockIdx.x * E + e];
#pragma unroll 8
  for (index_t piece = blockIdx.x + index_t(1); piece <= last; ++piece) sum += s.head[piece * E + e];
  dtable(static_cast<index_t>(row), e) += static_cast<T>(sum);
}

template <class I>
SortedRows sort_rows(ScratchOn<Cuda>& scratch, TensorView<const I, 2, Cuda> index, index_t V, index_t E) {
  const index_t n = index.count();
  if (n > 0x7fffffff || V >= 0x7fffffff)
    throw_shape_error("embedding_backward: " + std::to_string(n) + " positions of " + std::to_string(V) +
                      " rows; the device takes less than 2^31 of each");
  std::uint32_t *row_in = scratch.take<std::uint32_t>(n), *row = scratch.take<std::uint32_t>(n);
  std::uint32_t *position_in = scratch.take<std::uint32_t>(n), *position = scratch.take<std::uint32_t>(n);
  embedding_keys_kernel<<<blocks_for(n, map_threads), map_threads, 0, stream_handle()>>>(row_in, position_in, index, V);
  check_launch("embedding_keys");
  int bits = 1;
  while (bits < 32 && (V >> bits) > 0) ++bits;  // rows 0 .. V, V for what is outside
  std::size_t bytes = 0;
  const int count = static_cast<int>(n);
  check(cub::DeviceRadixSort::SortPairs(nullptr, bytes, row_in, row, position_in, position, count, 0, bits,
                                        stream_handle()),
        "cub::DeviceRadixSort");
  void* room = scratch.take<char>(static_cast<index_t>(bytes));
  check(
      cub::DeviceRadixSort::SortPairs(room, bytes, row_in, row, position_in, position, count, 0, bits, stream_handle()),
      "cub::DeviceRadixSort");
  const index_t piece = std::max<index_t>(32, (n + 2047) / 2048), pieces = (n + piece - 1) / piece;
  return {row, position, n, piece, scratch.take<double>(pieces * E), scratch.take<double>(pieces * E)};
}

}  // namespace detail

template <class T, class I>
void embedding_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 2, Cuda> table,
                       TensorView<const I, 2, Cuda> index) {
  using namespace detail;
  if (y.empty()) return;
  constexpr int V = Vector<T>::size;
  const bool whole = y.size(2) % V == 0 && y.stride(2) == 1 && table.stride(1) == 1 && table.stride(0) % V == 0 &&
                     y.stride(0) % V == 0 && y.stride(1) % V == 0 && aligned_for_vectors(y.data()) &&
                     aligned_for_vectors(table.data());
  if (whole)
    embedding_kernel<V><<<blocks_for(y.count() / V, map_threads), map_threads, 0, stream_handle()>>>(y, table, index);
  else
    embedding_kernel<1><<<blocks_for(y.count(), map_threads), map_threads, 0, stream_handle()>>>(y, table, index);
  check_launch("embedding");
}

template <class T, class I>
void embedding_backward(TensorView<T, 2, Cuda> dtable, TensorView<const T, 3, Cuda> dy,
                        TensorView<const I, 2, Cuda> index) {
  using namespace detail;
  if (dy.empty() || dtable.empty()) return;
  const index_t E = dtable.size(1);
  ScratchOn<Cuda> scratch;
  const SortedRows rows = sort_rows(scratch, index, dtable.size(0), E);
  const dim3 blocks(blocks_for(rows.count, rows.piece), blocks_for(E, embedding_threads));
  embedding_runs_kernel<<<blocks, embedding_threads, 0, stream_handle()>>>(dtable, dy, rows);
  check_launch("embedding_runs");
  embedding_crossing_kernel<<<blocks, embedding_threads, 0, stream_handle()>>>(dtable, rows);
  check_launch("embedding_crossing");
}

}  // namespace longwave::cuda
