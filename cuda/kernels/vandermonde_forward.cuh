// vandermonde_forward.cuh - the forward kernel of vandermonde.cuh.
#pragma once

#include "kernels/vandermonde_tile.cuh"

namespace longwave::cuda {

namespace detail {

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

}  // namespace detail
}  // namespace longwave::cuda
