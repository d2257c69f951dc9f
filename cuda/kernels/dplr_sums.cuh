// dplr_sums.cuh - sums of poles at the nodes and Woodbury's identity for dplr.cuh: from modes to the spectrum, and from
// its gradient to those of the sums.
#pragma once

#include "kernels/launch.cuh"
#include "kernels/map.cuh"
#include "kernels/reciprocal.cuh"
#include "longwave/cuda/dplr.hpp"
#include "longwave/cuda/fft.hpp"
#include "longwave/state_space/dplr_maps.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int dplr_products = 8;  // sums that a thread carries at once
inline constexpr int dplr_threads = 128;
inline constexpr int dplr_modes = 32;  // of a round
inline constexpr int dplr_backward_threads = 256;
inline constexpr int dplr_tile = 128;             // nodes of a round of the backward pass
inline constexpr int dplr_chunk = 8 * dplr_tile;  // nodes of a block of it
inline constexpr index_t dplr_bytes = 48 << 20;   // working memory of a group of features

using mode = complex<double>;

// What every kernel here takes: rows features from `first` on.
struct DplrShape {
  DplrSystemOn<Cuda> system;
  index_t first, rows, n;

  LONGWAVE_HD index_t nodes() const { return n / 2 + 1; }
  LONGWAVE_HD index_t M() const { return system.B.size(0); }
  LONGWAVE_HD index_t R() const { return system.P.size(0); }
  LONGWAVE_HD index_t C() const { return system.C.size(0); }
  LONGWAVE_HD index_t N() const { return system.A.size(1); }
  LONGWAVE_HD index_t products() const { return (M() + R()) * (C() + R()); }
  LONGWAVE_HD index_t groups() const { return (products() + dplr_products - 1) / dplr_products; }

  LONGWAVE_HD mode left(index_t i, index_t h, index_t n) const {
    return i < M() ? system.B(i, h, n) : system.P(i - M(), h, n);
  }
  LONGWAVE_HD mode right(index_t j, index_t h, index_t n) const {
    return j < C() ? system.C(j, h, n) : conj(system.P(j - C(), h, n));
  }
  LONGWAVE_HD mode product(index_t i, index_t h, index_t n) const {
    return system.dt(h) * (left(i / (C() + R()), h, n) * right(i % (C() + R()), h, n));
  }
};

struct DplrNode {
  double c, s2;  // cos t, 2 sin t

  __device__ DplrNode(index_t k, index_t n) {
    sincospi(static_cast<double>(k) / static_cast<double>(n), &s2, &c);
    s2 *= 2;
  }
  __device__ mode phase() const { return {c, s2 / 2}; }  // e^{i t}
};

// 1 / D of mode (wr, wi) at a node.
__device__ inline mode dplr_inverse(double c, double s2, double wr, double wi) {
  const double p = -(wr * c), re = p * p - (s2 - wi * c) * (s2 + wi * c), im = p * (2 * s2);
  const double inverse = reciprocal(re * re + im * im);
  return {re * inverse, -(im * inverse)};
}

// A mode as the loops take it: w and, per product, (beta, u).
template <int P>
struct alignas(16) DplrMode {
  mode w, v[P];

  __device__ void load(const DplrShape& s, index_t h, index_t n, index_t first) {
    w = s.system.dt(h) * s.system.A(h, n);
#pragma unroll
    for (int j = 0; j < P; ++j) {
      const mode product = s.product(first + j, h, n);
      v[j] = {product.re * w.re + product.im * w.im, product.re};
    }
  }
};

// --- sums -------------------------------------------------------------------------------------------------------

// s (products, rows, nodes): products [first, first + P). Block: row x, tile y of dplr_threads * K nodes.
template <int P, int K>
__global__ void __launch_bounds__(dplr_threads) dplr_sums_kernel(mode* s, DplrShape shape, index_t first) {
  __shared__ DplrMode<P> modes[dplr_modes];
  const index_t row = blockIdx.x, h = shape.first + row, N = shape.N(), nodes = shape.nodes();
  const index_t k0 = blockIdx.y * index_t(dplr_threads * K) + threadIdx.x;
  double c[K], s2[K];
  mode beta[K][P], u[K][P];
#pragma unroll
  for (int i = 0; i < K; ++i) {
    const index_t k = k0 + i * dplr_threads;
    const DplrNode node(k < nodes ? k : nodes - 1, shape.n);
    c[i] = node.c;
    s2[i] = node.s2;
#pragma unroll
    for (int j = 0; j < P; ++j) beta[i][j] = u[i][j] = mode(0);
  }
  for (index_t n0 = 0; n0 < N; n0 += dplr_modes) {
    const int count = static_cast<int>(N - n0 < dplr_modes ? N - n0 : dplr_modes);
    __syncthreads();
    if (threadIdx.x < count) modes[threadIdx.x].load(shape, h, n0 + threadIdx.x, first);
    __syncthreads();
    for (int n = 0; n < count; ++n) {
      const mode w = modes[n].w;
      mode e[K];
#pragma unroll
      for (int i = 0; i < K; ++i) e[i] = dplr_inverse(c[i], s2[i], w.re, w.im);
#pragma unroll
      for (int j = 0; j < P; ++j) {
        const mode v = modes[n].v[j];
#pragma unroll
        for (int i = 0; i < K; ++i) {
          beta[i][j] += v.re * e[i];
          u[i][j] += v.im * e[i];
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < K; ++i) {
    const index_t k = k0 + i * dplr_threads;
    if (k >= nodes) break;
#pragma unroll
    for (int j = 0; j < P; ++j)
      s[((first + j) * shape.rows + row) * nodes + k] = {-2 * (c[i] * beta[i][j].re + s2[i] * u[i][j].im),
                                                         -2 * (c[i] * beta[i][j].im - s2[i] * u[i][j].re)};
  }
}

// --- Woodbury's identity ----------------------------------------------------------------------------------------

// The sums s_ij of one row at one node: i an input or P, j an output or P^*.
struct DplrSumsAt {
  mode* at;
  index_t stride, columns;

  __device__ mode& operator()(index_t i, index_t j) const { return at[(i * columns + j) * stride]; }
};

// W = (I + cos t s11)^-1. Rank: R, or 0 for any.
template <int Rank>
__device__ void dplr_invert(mode* W, const DplrSumsAt& s, index_t M, index_t C, index_t R, double c) {
  const index_t r_end = Rank > 0 ? Rank : R;
  for (index_t q = 0; q < r_end; ++q)
    for (index_t r = 0; r < r_end; ++r) W[q * r_end + r] = c * s(M + q, C + r) + mode(q == r ? 1.0 : 0.0);
  if constexpr (Rank == 1)
    W[0] = mode(1) / W[0];
  else
    impl::invert_in_place(W, r_end);
}

template <int Rank>
__global__ void __launch_bounds__(dplr_threads) dplr_spectrum_kernel(mode* bins, mode* sums, DplrShape shape) {
  constexpr int room = Rank > 0 ? Rank : static_cast<int>(max_rank);
  const index_t row = blockIdx.x, k = blockIdx.y * index_t(dplr_threads) + threadIdx.x, nodes = shape.nodes();
  if (k >= nodes) return;
  const index_t M = shape.M(), C = shape.C(), R = Rank > 0 ? Rank : shape.R();
  const DplrSumsAt s{sums + row * nodes + k, shape.rows * nodes, C + R};
  const DplrNode node(k, shape.n);
  mode W[room * room], X[room];
  dplr_invert<Rank>(W, s, M, C, R, node.c);
  const mode scale = (1 / static_cast<double>(shape.n)) * node.phase();
  for (index_t m = 0; m < M; ++m) {
    for (index_t q = 0; q < R; ++q) {
      X[q] = mode(0);
      for (index_t r = 0; r < R; ++r) X[q] += s(m, C + r) * W[r * R + q];
    }
    for (index_t o = 0; o < C; ++o) {
      mode sum(0);
      for (index_t r = 0; r < R; ++r) sum += X[r] * s(M + r, o);
      mode bin = scale * (s(m, o) - node.c * sum);
      if (k == 0 || 2 * k == shape.n) bin.im = 0;
      bins[((m * C + o) * shape.rows + row) * nodes + k] = bin;
    }
  }
}

// The sums become their gradients, from those of the spectra; Y (C R, rows, nodes) is working memory.
template <int Rank>
__global__ void __launch_bounds__(dplr_threads)
    dplr_spectrum_backward_kernel(mode* sums, mode* Y_room, const mode* dbins, DplrShape shape) {
  constexpr int room = Rank > 0 ? Rank : static_cast<int>(max_rank);
  const index_t row = blockIdx.x, k = blockIdx.y * index_t(dplr_threads) + threadIdx.x, nodes = shape.nodes();
  if (k >= nodes) return;
  const index_t M = shape.M(), C = shape.C(), R = Rank > 0 ? Rank : shape.R(), plane = shape.rows * nodes;
  const DplrSumsAt s{sums + row * nodes + k, plane, C + R};
  mode* const Y_at = Y_room + row * nodes + k;
  const DplrNode node(k, shape.n);
  const double c = node.c, twice = k > 0 && 2 * k < shape.n ? 2 : 1;  // inner bins stand for two
  const mode scale = (twice / static_cast<double>(shape.n)) * conj(node.phase());
  for (index_t i = 0; i < M * C; ++i) s(i / C, i % C) = scale * dbins[i * plane + row * nodes + k];
  if (R == 0) return;
  mode W[room * room], dW[room * room], Y[room], sum[room];
  dplr_invert<Rank>(W, s, M, C, R, c);
  for (index_t i = 0; i < R * R; ++i) dW[i] = mode(0);
  // Y_o = W s10_o, ds10_o = -c sum_m X_m^* G_mo with X_m = s01_m W, dW = ds11 = -c sum_o ds10_o Y_o^*
  for (index_t o = 0; o < C; ++o) {
    for (index_t r = 0; r < R; ++r) {
      Y[r] = sum[r] = mode(0);
      for (index_t q = 0; q < R; ++q) Y[r] += W[r * R + q] * s(M + q, o);
      if (o + 1 < C) Y_at[(o * R + r) * plane] = Y[r];
    }
    for (index_t m = 0; m < M; ++m) {
      const mode G = s(m, o);
      for (index_t q = 0; q < R; ++q) {
        mode X(0);
        for (index_t r = 0; r < R; ++r) X += s(m, C + r) * W[r * R + q];
        sum[q] -= c * (conj(X) * G);
      }
    }
    for (index_t q = 0; q < R; ++q) {
      s(M + q, o) = sum[q];
      for (index_t r = 0; r < R; ++r) dW[q * R + r] -= c * (sum[q] * conj(Y[r]));
    }
  }
  // ds01_m = -c sum_o G_mo Y_o^*; the last Y is still here
  for (index_t m = 0; m < M; ++m)
    for (index_t r = 0; r < R; ++r) {
      mode d(0);
      for (index_t o = 0; o < C; ++o) d -= c * (s(m, o) * conj(o + 1 < C ? Y_at[(o * R + r) * plane] : Y[r]));
      s(m, C + r) = d;
    }
  for (index_t q = 0; q < R; ++q)
    for (index_t r = 0; r < R; ++r) s(M + q, C + r) = dW[q * R + r];
}

}  // namespace detail
}  // namespace longwave::cuda
