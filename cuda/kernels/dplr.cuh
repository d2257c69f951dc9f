// dplr.cuh - S4's kernels by their generating function (state_space/dplr.hpp) on the device, in double throughout.
//
// At node k with c = cos t, s2 = 2 sin t, t = pi k / n, the two reciprocals of a mode make one: with p = -wr c,
//   D = d d' = p^2 - (s2 - wi c)(s2 + wi c) + 2 i p s2,   v / d + v* / d' = 2 (i s2 Re v - c Re(v w*)) / D
// so the sums of a product v are those of 1 / D with two real weights per mode, u = Re v and beta = Re(v w*):
//   s(v) = 2 (i s2 sum u / D - c sum beta / D)
// and cost 15 + 4 P operations per mode and node for P products, 31 at rank 1; backward 32 + 8 P. For H = 256, 32
// modes, 8193 nodes that is 2.1 and 4.3 G of the 15 T operations in double that an H100 does in a second: 0.14 and 0.29
// ms. In float it would be half of that at best, and the difference in Khat cancels 2 to 4 of its 7 digits.
//
// Features are taken in groups whose sums, spectra and rows fit the second-level cache; per group:
//   forward    sums (P, rows, nodes) -> spectra (M, C, rows, nodes) -> inverse transform -> K
//   backward   dK -> transform;  sums again -> their gradients, in place -> partial sums per chunk of nodes, added in
//   order
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

// --- the way back to modes --------------------------------------------------------------------------------------

// Thread = one mode and every slice-th node. partial (chunks, 2 products + 2 groups, rows, N): per product sum c Re(g
// E^*) and sum s2 Im(g E^*), E = 1 / D; per group sum c s2 Im Z and sum c^2 Re Z, Z = (c sum beta g + i s2 sum u g)
// E^*^2.
template <int P>
__global__ void __launch_bounds__(dplr_backward_threads)
    dplr_modes_kernel(double* partial, const mode* ds, DplrShape shape, index_t first, index_t group, int modes) {
  __shared__ mode tile[dplr_tile][2 + P];  // (c, s2), (c s2, c^2), g
  __shared__ double slices[dplr_backward_threads];
  const index_t row = blockIdx.x, h = shape.first + row, N = shape.N(), nodes = shape.nodes();
  const index_t n = blockIdx.z * index_t(modes) + threadIdx.x % modes;
  const int slice = threadIdx.x / modes, step = dplr_backward_threads / modes;
  const index_t begin = blockIdx.y * index_t(dplr_chunk), end = begin + dplr_chunk < nodes ? begin + dplr_chunk : nodes;
  DplrMode<P> m = {};
  m.w = mode(-1);
  if (n < N) m.load(shape, h, n, first);
  double sums[2 * P + 2] = {};
  for (index_t k0 = begin; k0 < end; k0 += dplr_tile) {
    const int count = static_cast<int>(end - k0 < dplr_tile ? end - k0 : dplr_tile);
    __syncthreads();
    if (threadIdx.x < count) {
      const DplrNode node(k0 + threadIdx.x, shape.n);
      tile[threadIdx.x][0] = {node.c, node.s2};
      tile[threadIdx.x][1] = {node.c * node.s2, node.c * node.c};
    }
    for (int i = threadIdx.x; i < P * dplr_tile; i += dplr_backward_threads) {
      const int j = i / dplr_tile, k = i % dplr_tile;
      if (k >= count) continue;
      tile[k][2 + j] = ds[((first + j) * shape.rows + row) * nodes + k0 + k];
    }
    __syncthreads();
#pragma unroll 2
    for (int k = slice; k < count; k += step) {
      const mode* node = tile[k];
      const double c = node[0].re, s2 = node[0].im;
      const mode e = dplr_inverse(c, s2, m.w.re, m.w.im), ec = c * e, es = s2 * e;
      mode beta(0), u(0);
#pragma unroll
      for (int j = 0; j < P; ++j) {
        const mode g = node[2 + j];
        sums[2 * j] = fma(g.im, ec.im, fma(g.re, ec.re, sums[2 * j]));
        sums[2 * j + 1] = fma(-g.re, es.im, fma(g.im, es.re, sums[2 * j + 1]));
        beta = {fma(m.v[j].re, g.re, beta.re), fma(m.v[j].re, g.im, beta.im)};
        u = {fma(m.v[j].im, g.re, u.re), fma(m.v[j].im, g.im, u.im)};
      }
      const mode t(c * beta.re - s2 * u.im, c * beta.im + s2 * u.re), Z = t * conj(e * e);
      sums[2 * P] = fma(node[1].re, Z.im, sums[2 * P]);
      sums[2 * P + 1] = fma(node[1].im, Z.re, sums[2 * P + 1]);
    }
  }
  const index_t slots = 2 * (shape.products() + shape.groups());
#pragma unroll
  for (int i = 0; i < 2 * P + 2; ++i) {
    __syncthreads();
    slices[threadIdx.x] = sums[i];
    __syncthreads();
    if (slice != 0 || n >= N) continue;
    double sum = sums[i];
    for (int j = 1; j < step; ++j) sum += slices[j * modes + threadIdx.x];
    const index_t slot = i < 2 * P ? 2 * first + i : 2 * (shape.products() + group) + i - 2 * P;
    partial[((blockIdx.y * slots + slot) * shape.rows + row) * N + n] = sum;
  }
}

// Block: row; adds to the gradients of the system.
template <int threads>
__global__ void __launch_bounds__(threads)
    dplr_finish_kernel(DplrGradientsOn<Cuda> d, const double* partial, DplrShape shape, index_t chunks) {
  __shared__ double ddt[threads];
  const index_t row = blockIdx.x, h = shape.first + row, N = shape.N(), M = shape.M(), C = shape.C(), R = shape.R();
  const index_t slots = 2 * (shape.products() + shape.groups());
  const double dt = shape.system.dt(h);
  double to_dt = 0;
  for (index_t n = threadIdx.x; n < N; n += threads) {
    const auto total = [&](index_t slot) {
      double sum = 0;
      for (index_t i = 0; i < chunks; ++i) sum += partial[((i * slots + slot) * shape.rows + row) * N + n];
      return sum;
    };
    const mode A = shape.system.A(h, n), w = dt * A;
    mode dw(0);
    for (index_t g = 0; g < shape.groups(); ++g) {
      const index_t slot = 2 * (shape.products() + g);
      const double cross = total(slot), square = total(slot + 1);
      dw += mode(-4 * (cross - w.re * square), 4 * w.im * square);
    }
    for (index_t i = 0; i < M + R; ++i)
      for (index_t j = 0; j < C + R; ++j) {
        const index_t product = i * (C + R) + j;
        const double dbeta = -2 * total(2 * product), du = 2 * total(2 * product + 1);
        const mode l = shape.left(i, h, n), r = shape.right(j, h, n), dv(dbeta * w.re + du, dbeta * w.im);
        dw += (dbeta * dt) * (l * r);
        to_dt += (dv * conj(l * r)).re;
        const mode dl = dt * (dv * conj(r)), dr = dt * (dv * conj(l));
        (i < M ? d.B(i, h, n) : d.P(i - M, h, n)) += dl;
        if (j < C)
          d.C(j, h, n) += dr;
        else
          d.P(j - C, h, n) += conj(dr);
      }
    d.A(h, n) += dt * dw;
    to_dt += (dw * conj(A)).re;
  }
  ddt[threadIdx.x] = to_dt;
  __syncthreads();
  if (threadIdx.x != 0) return;
  double sum = 0;
  for (int i = 0; i < threads; ++i) sum += ddt[i];
  d.dt(h) += sum;
}

// --- rows -------------------------------------------------------------------------------------------------------

inline constexpr int dplr_row_threads = 256;
inline constexpr int dplr_row_tile = 4 * dplr_row_threads;

template <class T>
__global__ void __launch_bounds__(dplr_row_threads)
    dplr_store_kernel(TensorView<T, 4, Cuda> K, TensorView<const T, 4, Cuda> base, const double* rows,
                      DplrShape shape) {
  const index_t at = blockIdx.x, h = shape.first + at % shape.rows, c = at / shape.rows % shape.C();
  const index_t m = at / shape.rows / shape.C(), l0 = blockIdx.y * index_t(dplr_row_tile) + threadIdx.x;
  const double* row = rows + at * shape.n;
#pragma unroll
  for (int i = 0; i < dplr_row_tile / dplr_row_threads; ++i) {
    const index_t l = l0 + i * dplr_row_threads;
    if (l >= K.size(3)) return;
    K(m, c, h, l) = base.data() == nullptr ? static_cast<T>(row[l]) : base(m, c, h, l) + static_cast<T>(row[l]);
  }
}

template <class T>
__global__ void __launch_bounds__(dplr_row_threads)
    dplr_load_kernel(double* rows, TensorView<const T, 4, Cuda> dK, DplrShape shape) {
  const index_t at = blockIdx.x, h = shape.first + at % shape.rows, c = at / shape.rows % shape.C();
  const index_t m = at / shape.rows / shape.C(), l0 = blockIdx.y * index_t(dplr_row_tile) + threadIdx.x;
  double* row = rows + at * shape.n;
#pragma unroll
  for (int i = 0; i < dplr_row_tile / dplr_row_threads; ++i) {
    const index_t l = l0 + i * dplr_row_threads;
    if (l >= shape.n) return;
    row[l] = l < dK.size(3) ? static_cast<double>(dK(m, c, h, l)) : 0.0;
  }
}

// --- launch -----------------------------------------------------------------------------------------------------

inline dim3 dplr_grid(index_t rows, index_t columns, index_t tile) {
  const index_t tiles = (columns + tile - 1) / tile;
  if (rows > 0x7fffffff || tiles > 0xffff)
    throw_shape_error("dplr: " + std::to_string(rows) + " rows of " + std::to_string(columns) +
                      " are more than one launch takes");
  return {static_cast<unsigned>(rows), static_cast<unsigned>(tiles), 1};
}

// f(std::integral_constant<int, P>(), first product, group) for each group of products.
template <class F>
void for_dplr_groups(const DplrShape& shape, F f) {
  const index_t products = shape.products(), groups = shape.groups();
  for (index_t g = 0; g < groups; ++g) {
    const index_t first = products * g / groups, P = products * (g + 1) / groups - first;
    [&]<int... I>(std::integer_sequence<int, I...>) {
      ((P == I + 1 ? f(std::integral_constant<int, I + 1>(), first, g) : void()), ...);
    }
    (std::make_integer_sequence<int, dplr_products>());
  }
}

// f(std::integral_constant<int, Rank>()), Rank 0: any.
template <class F>
void with_rank(index_t R, F f) {
  if (R == 1)
    f(std::integral_constant<int, 1>());
  else if (R == 2)
    f(std::integral_constant<int, 2>());
  else
    f(std::integral_constant<int, 0>());
}

inline void dplr_launch_sums(mode* s, const DplrShape& shape) {
  for_dplr_groups(shape, [&](auto products, index_t first, index_t) {
    constexpr int P = decltype(products)::value, K = P <= 4 ? 2 : 1;
    const dim3 blocks = dplr_grid(shape.rows, shape.nodes(), dplr_threads * K);
    dplr_sums_kernel<P, K><<<blocks, dplr_threads, 0, stream_handle()>>>(s, shape, first);
    check_launch("dplr_sums_kernel");
  });
}

inline void dplr_launch_modes(const DplrGradientsOn<Cuda>& d, double* partial, const mode* ds, const DplrShape& shape) {
  int modes = 4;
  while (modes < 32 && modes < shape.N()) modes *= 2;
  dim3 blocks = dplr_grid(shape.rows, shape.nodes(), dplr_chunk);
  blocks.z = static_cast<unsigned>((shape.N() + modes - 1) / modes);
  for_dplr_groups(shape, [&](auto products, index_t first, index_t group) {
    dplr_modes_kernel<decltype(products)::value>
        <<<blocks, dplr_backward_threads, 0, stream_handle()>>>(partial, ds, shape, first, group, modes);
    check_launch("dplr_modes_kernel");
  });
  dplr_finish_kernel<64><<<blocks.x, 64, 0, stream_handle()>>>(d, partial, shape, blocks.y);
  check_launch("dplr_finish_kernel");
}

// Features per group.
inline index_t dplr_rows(const DplrShape& s, index_t more_per_node) {
  const index_t spectra = s.M() * s.C();
  const index_t bytes = 16 * s.nodes() * (s.products() + spectra + more_per_node) + 8 * spectra * s.n;
  const index_t H = s.system.A.size(0), most = std::clamp<index_t>(dplr_bytes / bytes, 1, H),
                groups = (H + most - 1) / most;
  return (H + groups - 1) / groups;
}

}  // namespace detail

template <class T>
void dplr_forward(TensorView<T, 4, Cuda> K, TensorView<const T, 4, Cuda> base, const DplrSystemOn<Cuda>& system,
                  index_t n) {
  if (K.empty()) return;
  detail::DplrShape shape{system, 0, 0, n};
  const index_t H = system.A.size(0), rows = detail::dplr_rows(shape, 0), spectra = shape.M() * shape.C();
  ScratchOn<Cuda> scratch;
  auto* s = scratch.take<detail::mode>(shape.products() * rows * shape.nodes());
  auto* bins = scratch.take<detail::mode>(spectra * rows * shape.nodes());
  auto* out = scratch.take<double>(spectra * rows * shape.n);
  for (; shape.first < H; shape.first += rows) {
    shape.rows = std::min(rows, H - shape.first);
    detail::dplr_launch_sums(s, shape);
    detail::with_rank(shape.R(), [&](auto rank) {
      detail::dplr_spectrum_kernel<decltype(rank)::value>
          <<<detail::dplr_grid(shape.rows, shape.nodes(), detail::dplr_threads), detail::dplr_threads, 0,
             stream_handle()>>>(bins, s, shape);
    });
    check_launch("dplr_spectrum_kernel");
    fft_bins_to_real(out, bins, n, spectra * shape.rows);
    detail::dplr_store_kernel<<<detail::dplr_grid(spectra * shape.rows, K.size(3), detail::dplr_row_tile),
                                detail::dplr_row_threads, 0, stream_handle()>>>(K, base, out, shape);
    check_launch("dplr_store_kernel");
  }
}

template <class T>
void dplr_backward(const DplrGradientsOn<Cuda>& d, TensorView<const T, 4, Cuda> dK, const DplrSystemOn<Cuda>& system,
                   index_t n) {
  if (system.A.empty() || dK.empty()) return;
  detail::DplrShape shape{system, 0, 0, n};
  const index_t H = system.A.size(0), more = shape.C() * shape.R(), spectra = shape.M() * shape.C();
  const index_t rows = detail::dplr_rows(shape, more);
  const index_t chunks = (shape.nodes() + detail::dplr_chunk - 1) / detail::dplr_chunk;
  ScratchOn<Cuda> scratch;
  auto* s = scratch.take<detail::mode>(shape.products() * rows * shape.nodes());
  auto* Y = scratch.take<detail::mode>(more * rows * shape.nodes());
  auto* bins = scratch.take<detail::mode>(spectra * rows * shape.nodes());
  auto* in = scratch.take<double>(spectra * rows * shape.n);
  auto* partial = scratch.take<double>(chunks * 2 * (shape.products() + shape.groups()) * rows * shape.N());
  for (; shape.first < H; shape.first += rows) {
    shape.rows = std::min(rows, H - shape.first);
    detail::dplr_load_kernel<<<detail::dplr_grid(spectra * shape.rows, shape.n, detail::dplr_row_tile),
                               detail::dplr_row_threads, 0, stream_handle()>>>(in, dK, shape);
    check_launch("dplr_load_kernel");
    fft_real_to_bins(bins, in, n, spectra * shape.rows);
    detail::dplr_launch_sums(s, shape);
    detail::with_rank(shape.R(), [&](auto rank) {
      detail::dplr_spectrum_backward_kernel<decltype(rank)::value>
          <<<detail::dplr_grid(shape.rows, shape.nodes(), detail::dplr_threads), detail::dplr_threads, 0,
             stream_handle()>>>(s, Y, bins, shape);
    });
    check_launch("dplr_spectrum_backward_kernel");
    detail::dplr_launch_modes(d, partial, s, shape);
  }
}

}  // namespace longwave::cuda
