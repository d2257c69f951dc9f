// vandermonde.cuh - the kernel of ops/vandermonde.hpp and its gradients on the device.
//
//   K_l = 2 Re sum_n v_n exp(x_n l),   l = l0 + q C + r,   exp(x l) = exp(x l0) exp(x C)^q exp(x)^r
//
// K (G, H, L), v (G, H, N), x (H, N): G sets of weights share the modes; dx is the sum over the sets. Modes picks those
// that grow, reflected (x -> -x), or the others: with K run backwards, growing modes are anchored at its last sample.
//
// A block takes one row (g, h) and a tile of R C positions that follow one another: R rows q, C columns r. The powers
// of exp(x C) and exp(x) are small tables; what is left is a dense product over the modes, in registers:
//
//   forward    K (R, C) = start (R, 2N) table (2N, C)                    2 FMA per mode and position
//   backward   P (R, 4N) = g (R, C) table (C, 4N), then sum_q start P    4 FMA
//
// H = 256, N = 32, L = 16384 in float: 0.27 G FMA forward and 17 MB written, so arithmetic bounds it: 9 us on an H100
// (30 T FMA/s); 18 us backward. Tables cost R + C entries per R C positions.
//
// Numerical care: modes, exact exponentials (exp(x), exp(x C), exp(x l0)) and all powers are double, rounded once into
// the tables, so phases of any size are good; the error of the powers is about R + C units of 1e-16.
// Deterministic: no atomics; tiles depend on sizes alone, partial sums are added in the order of l.
#pragma once

#include <algorithm>

#include "kernels/map.cuh"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/vandermonde.hpp"

namespace longwave::cuda {

namespace detail {

using mode = complex<double>;

// Threads form a grid of GridRows x GridCols. Each holds RowGroups x ColGroups vectors of 16 bytes in both directions,
// the groups a whole grid apart, so that neighbours read neighbouring vectors of the tables.
template <class T, int RowGroups_, int ColGroups_, int GridRows_, int GridCols_>
struct Tile {
  static constexpr int V = Vector<T>::size;
  static constexpr int RowGroups = RowGroups_, ColGroups = ColGroups_, GridRows = GridRows_, GridCols = GridCols_;
  static constexpr int threads = GridRows * GridCols;
  static constexpr int rows = RowGroups * GridRows * V, cols = ColGroups * GridCols * V;
  static constexpr int thread_rows = RowGroups * V, thread_cols = ColGroups * V;

  // Warps are 4 x 8 threads: fewer different vectors per warp than in 2 x 16.
  __device__ static int row() { return threadIdx.x / 32 / (GridCols / 8) * 4 + threadIdx.x % 32 / 8; }
  __device__ static int col() { return threadIdx.x / 32 % (GridCols / 8) * 8 + threadIdx.x % 8; }
  __device__ static int row_at(int i) { return (i / V * GridRows + row()) * V + i % V; }
  __device__ static int col_at(int j) { return (j / V * GridCols + col()) * V + j % V; }
};

__device__ inline mode power(mode a, int exponent) {
  mode result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= a;
    a *= a;
  }
  return result;
}

// sum (thread_rows, thread_cols) += a^T b over `depth` rows of a (depth, tile rows) and b (depth, tile columns).
template <class Tile, class T, int PitchA, int PitchB>
__device__ void multiply(T (&sum)[Tile::thread_rows][Tile::thread_cols], const T (*a)[PitchA], const T (*b)[PitchB],
                         int depth) {
  constexpr int V = Tile::V;
#pragma unroll 4
  for (int k = 0; k < depth; ++k) {
    Vector<T> left[Tile::RowGroups], right[Tile::ColGroups];
#pragma unroll
    for (int g = 0; g < Tile::RowGroups; ++g)
      left[g] = *reinterpret_cast<const Vector<T>*>(&a[k][(g * Tile::GridRows + Tile::row()) * V]);
#pragma unroll
    for (int g = 0; g < Tile::ColGroups; ++g)
      right[g] = *reinterpret_cast<const Vector<T>*>(&b[k][(g * Tile::GridCols + Tile::col()) * V]);
#pragma unroll
    for (int i = 0; i < Tile::thread_rows; ++i)
#pragma unroll
      for (int j = 0; j < Tile::thread_cols; ++j) sum[i][j] += left[i / V].at[i % V] * right[j / V].at[j % V];
  }
}

// --- forward ----------------------------------------------------------------------------------------------------

inline constexpr int forward_modes = 16;  // per round: what tables of 48 KB hold

// x of a mode that takes part; those that do not have `part` false and nothing to add.
struct PickedMode {
  bool part;
  mode x;

  __device__ PickedMode(mode x_, Modes which) : part(which == Modes::all || (x_.re > 0) == (which == Modes::growing)) {
    x = which == Modes::growing ? -x_ : x_;
  }
};

template <class T>
struct VandermondeForward {
  TensorView<T, 3, Cuda> K;
  TensorView<const mode, 2, Cuda> x;
  TensorView<const mode, 3, Cuda> v;
  Modes which;
  bool add;      // to what is in K
  bool vectors;  // rows of K are dense and start on 16 bytes
};

// re[n][at + i], im[n][at + i] = factor_re Re, factor_im Im of z ratio^i, i = 0 .. Run - 1. Neighbouring threads have
// neighbouring modes n: the pitch is odd in units of 16 bytes, so that their stores do not collide.
template <class T, int Run, int Pitch>
__device__ void fill_powers(T (*re)[Pitch], T (*im)[Pitch], int n, int at, mode z, mode ratio, double factor_re,
                            double factor_im) {
  constexpr int V = Vector<T>::size;
#pragma unroll 1
  for (int i = 0; i < Run; i += V) {
    Vector<T> real, imaginary;
#pragma unroll
    for (int j = 0; j < V; ++j) {
      real.at[j] = static_cast<T>(factor_re * z.re);
      imaginary.at[j] = static_cast<T>(factor_im * z.im);
      z *= ratio;
    }
    *reinterpret_cast<Vector<T>*>(&re[n][at + i]) = real;
    *reinterpret_cast<Vector<T>*>(&im[n][at + i]) = imaginary;
  }
}

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::threads) vandermonde_forward_kernel(VandermondeForward<T> p) {
  constexpr int V = Tile::V, M = forward_modes, R = Tile::rows, C = Tile::cols;
  constexpr int run = (R + C) * M / Tile::threads;  // table entries per thread
  static_assert(R % run == 0 && C % run == 0 && run % V == 0 && Tile::threads >= 3 * M);
  __shared__ __align__(16) T start[2 * M][R + V];  // Re, Im of v exp(x l0) exp(x C)^q
  __shared__ __align__(16) T table[2 * M][C + V];  // 2 Re, -2 Im of exp(x)^r
  __shared__ __align__(16) char base_bytes[3 * M * sizeof(mode)];
  const auto base = reinterpret_cast<mode(*)[M]>(base_bytes);  // exp(x C), exp(x), v exp(x l0)

  const index_t g = blockIdx.x / p.x.size(0), h = blockIdx.x % p.x.size(0);
  const index_t l0 = blockIdx.y * index_t(R * C), N = p.x.size(1), L = p.K.size(2);
  const bool row_exists = l0 + index_t(Tile::row_at(0)) * C < L;
  T sum[Tile::thread_rows][Tile::thread_cols] = {};
  bool touched = false;

  for (index_t n0 = 0; n0 < N; n0 += M) {
    int any = 0;
    if (threadIdx.x < 3 * M) {
      const int n = threadIdx.x % M, which = threadIdx.x / M;
      mode z = 0;  // modes beyond the last add nothing
      bool part = false;
      if (n0 + n < N) {
        const PickedMode picked(p.x(h, n0 + n), p.which);
        const double scale = which == 0 ? C : which == 1 ? 1.0 : static_cast<double>(l0);
        part = picked.part;
        if (part) z = exp(scale * picked.x);
        if (part && which == 2) z *= p.v(g, h, n0 + n);
      }
      base[which][n] = z;
      if (part) any = 1;
    }
    if (__syncthreads_or(any) == 0) continue;
    touched = true;
    const int n = threadIdx.x % M, at = threadIdx.x / M * run;
    if (at < R)
      fill_powers<T, run>(start, start + M, n, at, base[2][n] * power(base[0][n], at), base[0][n], 1, 1);
    else
      fill_powers<T, run>(table, table + M, n, at - R, power(base[1][n], at - R), base[1][n], 2, -2);
    __syncthreads();
    if (row_exists) multiply<Tile>(sum, start, table, 2 * M);
    __syncthreads();
  }
  if (p.add && !touched) return;

#pragma unroll
  for (int i = 0; i < Tile::thread_rows; ++i)
#pragma unroll
    for (int k = 0; k < Tile::ColGroups; ++k) {
      const index_t l = l0 + index_t(Tile::row_at(i)) * C + Tile::col_at(k * V);
      if (p.vectors && l + V <= L) {
        Vector<T>& out = *reinterpret_cast<Vector<T>*>(&p.K(g, h, l));
        Vector<T> value = p.add ? out : Vector<T>{};
        for (int j = 0; j < V; ++j) value.at[j] += sum[i][k * V + j];
        out = value;
      } else {
        for (int j = 0; j < V; ++j)
          if (l + j < L) p.K(g, h, l + j) = (p.add ? p.K(g, h, l + j) : T(0)) + sum[i][k * V + j];
      }
    }
}

// --- backward ---------------------------------------------------------------------------------------------------

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

// --- launch -----------------------------------------------------------------------------------------------------

// Three tiles per type. The largest spreads the cost of its tables over the most positions; a smaller one is taken
// where the length would leave most of it unused or there would be too few blocks for the chip. Rows x columns:
//
//                      large        medium      small
//   float              128 x 128    64 x 64     32 x 32     threads 256, 128, 64; 8 x 8, 8 x 4, 4 x 4 sums per thread
//   double              64 x 64     32 x 32     as medium   threads 256, 64;      4 x 4
//
// Backward: the same tiles of positions, in columns of 32 modes (float) or 16 (double).
template <class T>
struct Tiles;

template <>
struct Tiles<float> {
  struct Large {
    using Forward = Tile<float, 2, 2, 16, 16>;
    using Backward = Tile<float, 2, 2, 16, 16>;
  };
  struct Medium {
    using Forward = Tile<float, 2, 1, 8, 16>;
    using Backward = Tile<float, 2, 2, 8, 16>;
  };
  struct Small {
    using Forward = Tile<float, 1, 1, 8, 8>;
    using Backward = Tile<float, 1, 2, 8, 16>;
  };
};

template <>
struct Tiles<double> {
  struct Large {
    using Forward = Tile<double, 2, 2, 16, 16>;
    using Backward = Tile<double, 2, 2, 16, 16>;
  };
  struct Medium {
    using Forward = Tile<double, 2, 2, 8, 8>;
    using Backward = Tile<double, 2, 2, 8, 16>;
  };
  using Small = Medium;
};

template <class Size>
inline constexpr index_t tile_length = index_t(Size::Forward::rows) * Size::Forward::cols;

// f(Large() or Medium() or Small(), number of tiles along L)
template <class T, class F>
void with_tile(index_t H, index_t L, F f) {
  using Large = typename Tiles<T>::Large;
  using Medium = typename Tiles<T>::Medium;
  using Small = typename Tiles<T>::Small;
  auto tiles = [L](index_t length) { return (L + length - 1) / length; };
  auto fits = [&](index_t length) { return 2 * L > length && H * tiles(length) >= 64; };
  if (H > 0x7fffffff || tiles(tile_length<Large>) > 0xffff)
    throw_shape_error("vandermonde: K (H=" + std::to_string(H) + ", L=" + std::to_string(L) +
                      ") is more than one launch takes; cut it along H or L");
  if (fits(tile_length<Large>) || tiles(tile_length<Small>) > 0xffff)
    f(Large(), static_cast<unsigned>(tiles(tile_length<Large>)));
  else if (fits(tile_length<Medium>))
    f(Medium(), static_cast<unsigned>(tiles(tile_length<Medium>)));
  else
    f(Small(), static_cast<unsigned>(tiles(tile_length<Small>)));
}

}  // namespace detail

template <class T>
void vandermonde_forward(TensorView<T, 3, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 3, Cuda> v, Modes which, bool add) {
  if (K.empty()) return;
  constexpr index_t V = Vector<T>::size;
  const bool vectors =
      K.stride(2) == 1 && K.stride(0) % V == 0 && K.stride(1) % V == 0 && aligned_for_vectors(K.data());
  const detail::VandermondeForward<T> arguments{K, x, v, which, add, vectors};
  const index_t rows = K.size(0) * K.size(1);
  detail::with_tile<T>(rows, K.size(2), [&](auto size, unsigned tiles) {
    using Tile = typename decltype(size)::Forward;
    const dim3 blocks(static_cast<unsigned>(rows), tiles);
    detail::vandermonde_forward_kernel<T, Tile><<<blocks, Tile::threads, 0, stream_handle()>>>(arguments);
    check_launch("vandermonde_forward_kernel");
  });
}

template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 3, Cuda> dv,
                          TensorView<const T, 3, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 3, Cuda> v, Modes which) {
  const index_t G = dK.size(0), H = x.size(0), N = x.size(1);
  if (x.empty()) return;
  if (G == 0) {
    if (wanted(dx)) longwave::detail::fill(dx, complex<double>());
    return;
  }
  ScratchOn<Cuda> scratch;
  // A length of 0 still has gradients: zeros.
  detail::with_tile<T>(G * H, std::max<index_t>(dK.size(2), 1), [&](auto size, unsigned tiles) {
    using Size = decltype(size);
    using Tile = typename Size::Backward;
    constexpr int M = Tile::cols / 4, columns = static_cast<int>(detail::tile_length<Size> / Tile::rows);
    detail::VandermondeBackward<T> arguments{dx, dv, dK, x, v, which, nullptr};
    const bool parts = tiles > 1 || G > 1;
    if (parts) arguments.partial = scratch.template take<detail::ModeSums>(tiles * G * H * N);
    const dim3 blocks(static_cast<unsigned>(G * H), tiles, static_cast<unsigned>((N + M - 1) / M));
    detail::vandermonde_backward_kernel<T, Tile, columns><<<blocks, Tile::threads, 0, stream_handle()>>>(arguments);
    check_launch("vandermonde_backward_kernel");
    if (!parts) return;
    detail::vandermonde_sum_kernel<<<detail::blocks_for(H * N, 128), 128, 0, stream_handle()>>>(
        arguments, static_cast<int>(tiles));
    check_launch("vandermonde_sum_kernel");
  });
}

}  // namespace longwave::cuda
