// dplr_modes.cuh - the gradients of the modes from those of the sums, and rows in and out, for dplr.cuh.
#pragma once

#include "kernels/dplr_sums.cuh"

namespace longwave::cuda {

namespace detail {

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

}  // namespace detail
}  // namespace longwave::cuda
