// vandermonde_backward.cuh - the backward kernels of vandermonde.cuh.
#pragma once

#include "kernels/vandermonde_forward.cuh"

namespace longwave::cuda {

namespace detail {

// Of one mode and one tile or all of them: sum g exp(x l) and sum l g exp(x l).
struct ModeSums {
  mode s0, s1;
};

template <class T>
struct VandermondeBackward {
  TensorView<mode, 2, Cuda> dx;  // either may refer to nothing
  TensorView<mode, 3, Cuda> dv;
  TensorView<const T, 3, Cuda> dK;
  TensorView<const mode, 2, Cuda> x;
  TensorView<const mode, 3, Cuda> v;
  Modes which;
  ModeSums* partial;  // (tiles, G, H, N); nullptr: one tile, one set, and the block writes the gradients itself
};

LONGWAVE_HD constexpr std::size_t largest(std::size_t a, std::size_t b, std::size_t c) {
  return a > b ? (a > c ? a : c) : (b > c ? b : c);
}

// dv = 2 conj(s0),   dx = sum_g 2 conj(v) conj(s1), with the sign of a reflected mode
template <class T>
__device__ mode write_gradient(const VandermondeBackward<T>& p, index_t g, index_t h, index_t n, ModeSums s) {
  if (p.dv.data() != nullptr) p.dv(g, h, n) = 2.0 * conj(s.s0);
  return (p.which == Modes::growing ? -2.0 : 2.0) * conj(p.v(g, h, n) * s.s1);
}

// The product's columns are modes x 4 kinds (Re, Im, r Re, r Im), placed so that a thread holds all kinds of its modes:
// its column c = 4 i + kind belongs to mode i GridCols + col().
template <class Tile>
__device__ int kind_column(int n, int kind) {
  constexpr int V = Tile::V, M = Tile::cols / 4;
  return kind / V * V * M + n * V + kind % V;
}

template <class T, class Tile, int C>
__global__ void __launch_bounds__(Tile::threads) vandermonde_backward_kernel(VandermondeBackward<T> p) {
  constexpr int V = Tile::V, R = Tile::rows, M = Tile::cols / 4, depth = 32;
  constexpr int run = depth * M / Tile::threads, start_run = R * M / Tile::threads, modes = Tile::thread_cols / 4;
  static_assert(C % depth == 0 && run > 0 && start_run > 0 && 4 % V == 0 && Tile::threads >= 3 * M);
  // One room, three uses after one another.
  struct Product {
    T g[depth][R + V];      // transposed: (r, q)
    T table[depth][4 * M];  // (r, column)
  };
  using Start = complex<T>[R][M];  // exp(x l0) exp(x C)^q
  using Part = ModeSums[Tile::GridRows][M];
  __shared__ __align__(16) char room_bytes[largest(sizeof(Product), sizeof(Start), sizeof(Part))];
  Product& product = *reinterpret_cast<Product*>(room_bytes);
  Start& start = *reinterpret_cast<Start*>(room_bytes);
  Part& part = *reinterpret_cast<Part*>(room_bytes);
  __shared__ __align__(16) char base_bytes[3 * M * sizeof(mode)];
  const auto base = reinterpret_cast<mode(*)[M]>(base_bytes);  // exp(x C), exp(x), exp(x l0)

  const index_t set = blockIdx.x / p.x.size(0), h = blockIdx.x % p.x.size(0);
  const index_t l0 = blockIdx.y * index_t(R * C), n0 = blockIdx.z * index_t(M);
  const index_t N = p.x.size(1), L = p.dK.size(2);
  const int n = threadIdx.x % M;

  int any = 0;
  if (threadIdx.x < 3 * M) {
    const int which = threadIdx.x / M;
    const double scale = which == 0 ? C : which == 1 ? 1.0 : static_cast<double>(l0);
    mode z = 0;
    if (n0 + n < N) {
      const PickedMode picked(p.x(h, n0 + n), p.which);
      if (picked.part) {
        z = exp(scale * picked.x);
        any = 1;
      }
    }
    base[which][n] = z;
  }
  if (__syncthreads_or(any) == 0) return;

  // P (R, 4M) over r, `depth` at a time.
  T sum[Tile::thread_rows][Tile::thread_cols] = {};
  const int r_first = threadIdx.x / M * run;
  const mode ratio = base[1][n], jump = power(ratio, depth);
  mode anchor = power(ratio, r_first);
  for (int r0 = 0; r0 < C; r0 += depth) {
    for (int task = threadIdx.x; task < depth * R / V; task += Tile::threads) {
      const int r = task % depth, q = task / depth * V;
      Vector<T> g;
#pragma unroll
      for (int j = 0; j < V; ++j) {
        const index_t l = l0 + index_t(q + j) * C + r0 + r;
        g.at[j] = l < L ? p.dK(set, h, l) : T(0);
      }
      *reinterpret_cast<Vector<T>*>(&product.g[r][q]) = g;
    }
    mode z = anchor;
    anchor *= jump;
#pragma unroll
    for (int i = 0; i < run; ++i) {
      const int r = r_first + i;
      const double at = r0 + r, kinds[4] = {z.re, z.im, at * z.re, at * z.im};
#pragma unroll
      for (int kind = 0; kind < 4; kind += V) {
        Vector<T> entry;
        for (int j = 0; j < V; ++j) entry.at[j] = static_cast<T>(kinds[kind + j]);
        *reinterpret_cast<Vector<T>*>(&product.table[r][kind_column<Tile>(n, kind)]) = entry;
      }
      z *= ratio;
    }
    __syncthreads();
    multiply<Tile>(sum, product.g, product.table, depth);
    __syncthreads();
  }

  // Times the rows' powers, over q: first a thread's own rows, then all threads of a mode in order.
  {
    const int q_first = threadIdx.x / M * start_run;
    mode z = base[2][n] * power(base[0][n], q_first);
    for (int i = 0; i < start_run; ++i) {
      start[q_first + i][n] = complex<T>(z);
      z *= base[0][n];
    }
  }
  __syncthreads();
  ModeSums own[modes] = {};
#pragma unroll
  for (int i = 0; i < modes; ++i)
#pragma unroll
    for (int k = 0; k < Tile::thread_rows; ++k) {
      const int q = Tile::row_at(k);
      const complex<T> z = start[q][i * Tile::GridCols + Tile::col()];
      const T* P = &sum[k][4 * i];
      const complex<T> s0 = z * complex<T>(P[0], P[1]);
      own[i].s0 += mode(s0);
      own[i].s1 += mode(T(q * C) * s0 + z * complex<T>(P[2], P[3]));
    }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < modes; ++i) part[Tile::row()][i * Tile::GridCols + Tile::col()] = own[i];
  __syncthreads();
  if (threadIdx.x >= M || n0 + n >= N || !PickedMode(p.x(h, n0 + n), p.which).part) return;
  ModeSums all = {};
  for (int i = 0; i < Tile::GridRows; ++i) {
    all.s0 += part[i][n].s0;
    all.s1 += part[i][n].s1;
  }
  all.s1 += static_cast<double>(l0) * all.s0;
  if (p.partial != nullptr) {
    p.partial[(blockIdx.y * index_t(gridDim.x) + blockIdx.x) * N + n0 + n] = all;
    return;
  }
  const mode dx = write_gradient(p, 0, h, n0 + n, all);
  if (p.dx.data() != nullptr) p.dx(h, n0 + n) = dx;
}

template <class T>
__global__ void vandermonde_sum_kernel(VandermondeBackward<T> p, int tiles) {
  const index_t G = p.dK.size(0), H = p.x.size(0), N = p.x.size(1);
  const index_t at = blockIdx.x * index_t(blockDim.x) + threadIdx.x;
  if (at >= H * N || !PickedMode(p.x(at / N, at % N), p.which).part) return;
  mode dx = 0;
  for (index_t g = 0; g < G; ++g) {
    ModeSums all = {};
    for (int i = 0; i < tiles; ++i) {
      const ModeSums& part = p.partial[(i * G + g) * H * N + at];
      all.s0 += part.s0;
      all.s1 += part.s1;
    }
    dx += write_gradient(p, g, at / N, at % N, all);
  }
  if (p.dx.data() != nullptr) p.dx(at / N, at % N) = dx;
}

}  // namespace detail
}  // namespace longwave::cuda
