// cauchy.cuh - sums of poles at given nodes (ops/cauchy.hpp) on the device.
//
// With z = zr + i zi, w = wr + i wi, v = u + i s, a = zr - wr, b = zi - wi, c = zi + wi, one reciprocal serves a pair:
//   r = 2 sum_n ((u a - s wi) + i u zi) / D,      D = (z - w)(z - w*) = (a^2 - b c) + 2 i a zi
// b and c are differences of the numbers given, so D keeps its digits next to a pole; the numerator is of the size of
// |v| (|z - w| + |z - w*|) as the two terms are. Forward takes everything twice (E = 2a, ..) and zi out of the
// imaginary part: 16 operations with the reciprocal per mode and node; where a tile's nodes share zr, as on the
// imaginary axis of the bilinear rule, what depends on a is worked out once per mode: 11. For H = 256, 32 pairs, L =
// 16384 in float that is 72 or 50 us of the 30 T operations a second of an H100; 33 MB written take 11 us.
//
// Backward, with zeta = a + i zi, e = conj(g) / D and f = e / D, needs four real sums over the nodes, 25 operations:
//   S0 = sum Re e   S1 = sum Re e zeta   F0 = sum Re f   F1 = sum Re f zeta
//   dv = 2 S1 - 2 i wi S0     dw = 2 (u S0 - 2 u wi^2 F0 - 2 s wi F1) + 2 i (-s S0 - 2 wi (u F1 - s wi F0))
// Threads own modes and the nodes are broadcast from shared memory, so nothing crosses threads until the end of a
// chunk. dz_l = sum_h g conj(2 sum_n (2 wi (u wi + s zeta) / D - u) / D) by a kernel whose threads own nodes.
//
// |D| between 1e-19 and 1e18 in float. Sums of float: a thread's share of a tile, 64 terms, then in double.
#pragma once

#include "kernels/launch.cuh"
#include "kernels/map.cuh"
#include "kernels/reciprocal.cuh"
#include "longwave/cuda/cauchy.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int cauchy_threads = 128;
inline constexpr int cauchy_modes = 64;  // of a round, in shared memory
inline constexpr int cauchy_backward_threads = 256;
inline constexpr int cauchy_tile = 512;        // nodes of a round of the backward pass
inline constexpr index_t cauchy_chunk = 2048;  // nodes of a block of it
inline constexpr index_t cauchy_rows = 16;     // partial sums of dz

template <class T>
struct CauchyInputs {
  TensorView<const complex<T>, 2, Cuda> v, w;
  TensorView<const complex<T>, 1, Cuda> z;
};

// --- forward ----------------------------------------------------------------------------------------------------

template <class T>
struct alignas(16) CauchyPole {
  T at[8];
};

// What the loop over modes needs of one of them.
template <CauchyTerms terms, class T>
__device__ CauchyPole<T> cauchy_pole(complex<T> v, complex<T> w, bool vertical, T zr) {
  if (terms == CauchyTerms::given) return {w.re, w.im, v.re, v.im};
  const T shift = 4 * (v.im * w.im);
  if (!vertical) return {2 * w.re, 2 * w.im, v.re, shift};
  const T E = 2 * zr - 2 * w.re, q = v.re * E, n = 2 * q - shift;
  return {2 * w.im, E * E, q, n, v.re, E * n};
}

// re and im of thread's K nodes += modes [0, count); zr and zi are doubled for pairs.
template <CauchyTerms terms, bool vertical, class T, int K>
__device__ void cauchy_add(T (&re)[K], T (&im)[K], const T (&zr)[K], const T (&zi)[K], const CauchyPole<T>* poles,
                           int count) {
#pragma unroll 4
  for (int n = 0; n < count; ++n) {
    const CauchyPole<T> p = poles[n];
#pragma unroll
    for (int k = 0; k < K; ++k) {
      if constexpr (terms == CauchyTerms::given) {
        const T a = zr[k] - p.at[0], b = zi[k] - p.at[1];
        const T inverse = reciprocal(a * a + b * b);
        re[k] += (p.at[2] * a + p.at[3] * b) * inverse;
        im[k] += (p.at[3] * a - p.at[2] * b) * inverse;
      } else if constexpr (vertical) {
        const T S = 4 * (zi[k] * zi[k]);
        const T D = p.at[1] - (zi[k] - p.at[0]) * (zi[k] + p.at[0]);
        const T inverse = reciprocal(D * D + p.at[1] * S);
        re[k] += (p.at[3] * D + p.at[2] * S) * inverse;
        im[k] += (p.at[4] * D - p.at[5]) * inverse;
      } else {
        const T S = 4 * (zi[k] * zi[k]);
        const T E = zr[k] - p.at[0], m = E * E;
        const T D = m - (zi[k] - p.at[1]) * (zi[k] + p.at[1]);
        const T inverse = reciprocal(D * D + m * S);
        const T q = p.at[2] * E, numerator = fma(T(2), q, -p.at[3]);
        re[k] += (numerator * D + q * S) * inverse;
        im[k] += (p.at[2] * D - E * numerator) * inverse;
      }
    }
  }
}

// Block: feature x, tile y of cauchy_threads * K nodes, every cauchy_threads-th of them a thread's.
template <CauchyTerms terms, class T, int K>
__global__ void __launch_bounds__(cauchy_threads)
    cauchy_forward_kernel(TensorView<complex<T>, 2, Cuda> r, CauchyInputs<T> in) {
  constexpr bool pairs = terms == CauchyTerms::conjugate_pairs;
  __shared__ CauchyPole<T> poles[cauchy_modes];
  const index_t h = blockIdx.x, first = blockIdx.y * index_t(cauchy_threads * K), L = in.z.size(0), N = in.v.size(1);
  const T at = in.z(first).re;
  T zr[K], zi[K], re[K] = {}, im[K] = {};
  bool same = pairs;
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const index_t l = first + k * cauchy_threads + threadIdx.x;
    const complex<T> node = in.z(l < L ? l : L - 1);
    same = same && node.re == at;
    zr[k] = pairs ? 2 * node.re : node.re;
    zi[k] = pairs ? 2 * node.im : node.im;
  }
  const bool vertical = __syncthreads_and(same);
  for (index_t n0 = 0; n0 < N; n0 += cauchy_modes) {
    const int count = static_cast<int>(N - n0 < cauchy_modes ? N - n0 : cauchy_modes);
    __syncthreads();
    if (threadIdx.x < count)
      poles[threadIdx.x] = cauchy_pole<terms>(in.v(h, n0 + threadIdx.x), in.w(h, n0 + threadIdx.x), vertical, at);
    __syncthreads();
    if (vertical)
      cauchy_add<terms, true>(re, im, zr, zi, poles, count);
    else
      cauchy_add<terms, false>(re, im, zr, zi, poles, count);
  }
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const index_t l = first + k * cauchy_threads + threadIdx.x;
    if (l < L) r(h, l) = pairs ? complex<T>(2 * re[k], 4 * zi[k] * im[k]) : complex<T>(re[k], im[k]);
  }
}

// --- backward ---------------------------------------------------------------------------------------------------

template <class T>
struct CauchySums {  // pairs: S0, S1, F0, F1; given: sum conj(g) P and conj(g) P^2
  T at[4];
};

template <class T>
struct alignas(16) CauchyNode {
  complex<T> z, g;
};

template <class T>
struct CauchyInverse {
  T re, im;  // 1 / D
};

template <class T>
__device__ CauchyInverse<T> cauchy_inverse(T a, T zi, T wi) {
  const T re = a * a - (zi - wi) * (zi + wi), im = (a + a) * zi;
  const T inverse = reciprocal(re * re + im * im);
  return {re * inverse, -(im * inverse)};
}

template <CauchyTerms terms, class T>
__device__ void cauchy_add_node(CauchySums<T>& s, CauchyNode<T> node, T wr, T wi) {
  const T zi = node.z.im, gr = node.g.re, gi = node.g.im, a = node.z.re - wr;
  CauchyInverse<T> p;
  if constexpr (terms == CauchyTerms::given) {
    const T b = zi - wi, inverse = reciprocal(a * a + b * b);
    p = {a * inverse, -(b * inverse)};
  } else {
    p = cauchy_inverse(a, zi, wi);
  }
  const T er = gr * p.re + gi * p.im, ei = gr * p.im - gi * p.re;
  const T fr = er * p.re - ei * p.im, fi = er * p.im + ei * p.re;
  if constexpr (terms == CauchyTerms::given) {
    s.at[0] += er;
    s.at[1] += ei;
    s.at[2] += fr;
    s.at[3] += fi;
  } else {
    s.at[0] += er;
    s.at[1] = fma(-ei, zi, fma(er, a, s.at[1]));
    s.at[2] += fr;
    s.at[3] = fma(-fi, zi, fma(fr, a, s.at[3]));
  }
}

// Block: feature x, chunk y of nodes, `modes` modes z; thread = one mode and every slice-th node of a tile.
template <CauchyTerms terms, class T>
__global__ void __launch_bounds__(cauchy_backward_threads)
    cauchy_backward_kernel(CauchySums<double>* partial, TensorView<const complex<T>, 2, Cuda> dr, CauchyInputs<T> in,
                           int modes) {
  __shared__ CauchyNode<T> tile[cauchy_tile];
  __shared__ CauchySums<double> slices[cauchy_backward_threads];
  const index_t h = blockIdx.x, H = in.v.size(0), N = in.v.size(1), L = in.z.size(0);
  const index_t n = blockIdx.z * index_t(modes) + threadIdx.x % modes;
  const int slice = threadIdx.x / modes, step = cauchy_backward_threads / modes;
  const index_t begin = blockIdx.y * cauchy_chunk, end = begin + cauchy_chunk < L ? begin + cauchy_chunk : L;
  const complex<T> w = n < N ? in.w(h, n) : complex<T>(-1, 0);
  CauchySums<double> all = {};
  for (index_t l0 = begin; l0 < end; l0 += cauchy_tile) {
    const int count = static_cast<int>(end - l0 < cauchy_tile ? end - l0 : cauchy_tile);
    __syncthreads();
    const int padded = (count + 4 * step - 1) / (4 * step) * (4 * step);  // nodes without a gradient
    for (int i = threadIdx.x; i < padded; i += cauchy_backward_threads)
      tile[i] = {in.z(l0 + (i < count ? i : count - 1)), i < count ? dr(h, l0 + i) : complex<T>(0)};
    __syncthreads();
    CauchySums<T> s = {};
    for (int i = slice; i < padded; i += 4 * step)
#pragma unroll
      for (int j = 0; j < 4; ++j) cauchy_add_node<terms>(s, tile[i + j * step], w.re, w.im);
#pragma unroll
    for (int j = 0; j < 4; ++j) all.at[j] += static_cast<double>(s.at[j]);
  }
  slices[threadIdx.x] = all;
  __syncthreads();
  if (slice != 0 || n >= N) return;
  for (int i = 1; i < step; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) all.at[j] += slices[i * modes + threadIdx.x].at[j];
  partial[(blockIdx.y * H + h) * N + n] = all;
}

template <CauchyTerms terms, class T>
__global__ void cauchy_modes_kernel(TensorView<complex<T>, 2, Cuda> dv, TensorView<complex<T>, 2, Cuda> dw,
                                    const CauchySums<double>* partial, CauchyInputs<T> in, index_t chunks) {
  const index_t N = in.v.size(1), count = in.v.count(), i = blockIdx.x * index_t(blockDim.x) + threadIdx.x;
  if (i >= count) return;
  CauchySums<double> s = {};
  for (index_t chunk = 0; chunk < chunks; ++chunk)
    for (int j = 0; j < 4; ++j) s.at[j] += partial[chunk * count + i].at[j];
  const complex<double> v(in.v(i / N, i % N)), w(in.w(i / N, i % N));
  complex<double> to_v, to_w;
  if constexpr (terms == CauchyTerms::given) {
    to_v = {s.at[0], -s.at[1]};
    to_w = conj(v * complex<double>(s.at[2], s.at[3]));
  } else {
    const double S0 = s.at[0], S1 = s.at[1], F0 = s.at[2], F1 = s.at[3];
    to_v = {2 * S1, -2 * w.im * S0};
    to_w = {2 * (v.re * (S0 - 2 * w.im * w.im * F0) - 2 * v.im * w.im * F1),
            2 * (-v.im * S0 - 2 * w.im * (v.re * F1 - v.im * w.im * F0))};
  }
  if (dv.data() != nullptr) dv(i / N, i % N) = complex<T>(to_v);
  if (dw.data() != nullptr) dw(i / N, i % N) = complex<T>(to_w);
}

// Block: tile x of K nodes per thread, features [h0, h1) of row y: partial (rows, L).
template <CauchyTerms terms, class T, int K>
__global__ void __launch_bounds__(cauchy_threads)
    cauchy_nodes_kernel(complex<double>* partial, TensorView<const complex<T>, 2, Cuda> dr, CauchyInputs<T> in,
                        index_t height) {
  __shared__ CauchyPole<T> poles[cauchy_modes];
  const index_t first = blockIdx.x * index_t(cauchy_threads * K), H = in.v.size(0), N = in.v.size(1), L = in.z.size(0);
  const index_t h0 = blockIdx.y * height, h1 = h0 + height < H ? h0 + height : H;
  T zr[K], zi[K];
  complex<double> sum[K];
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const index_t l = first + k * cauchy_threads + threadIdx.x;
    const complex<T> node = in.z(l < L ? l : L - 1);
    zr[k] = node.re;
    zi[k] = node.im;
    sum[k] = complex<double>(0);
  }
  for (index_t h = h0; h < h1; ++h) {
    T re[K] = {}, im[K] = {};  // the slope: pairs dr/dz / 2, given -dr/dz
    for (index_t n0 = 0; n0 < N; n0 += cauchy_modes) {
      const int count = static_cast<int>(N - n0 < cauchy_modes ? N - n0 : cauchy_modes);
      __syncthreads();
      if (threadIdx.x < count) {
        const complex<T> v = in.v(h, n0 + threadIdx.x), w = in.w(h, n0 + threadIdx.x);
        poles[threadIdx.x] = {w.re, w.im, v.re, v.im, 2 * w.im * w.im * v.re, 2 * w.im * v.im};
      }
      __syncthreads();
      for (int n = 0; n < count; ++n) {
        const CauchyPole<T> p = poles[n];
#pragma unroll
        for (int k = 0; k < K; ++k) {
          const T a = zr[k] - p.at[0];
          if constexpr (terms == CauchyTerms::given) {
            const T b = zi[k] - p.at[1], inverse = reciprocal(a * a + b * b);
            const T er = a * inverse, ei = -(b * inverse), e2r = er * er - ei * ei, e2i = 2 * (er * ei);
            re[k] += p.at[2] * e2r - p.at[3] * e2i;
            im[k] += p.at[2] * e2i + p.at[3] * e2r;
          } else {
            const CauchyInverse<T> e = cauchy_inverse(a, zi[k], p.at[1]);
            const T e2r = e.re * e.re - e.im * e.im, e2i = 2 * (e.re * e.im);
            const T tr = p.at[4] + p.at[5] * a, ti = p.at[5] * zi[k];
            re[k] += tr * e2r - ti * e2i - p.at[2] * e.re;
            im[k] += tr * e2i + ti * e2r - p.at[2] * e.im;
          }
        }
      }
    }
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const index_t l = first + k * cauchy_threads + threadIdx.x;
      if (l >= L) continue;
      const complex<double> slope(re[k], im[k]), g(dr(h, l));
      sum[k] += (terms == CauchyTerms::given ? -1.0 : 2.0) * (g * conj(slope));
    }
  }
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const index_t l = first + k * cauchy_threads + threadIdx.x;
    if (l < L) partial[blockIdx.y * L + l] = sum[k];
  }
}

template <class T>
__global__ void cauchy_nodes_sum_kernel(TensorView<complex<T>, 1, Cuda> dz, const complex<double>* partial, int rows) {
  const index_t L = dz.size(0), l = blockIdx.x * index_t(blockDim.x) + threadIdx.x;
  if (l >= L) return;
  complex<double> sum(0);
  for (int row = 0; row < rows; ++row) sum += partial[row * L + l];
  dz(l) = complex<T>(sum);
}

// --- launch -----------------------------------------------------------------------------------------------------

inline void check_cauchy_grid(index_t H, index_t L) {
  if (H > 0x7fffffff || L > index_t(0xffff) * cauchy_threads * 4)
    throw_shape_error("cauchy: (H=" + std::to_string(H) + ", L=" + std::to_string(L) +
                      ") is more than one launch takes; cut it along H or L");
}

template <CauchyTerms terms, int K, class T>
void cauchy_forward_tiles(TensorView<complex<T>, 2, Cuda> r, const CauchyInputs<T>& in) {
  const index_t tile = cauchy_threads * K;
  const dim3 blocks(static_cast<unsigned>(r.size(0)), static_cast<unsigned>((r.size(1) + tile - 1) / tile));
  cauchy_forward_kernel<terms, T, K><<<blocks, cauchy_threads, 0, stream_handle()>>>(r, in);
  check_launch("cauchy_forward_kernel");
}

template <CauchyTerms terms, class T>
void cauchy_nodes_backward(TensorView<complex<T>, 1, Cuda> dz, TensorView<const complex<T>, 2, Cuda> dr,
                           const CauchyInputs<T>& in) {
  constexpr int K = 2;
  const index_t H = in.v.size(0), L = in.z.size(0);
  if (L == 0) return;
  const index_t height = std::max<index_t>((H + cauchy_rows - 1) / cauchy_rows, 1), rows = (H + height - 1) / height;
  ScratchOn<Cuda> scratch;
  auto* partial = scratch.take<complex<double>>(rows * L);
  if (rows > 0) {
    const dim3 blocks(blocks_for(L, cauchy_threads * K), static_cast<unsigned>(rows));
    cauchy_nodes_kernel<terms, T, K><<<blocks, cauchy_threads, 0, stream_handle()>>>(partial, dr, in, height);
    check_launch("cauchy_nodes_kernel");
  }
  cauchy_nodes_sum_kernel<<<blocks_for(L, 128), 128, 0, stream_handle()>>>(dz, partial, static_cast<int>(rows));
  check_launch("cauchy_nodes_sum_kernel");
}

}  // namespace detail

template <CauchyTerms terms, class T>
void cauchy_forward(TensorView<complex<T>, 2, Cuda> r, TensorView<const complex<T>, 2, Cuda> v,
                    TensorView<const complex<T>, 2, Cuda> w, TensorView<const complex<T>, 1, Cuda> z) {
  if (r.empty()) return;
  detail::check_cauchy_grid(r.size(0), r.size(1));
  const detail::CauchyInputs<T> in{v, w, z};
  // Nodes per thread: as many as leave enough threads for the chip.
  if (r.count() >= index_t(1) << 20)
    detail::cauchy_forward_tiles<terms, 4>(r, in);
  else if (r.count() >= index_t(1) << 17)
    detail::cauchy_forward_tiles<terms, 2>(r, in);
  else
    detail::cauchy_forward_tiles<terms, 1>(r, in);
}

template <CauchyTerms terms, class T>
void cauchy_backward(TensorView<complex<T>, 2, Cuda> dv, TensorView<complex<T>, 2, Cuda> dw,
                     TensorView<complex<T>, 1, Cuda> dz, TensorView<const complex<T>, 2, Cuda> dr,
                     TensorView<const complex<T>, 2, Cuda> v, TensorView<const complex<T>, 2, Cuda> w,
                     TensorView<const complex<T>, 1, Cuda> z) {
  const detail::CauchyInputs<T> in{v, w, z};
  const index_t H = v.size(0), N = v.size(1), L = z.size(0);
  detail::check_cauchy_grid(H, L);
  if ((wanted(dv) || wanted(dw)) && !v.empty()) {
    int modes = 4;
    while (modes < 32 && modes < N) modes *= 2;
    const index_t chunks = (L + detail::cauchy_chunk - 1) / detail::cauchy_chunk, groups = (N + modes - 1) / modes;
    if (groups > 0xffff) throw_shape_error("cauchy: " + std::to_string(N) + " poles are more than one launch takes");
    ScratchOn<Cuda> scratch;
    auto* partial = scratch.take<detail::CauchySums<double>>(chunks * H * N);
    if (chunks > 0) {
      const dim3 blocks(static_cast<unsigned>(H), static_cast<unsigned>(chunks), static_cast<unsigned>(groups));
      detail::cauchy_backward_kernel<terms>
          <<<blocks, detail::cauchy_backward_threads, 0, stream_handle()>>>(partial, dr, in, modes);
      check_launch("cauchy_backward_kernel");
    }
    detail::cauchy_modes_kernel<terms>
        <<<detail::blocks_for(H * N, 64), 64, 0, stream_handle()>>>(dv, dw, partial, in, chunks);
    check_launch("cauchy_modes_kernel");
  }
  if (wanted(dz)) detail::cauchy_nodes_backward<terms>(dz, dr, in);
}

}  // namespace longwave::cuda
