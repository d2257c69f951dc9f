// fft_conv_tiles.cuh - long convolutions on the device within a block: what a row needs goes from global memory to
// registers, through two transforms (fft_tile.cuh), and back. Bytes per element: u and y once, sizeof(T) each, and the
// kernel's spectrum, n complex numbers per feature, which rows of the same feature read from the cache.
//
// The right-angle convolution of ops/fft_conv.hpp with n = P N points, a power of two; P > 1 where n points are too
// many for a block. Part e of the spectrum, its bins e modulo P, is a transform of N points (1 - 4 e) / 2n half turns
// apart:
//
//   s_j e^{i pi j (1 - 4e)/2n},  s_j = sum_m x_{j + m N} g_m,  g_m = e^{i pi m (1 - 4e)/2P},   j < N
//
// (the weight w^l and the twiddle of the part in one), and the way back is the conjugate, summed over e. A kernel of
// two sides enters as k0_l - i k1_{n-1-l}. Gradients of kernels: blocks sum Y conj(U) over a part of the batch, the
// next kernel adds these in order and transforms back.
#pragma once

#include "kernels/fft_tile.cuh"
#include "kernels/map.cuh"

namespace longwave::cuda::detail {

// One row of a signal, L samples; zero beyond.
template <class T>
struct SignalRow {
  const T* data;
  index_t step;
  int length;
  __device__ T operator()(int l) const { return l < length ? data[l * step] : T(0); }
};

// scale (k0_l - i k1_{n-1-l}); k1 may be null.
template <class T>
struct KernelRow {
  const T *k0, *k1;
  index_t step;
  int length, n;
  T scale;
  __device__ complex<T> operator()(int l) const {
    complex<T> k;
    if (l < length) k.re = scale * k0[l * step];
    if (k1 != nullptr && n - 1 - l < length) k.im = -scale * k1[(n - 1 - l) * step];
    return k;
  }
};

// A tensor (B, C, H, L) as pointer and strides; those of axes it lacks are 0.
template <class T>
struct Signals {
  T* data;
  index_t b, c, h, l;

  Signals(const TensorView<T, 4, Cuda>& x)
      : data(x.data()), b(x.stride(0)), c(x.stride(1)), h(x.stride(2)), l(x.stride(3)) {}
  Signals(const TensorView<T, 3, Cuda>& x) : data(x.data()), b(x.stride(0)), c(0), h(x.stride(1)), l(x.stride(2)) {}
  __device__ T* row(int at_b, int at_c, int at_h) const { return data + at_b * b + at_c * c + at_h * h; }
};

template <class T, int N, int P>
struct ConvTile : Tile<T, N> {
  using Base = Tile<T, N>;
  using typename Base::Points;
  static constexpr int n = N * P, threads = Base::threads, block = threads * Base::rows;

  // Part e of a row's spectrum.
  template <class Row>
  static __device__ void spectrum(Points& v, const Row& x, int e, complex<T>* shared, int t) {
    complex<T> g[P];
#pragma unroll
    for (int m = 1; m < P; ++m) g[m] = half_turns(T(m * (1 - 4 * e)) / T(2 * P));
    decltype(x(0)) s[P][tile_points];
#pragma unroll
    for (int m = 0; m < P; ++m)
#pragma unroll
      for (int k = 0; k < tile_points; ++k) s[m][k] = x(t + k * threads + m * N);
    const T turn = T(1 - 4 * e) / T(2 * n);
    for_turns(turn * T(t), turn * T(threads), [&](int k, complex<T> w) {
      complex<T> sum = s[0][k];
#pragma unroll
      for (int m = 1; m < P; ++m) sum += s[m][k] * g[m];
      v[k] = w * sum;
    });
    Base::forward(v, shared, t);
  }

  // f(l, z) for each point: z is part e's share of the result at l, already unweighted.
  template <class F>
  static __device__ void result(Points& v, int e, complex<T>* shared, int t, F f) {
    Base::inverse(v, shared, t);
    complex<T> g[P];
#pragma unroll
    for (int m = 1; m < P; ++m) g[m] = half_turns(T(m * (4 * e - 1)) / T(2 * P));
    const T turn = T(4 * e - 1) / T(2 * n);
    for_turns(turn * T(t), turn * T(threads), [&](int k, complex<T> w) {
      const complex<T> z = v[k] * w;
      f(0, k, z);
#pragma unroll
      for (int m = 1; m < P; ++m) f(m, k, z * g[m]);
    });
  }
};

// Spectra (C, H, P, N) of kernels K (C or 2C, H, M).
template <class T, int N, int P>
__global__ void __launch_bounds__(ConvTile<T, N, P>::block)
    conv_spectra_kernel(complex<T>* spectra, TensorView<const T, 3, Cuda> K, int C, T scale) {
  using Conv = ConvTile<T, N, P>;
  extern __shared__ __align__(16) unsigned char memory[];
  const int t = threadIdx.x % Conv::threads, local = threadIdx.x / Conv::threads, H = static_cast<int>(K.size(1));
  auto* shared = reinterpret_cast<complex<T>*>(memory) + local * Conv::room;
  const unsigned tasks = static_cast<unsigned>(C) * H * P, at = blockIdx.x * Conv::rows + local;
  const unsigned task = at < tasks ? at : tasks - 1;
  const int e = static_cast<int>(task % P), h = static_cast<int>(task / P) % H, c = static_cast<int>(task / P) / H;
  const T* k0 = K.data() + c * K.stride(0) + h * K.stride(1);
  const bool two_sided = K.size(0) > C;
  const KernelRow<T> row{
      k0, two_sided ? k0 + C * K.stride(0) : nullptr, K.stride(2), static_cast<int>(K.size(2)), N * P, scale};
  typename Conv::Points v;
  Conv::spectrum(v, row, e, shared, t);
  complex<T>* out = spectra + index_t(task) * N + t;
#pragma unroll
  for (int k = 0; k < tile_points; ++k)
    if (at < tasks) out[k * Conv::threads] = v[k];
}

// Forward: a row is (b, c, h), out = in * K~ + D in. Adjoint: a row is (b, h), out = sum over c of in * conj(K~) + D
// in.
template <class T>
struct ConvRows {
  Signals<const T> in;
  Signals<T> out;
  const complex<T>* spectra;  // (C, H, P, N)
  TensorView<const T, 2, Cuda> D;
  int B, C, H, L;
  unsigned rows;
  bool adjoint;
};

template <class T, int N, int P>
__global__ void __launch_bounds__(ConvTile<T, N, P>::block) conv_rows_kernel(ConvRows<T> p) {
  using Conv = ConvTile<T, N, P>;
  extern __shared__ __align__(16) unsigned char memory[];
  const int t = threadIdx.x % Conv::threads, local = threadIdx.x / Conv::threads;
  auto* shared = reinterpret_cast<complex<T>*>(memory) + local * Conv::room;
  const unsigned at = blockIdx.x * Conv::rows + local, row = at < p.rows ? at : p.rows - 1;
  // Rows of one feature follow one another: they read the same spectrum.
  const int b = static_cast<int>(row % p.B), rest = static_cast<int>(row / p.B);
  const int h = p.adjoint ? rest : rest / p.C, first = p.adjoint ? 0 : rest % p.C, last = p.adjoint ? p.C : first + 1;
  for (int c = first; c < last; ++c) {
    const SignalRow<T> x{p.in.row(b, c, h), p.in.l, p.L};
    T sum[P][tile_points];
#pragma unroll 1
    for (int e = 0; e < P; ++e) {
      typename Conv::Points v;
      Conv::spectrum(v, x, e, shared, t);
      const complex<T>* kernel = p.spectra + ((index_t(c) * p.H + h) * P + e) * N + t;
#pragma unroll
      for (int k = 0; k < tile_points; ++k) {
        const complex<T> at_k = kernel[k * Conv::threads];
        v[k] = v[k] * complex<T>(at_k.re, p.adjoint ? -at_k.im : at_k.im);
      }
      Conv::result(v, e, shared, t, [&](int m, int k, complex<T> z) { sum[m][k] = e == 0 ? z.re : sum[m][k] + z.re; });
    }
    const T skip = p.D.data() != nullptr ? p.D(c, h) : T(0);
    T* y = p.out.row(b, c, h);
#pragma unroll
    for (int m = 0; m < P; ++m)
#pragma unroll
      for (int k = 0; k < tile_points; ++k) {
        const int l = t + k * Conv::threads + m * N;
        if (l >= p.L || at >= p.rows) continue;
        const T value = sum[m][k] + (p.D.data() != nullptr ? skip * x(l) : T(0));
        y[l * p.out.l] = c == first ? value : y[l * p.out.l] + value;
      }
  }
}

// Partial sums (parts, C, H, P, N) of Y conj(U) over the batch.
template <class T>
struct ConvCorrelation {
  complex<T>* partials;
  Signals<const T> dy, u;
  int B, C, H, L, parts;
};

template <class T, int N, int P>
__global__ void __launch_bounds__(ConvTile<T, N, P>::block) conv_correlation_kernel(ConvCorrelation<T> p) {
  using Conv = ConvTile<T, N, P>;
  extern __shared__ __align__(16) unsigned char memory[];
  const int t = threadIdx.x % Conv::threads, local = threadIdx.x / Conv::threads;
  auto* shared = reinterpret_cast<complex<T>*>(memory) + local * Conv::room;
  const unsigned spectra = static_cast<unsigned>(p.C) * p.H * P, tasks = spectra * p.parts;
  const unsigned at = blockIdx.x * Conv::rows + local, task = at < tasks ? at : tasks - 1;
  // Parts of the spectrum follow one another: they read the same rows.
  const int e = static_cast<int>(task % P), part = static_cast<int>(task / P) % p.parts;
  const int h = static_cast<int>(task / P / p.parts) % p.H, c = static_cast<int>(task / P / p.parts) / p.H;
  const int per_part = (p.B + p.parts - 1) / p.parts;
  typename Conv::Points sum, v;
#pragma unroll
  for (int k = 0; k < tile_points; ++k) sum[k] = complex<T>();
#pragma unroll 1
  for (int i = 0; i < per_part; ++i) {  // as many times in each thread of a block; rows beyond B are empty
    const int b = part * per_part + i, length = b < p.B ? p.L : 0;
    typename Conv::Points Y;
    Conv::spectrum(Y, SignalRow<T>{p.dy.row(b, c, h), p.dy.l, length}, e, shared, t);
    __syncthreads();
    Conv::spectrum(v, SignalRow<T>{p.u.row(b, 0, h), p.u.l, length}, e, shared, t);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < tile_points; ++k) sum[k] += Y[k] * conj(v[k]);
  }
  complex<T>* out = p.partials + part * index_t(spectra) * N + ((index_t(c) * p.H + h) * P + e) * N + t;
#pragma unroll
  for (int k = 0; k < tile_points; ++k)
    if (at < tasks) out[k * Conv::threads] = sum[k];
}

// dK (C or 2C, H, M) from the partial sums.
template <class T, int N, int P>
__global__ void __launch_bounds__(ConvTile<T, N, P>::block)
    conv_kernel_gradient_kernel(TensorView<T, 3, Cuda> dK, const complex<T>* partials, int C, int parts, T scale) {
  using Conv = ConvTile<T, N, P>;
  extern __shared__ __align__(16) unsigned char memory[];
  const int t = threadIdx.x % Conv::threads, local = threadIdx.x / Conv::threads, H = static_cast<int>(dK.size(1));
  auto* shared = reinterpret_cast<complex<T>*>(memory) + local * Conv::room;
  const unsigned rows = static_cast<unsigned>(C) * H, at = blockIdx.x * Conv::rows + local;
  const unsigned row = at < rows ? at : rows - 1;
  const int c = static_cast<int>(row) / H, h = static_cast<int>(row) % H,
            M = at < rows ? static_cast<int>(dK.size(2)) : 0;
  T* k0 = dK.data() + c * dK.stride(0) + h * dK.stride(1);
  T* k1 = dK.size(0) > C ? k0 + C * dK.stride(0) : nullptr;
#pragma unroll 1
  for (int e = 0; e < P; ++e) {
    typename Conv::Points v;
#pragma unroll
    for (int k = 0; k < tile_points; ++k) v[k] = complex<T>();
    for (int part = 0; part < parts; ++part) {
      const complex<T>* in = partials + ((part * index_t(rows) + row) * P + e) * N + t;
#pragma unroll
      for (int k = 0; k < tile_points; ++k) v[k] += in[k * Conv::threads];
    }
    Conv::result(v, e, shared, t, [&](int m, int k, complex<T> z) {
      const int l = t + k * Conv::threads + m * N, back = N * P - 1 - l;
      if (l < M) k0[l * dK.stride(2)] = scale * z.re + (e == 0 ? T(0) : k0[l * dK.stride(2)]);
      if (k1 != nullptr && back < M) k1[back * dK.stride(2)] = (e == 0 ? T(0) : k1[back * dK.stride(2)]) - scale * z.im;
    });
  }
}

// --- launches -------------------------------------------------------------------------------------------------

template <class Kernel, class... Args>
void launch_tile(const char* name, Kernel kernel, index_t tasks, int rows, int block, int bytes, Args... args) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "cudaFuncSetAttribute");
  kernel<<<blocks_for(tasks, rows), block, static_cast<std::size_t>(bytes), stream_handle()>>>(args...);
  check_launch(name);
}

template <class T, int N, int P>
struct TileConvolution {
  using Conv = ConvTile<T, N, P>;
  static constexpr T scale = T(1) / T(N * P);
  static constexpr index_t enough_blocks = 264;

  static const complex<T>* spectra(TensorView<const T, 3, Cuda> K, index_t C, ScratchOn<Cuda>& scratch) {
    const index_t tasks = C * K.size(1) * P;
    auto* spectra = scratch.take<complex<T>>(tasks * N);
    launch_tile("fft_conv: kernels", conv_spectra_kernel<T, N, P>, tasks, Conv::rows, Conv::block, Conv::bytes, spectra,
                K, static_cast<int>(C), scale);
    return spectra;
  }

  static void rows(const ConvRows<T>& p) {
    if (p.rows > 0) launch_tile("fft_conv", conv_rows_kernel<T, N, P>, p.rows, Conv::rows, Conv::block, Conv::bytes, p);
  }

  static void kernel_gradient(TensorView<T, 3, Cuda> dK, ConvCorrelation<T> p) {
    const index_t rows = index_t(p.C) * p.H, blocks = std::max<index_t>(1, rows * P / Conv::rows);
    ScratchOn<Cuda> scratch;
    p.parts = static_cast<int>(std::clamp<index_t>(enough_blocks / blocks, 1, std::max(p.B, 1)));
    p.partials = scratch.take<complex<T>>(p.parts * rows * P * N);
    launch_tile("fft_conv: correlations", conv_correlation_kernel<T, N, P>, rows * P * p.parts, Conv::rows, Conv::block,
                Conv::bytes, p);
    launch_tile("fft_conv: dK", conv_kernel_gradient_kernel<T, N, P>, rows, Conv::rows, Conv::block, Conv::bytes, dK,
                static_cast<const complex<T>*>(p.partials), p.C, p.parts, scale);
  }
};

// Longest row that is convolved within a block.
template <class T>
inline constexpr index_t longest_tile = sizeof(T) == 4 ? 32768 : 16384;

// f(TileConvolution) for rows of L <= longest_tile samples.
template <class T, class F>
void with_tile(index_t L, F f) {
  constexpr int largest = sizeof(T) == 4 ? 8192 : 4096;  // what registers and shared memory of a block hold
  if (L <= 256) return f(TileConvolution<T, 256, 1>());
  if (L <= 512) return f(TileConvolution<T, 512, 1>());
  if (L <= 1024) return f(TileConvolution<T, 1024, 1>());
  if (L <= 2048) return f(TileConvolution<T, 2048, 1>());
  if (L <= 4096) return f(TileConvolution<T, 4096, 1>());
  if constexpr (largest == 8192)
    if (L <= 8192) return f(TileConvolution<T, 8192, 1>());
  if (L <= 2 * largest) return f(TileConvolution<T, largest, 2>());
  f(TileConvolution<T, largest, 4>());
}

template <class T>
void conv_tiles_forward(TensorView<T, 4, Cuda> y, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                        TensorView<const T, 2, Cuda> D) {
  ScratchOn<Cuda> scratch;
  const int B = static_cast<int>(y.size(0)), C = static_cast<int>(y.size(1)), H = static_cast<int>(y.size(2));
  with_tile<T>(y.size(3), [&](auto tile) {
    const auto* spectra = tile.spectra(K, C, scratch);
    tile.rows({u, y, spectra, D, B, C, H, static_cast<int>(y.size(3)), static_cast<unsigned>(B) * C * H, false});
  });
}

template <class T>
void conv_tiles_backward(TensorView<T, 3, Cuda> du, TensorView<T, 3, Cuda> dK, TensorView<const T, 4, Cuda> dy,
                         TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                         TensorView<const T, 2, Cuda> D) {
  ScratchOn<Cuda> scratch;
  const int B = static_cast<int>(dy.size(0)), C = static_cast<int>(dy.size(1)), H = static_cast<int>(dy.size(2));
  const int L = static_cast<int>(dy.size(3));
  with_tile<T>(L, [&](auto tile) {
    if (wanted(du)) {
      const auto* spectra = tile.spectra(K, C, scratch);
      tile.rows({dy, du, spectra, D, B, C, H, L, static_cast<unsigned>(B) * H, true});
    }
    if (wanted(dK) && !dK.empty()) tile.kernel_gradient(dK, {nullptr, dy, u, B, C, H, L, 1});
  });
}

}  // namespace longwave::cuda::detail
