// row_network.cuh - all layers of a small network in one launch (longwave/cuda/row_network.hpp).
//
// A block has two rows and 64 groups of 8 lanes, a group an output at a time: its lanes read every 8th piece of 16
// bytes of a row of W and add their sums up. A layer of 64 x 64 is one round, some 600 cycles of latency: 16 KiB from
// L2 at 64 bytes a cycle, three shuffles, a barrier. The denoiser of 12 layers and 62,592 weights: some 5 us, and
// 12.5 MB from L2 for 100 rows; in ops it is 41 launches.
#pragma once

#include "kernels/cluster.cuh"
#include "longwave/cuda/row_network.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int row_threads = 512, row_lanes = 8, rows_of_block = 2;

template <class T, int V>
struct alignas(V * sizeof(T)) RowPiece {
  T at[V];
};

// This lane's share of W_o . x for each row of the block, in pieces of V numbers.
template <int V, class T>
__device__ void add_share(T (&sum)[rows_of_block], const T* W, const T* x, int width, int in) {
  using Piece = RowPiece<T, V>;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x) % row_lanes * V; i < in; i += row_lanes * V) {
    const Piece w = *reinterpret_cast<const Piece*>(W + i);
#pragma unroll
    for (int r = 0; r < rows_of_block; ++r) {
      const Piece at = *reinterpret_cast<const Piece*>(x + r * width + i);
#pragma unroll
      for (int v = 0; v < V; ++v) sum[r] += w.at[v] * at.at[v];
    }
  }
}

template <class T>
__device__ void row_layer(const RowNetwork<T>& net, const RowLayer<T>& layer, T* memory, int first, bool last) {
  constexpr int V = Vector<T>::size, groups = row_threads / row_lanes;
  const int lane = static_cast<int>(threadIdx.x) % row_lanes, group = static_cast<int>(threadIdx.x) / row_lanes;
  const int B = static_cast<int>(net.x.size(0));
  const bool whole = layer.in % V == 0 && layer.from % V == 0 && net.width % V == 0 &&
                     reinterpret_cast<std::uintptr_t>(layer.W) % 16 == 0;
  for (int base = 0; base < layer.out; base += groups) {
    const int o = base + group, row = first + lane;  // lane r writes row r
    const bool writes = o < layer.out && lane < rows_of_block && row < B;
    T start = 0;
    if (writes && layer.bias != nullptr) start += layer.bias[o];
    if (writes && layer.add != nullptr) start += layer.add[index_t(row) * layer.out + o];
    if (writes && layer.table != nullptr) {
      const index_t which = net.which(row);
      start += which >= 0 && which < layer.table_rows ? layer.table[which * layer.out + o] : static_cast<T>(NAN);
    }
    T sum[rows_of_block] = {};
    if (o < layer.out) {
      const T* W = layer.W + index_t(o) * layer.in;
      if (whole)
        add_share<V>(sum, W, memory + layer.from, net.width, layer.in);
      else
        add_share<1>(sum, W, memory + layer.from, net.width, layer.in);
    }
    T mine = 0;
#pragma unroll
    for (int r = 0; r < rows_of_block; ++r) {
#pragma unroll
      for (int bit = row_lanes / 2; bit > 0; bit /= 2) sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], bit);
      if (lane == r) mine = sum[r];
    }
    if (!writes) continue;
    const T value = start + mine, result = layer.relu && value <= T(0) ? T(0) : value;  // NaN stays
    if (last)
      net.y(row, o) = result;
    else
      memory[lane * net.width + layer.to + o] = result;
  }
}

template <class T>
__global__ void __launch_bounds__(row_threads) row_network_kernel(const __grid_constant__ RowNetwork<T> net) {
  T* const memory = block_memory<T>();  // (rows_of_block, width)
  const int first = static_cast<int>(blockIdx.x) * rows_of_block, I = static_cast<int>(net.x.size(1));
  for (int at = static_cast<int>(threadIdx.x); at < rows_of_block * net.width; at += row_threads) {
    const int row = first + at / net.width, i = at % net.width;
    memory[at] = row < net.x.size(0) && i < I ? net.x(row, i) : T(0);
  }
  for (int k = 0; k < net.count; ++k) {
    __syncthreads();
    row_layer(net, net.layers[k], memory, first, k + 1 == net.count);
  }
}

}  // namespace detail

template <class T>
void run_rows(const RowNetwork<T>& network) {
  if (network.y.empty()) return;
  const auto blocks = static_cast<unsigned>((network.x.size(0) + detail::rows_of_block - 1) / detail::rows_of_block);
  const std::size_t bytes = detail::rows_of_block * static_cast<std::size_t>(network.width) * sizeof(T);
  detail::row_network_kernel<<<blocks, detail::row_threads, bytes, stream_handle()>>>(network);
  check_launch("row network");
}

}  // namespace longwave::cuda
