// bias_glu.cuh - bias and gated linear unit on the device (ops/bias_glu.hpp): z (B, 2 K, L), y (B, K, L).
//
// Bytes per element of y: forward 3 sizeof(T), backward 5. In the backward pass a block owns one channel k of y, that
// is channels k and K + k of z, and a piece of its B L positions: it writes dz and keeps the two sums of its piece in
// double; a second kernel adds the pieces in order. Stored in bfloat16 with a float bias, forward has the same blocks.
#pragma once

#include "kernels/bfloat16.cuh"
#include "kernels/map.cuh"
#include "longwave/core/math.hpp"
#include "longwave/cuda/bias_glu.hpp"

namespace longwave::cuda {

namespace detail {

struct BiasGluValue {
  template <class T>
  __device__ void operator()(T& y, T a, T b, T bias_a, T bias_b) const {
    y = (a + bias_a) * math::sigmoid(b + bias_b);
  }
};

inline constexpr index_t glu_piece = 4096;  // positions per block at least, unless there are fewer
inline constexpr index_t glu_pieces = 64;   // at most

template <class T>
struct BiasGluBackward {
  const T *dy, *z;
  const Arithmetic<T>* bias;
  T* dz;            // may be nullptr
  double* partial;  // (pieces, 2 K)
  Extents<3> dy_strides, z_strides, dz_strides;
  index_t K, L, positions, piece, bias_step;
};

// Sum over the block; in thread 0.
__device__ inline double block_sum(double x, double (&room)[map_threads / 32]) {
  for (int step = 16; step > 0; step /= 2) x += __shfl_down_sync(0xffffffffu, x, step);
  __syncthreads();  // room may still be read
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = x;
  __syncthreads();
  double sum = 0;
  if (threadIdx.x == 0)
    for (int warp = 0; warp < map_threads / 32; ++warp) sum += room[warp];
  return sum;
}

// Block (k, piece); a thread takes W neighbours at a time.
template <int W, class T>
__global__ void __launch_bounds__(map_threads) bias_glu_backward_kernel(BiasGluBackward<T> p) {
  __shared__ double room[map_threads / 32];
  const index_t pieces = (p.positions + p.piece - 1) / p.piece;
  const index_t k = blockIdx.x / pieces, number = blockIdx.x % pieces;
  const index_t begin = number * p.piece, end = min(begin + p.piece, p.positions);
  using A = Arithmetic<T>;
  const A bias_a = p.bias[k * p.bias_step], bias_b = p.bias[(p.K + k) * p.bias_step];
  double sum_a = 0, sum_b = 0;
#pragma unroll 2
  for (index_t i = begin + threadIdx.x * W; i < end; i += map_threads * W) {
    const index_t b = i / p.L, l = i - b * p.L;
    A dy[W], left[W], gate[W];
    const T* z = p.z + b * p.z_strides[0] + k * p.z_strides[1] + l * p.z_strides[2];
    load_wide(dy, p.dy + b * p.dy_strides[0] + k * p.dy_strides[1] + l * p.dy_strides[2]);
    load_wide(left, z);
    load_wide(gate, z + p.K * p.z_strides[1]);
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const A s = math::sigmoid(gate[j] + bias_b);
      const A in = dy[j] * s;
      gate[j] = in * (left[j] + bias_a) * (A(1) - s);
      left[j] = in;
      sum_a += static_cast<double>(left[j]);
      sum_b += static_cast<double>(gate[j]);
    }
    if (p.dz != nullptr) {
      T* dz = p.dz + b * p.dz_strides[0] + k * p.dz_strides[1] + l * p.dz_strides[2];
      store_wide(dz, left);
      store_wide(dz + p.K * p.dz_strides[1], gate);
    }
  }
  if (p.partial == nullptr) return;
  sum_a = block_sum(sum_a, room);
  sum_b = block_sum(sum_b, room);
  if (threadIdx.x == 0) {
    p.partial[number * 2 * p.K + k] = sum_a;
    p.partial[number * 2 * p.K + p.K + k] = sum_b;
  }
}

template <class T>
__global__ void __launch_bounds__(map_threads)
    add_pieces_kernel(TensorView<T, 1, Cuda> sum, const double* partial, index_t pieces) {
  const index_t i = blockIdx.x * index_t(map_threads) + threadIdx.x, n = sum.size(0);
  if (i >= n) return;
  double total = 0;
#pragma unroll 8
  for (index_t piece = 0; piece < pieces; ++piece) total += partial[piece * n + i];
  sum(i) += static_cast<T>(total);
}

template <class T>
bool rows_of_vectors(TensorView<T, 3, Cuda> x) {
  constexpr int V = Vector<std::remove_const_t<T>>::size;
  return x.stride(2) == 1 && x.size(2) % V == 0 && x.stride(0) % V == 0 && x.stride(1) % V == 0 &&
         aligned_for_vectors(x.data());
}

}  // namespace detail

namespace detail {

struct BiasGluForward {
  bfloat16* y;
  const bfloat16* z;
  const float* bias;
  Extents<3> y_strides, z_strides;
  index_t K, L, positions, piece, bias_step;
};

template <int W>
__global__ void __launch_bounds__(map_threads) bias_glu_forward_kernel(BiasGluForward p) {
  const index_t pieces = (p.positions + p.piece - 1) / p.piece;
  const index_t k = blockIdx.x / pieces, number = blockIdx.x % pieces;
  const index_t begin = number * p.piece, end = min(begin + p.piece, p.positions);
  const float bias_a = p.bias[k * p.bias_step], bias_b = p.bias[(p.K + k) * p.bias_step];
#pragma unroll 2
  for (index_t i = begin + threadIdx.x * W; i < end; i += map_threads * W) {
    const index_t b = i / p.L, l = i - b * p.L;
    float left[W], gate[W];
    const bfloat16* z = p.z + b * p.z_strides[0] + k * p.z_strides[1] + l * p.z_strides[2];
    load_wide(left, z);
    load_wide(gate, z + p.K * p.z_strides[1]);
#pragma unroll
    for (int j = 0; j < W; ++j) left[j] = (left[j] + bias_a) * math::sigmoid(gate[j] + bias_b);
    store_wide(p.y + b * p.y_strides[0] + k * p.y_strides[1] + l * p.y_strides[2], left);
  }
}

// Positions per block: whole vectors, and few enough pieces that each has a place for its sums.
template <class T>
index_t piece_of_positions(index_t positions) {
  constexpr index_t whole = Vector<T>::size > 4 ? Vector<T>::size : 4;
  const index_t even = (positions + glu_pieces - 1) / glu_pieces;
  return (std::max(even, glu_piece) + whole - 1) / whole * whole;
}

inline void start_bias_glu_forward(TensorView<bfloat16, 3, Cuda> y, TensorView<const bfloat16, 3, Cuda> z,
                                   TensorView<const float, 1, Cuda> bias) {
  const index_t K = y.size(1), L = y.size(2), positions = y.size(0) * L;
  const index_t piece = piece_of_positions<bfloat16>(positions), pieces = (positions + piece - 1) / piece;
  const BiasGluForward p{y.data(), z.data(), bias.data(), y.strides(), z.strides(),
                         K,        L,        positions,   piece,       bias.stride(0)};
  const unsigned blocks = blocks_for(K * pieces, 1);
  if (rows_of_vectors(y) && rows_of_vectors(z))
    bias_glu_forward_kernel<Vector<bfloat16>::size><<<blocks, map_threads, 0, stream_handle()>>>(p);
  else
    bias_glu_forward_kernel<1><<<blocks, map_threads, 0, stream_handle()>>>(p);
  check_launch("bias_glu");
}

}  // namespace detail

template <class T>
void bias_glu_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> z,
                      TensorView<const Arithmetic<T>, 1, Cuda> bias) {
  if (y.empty()) return;
  if constexpr (std::is_same_v<T, bfloat16>) {
    detail::start_bias_glu_forward(y, z, bias);
  } else {
    const index_t K = y.size(1), step = bias.stride(0);
    const auto repeated = [&](index_t first) {
      return TensorView<const T, 3, Cuda>(bias.data() + first * step, y.sizes(), Extents<3>{0, step, 0});
    };
    map_elements<1>("bias_glu", Elements<T, 5>(y, z.slice(1, 0, K), z.slice(1, K, 2 * K), repeated(0), repeated(K)),
                    detail::BiasGluValue());
  }
}

template <class T>
void bias_glu_backward(TensorView<T, 3, Cuda> dz, TensorView<Arithmetic<T>, 1, Cuda> dbias,
                       TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> z,
                       TensorView<const Arithmetic<T>, 1, Cuda> bias) {
  if (dy.empty()) return;
  const index_t K = dy.size(1), L = dy.size(2), positions = dy.size(0) * L;
  const index_t piece = detail::piece_of_positions<T>(positions);
  const index_t pieces = (positions + piece - 1) / piece;
  ScratchOn<Cuda> scratch;
  double* partial = wanted(dbias) ? scratch.take<double>(pieces * 2 * K) : nullptr;
  const detail::BiasGluBackward<T> p{dy.data(),    z.data(),    bias.data(),   dz.data(), partial,
                                     dy.strides(), z.strides(), dz.strides(),  K,         L,
                                     positions,    piece,       bias.stride(0)};
  const unsigned blocks = detail::blocks_for(K * pieces, 1);
  const bool whole =
      detail::rows_of_vectors(dy) && detail::rows_of_vectors(z) && (!wanted(dz) || detail::rows_of_vectors(dz));
  if (whole)
    detail::bias_glu_backward_kernel<Vector<T>::size><<<blocks, detail::map_threads, 0, stream_handle()>>>(p);
  else
    detail::bias_glu_backward_kernel<1><<<blocks, detail::map_threads, 0, stream_handle()>>>(p);
  check_launch("bias_glu_backward");
  if (!wanted(dbias)) return;
  detail::
      add_pieces_kernel<<<detail::blocks_for(2 * K, detail::map_threads), detail::map_threads, 0, stream_handle()>>>(
          dbias, partial, pieces);
  check_launch("bias_glu_backward, the bias");
}

}  // namespace longwave::cuda
