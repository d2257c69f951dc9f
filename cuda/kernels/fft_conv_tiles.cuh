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
#include "longwave/ops/activation.hpp"

namespace longwave::cuda::detail {

// One row of a signal, L samples; zero beyond.
template <class T>
struct SignalRow {
  const T* data;
  int step;
  int length;
  __device__ T operator()(int l) const { return l < length ? data[l * step] : T(0); }
};

// scale (k0_l - i k1_{n-1-l}); k1 may be null.
template <class T>
struct KernelRow {
  const T *k0, *k1;
  int step, length, n;
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
  index_t b, c, h;
  int l;

  Signals(const TensorView<T, 4, Cuda>& x)
      : data(x.data()), b(x.stride(0)), c(x.stride(1)), h(x.stride(2)), l(static_cast<int>(x.stride(3))) {}
  Signals(const TensorView<T, 3, Cuda>& x)
      : data(x.data()), b(x.stride(0)), c(0), h(x.stride(1)), l(static_cast<int>(x.stride(2))) {}
  __device__ T* row(int at_b, int at_c, int at_h) const { return data + at_b * b + at_c * c + at_h * h; }
};

template <class T, int N, int P>
struct ConvTile : Tile<T, N> {
  using Base = Tile<T, N>;
  using typename Base::Points;
  static constexpr int n = N * P, threads = Base::threads, block = threads * Base::rows;
  // Blocks of a multiprocessor, by the registers that each kernel is worth: waiting for memory needs company.
  static constexpr int blocks_with(int registers) {
    const int blocks = 65536 / (block * registers);
    return blocks > 0 ? blocks : 1;
  }
  // Up to 256 points fewer blocks that hardly spill are faster: a step of SSSD takes 12.1 ms instead of 12.3.
  static constexpr int row_blocks = blocks_with(sizeof(T) == 8 ? 168 : n <= 256 ? 112 : 80);
  static constexpr int sum_blocks = blocks_with(sizeof(T) == 4 ? 128 : 255);
  static constexpr int row_bytes = Base::bytes + (P > 1 ? n * int(sizeof(T)) : 0);
  static constexpr int sum_bytes = Base::bytes + Base::rows * N * int(sizeof(complex<T>));

  // Part e of a row's spectrum.
  template <class Row>
  static __device__ void spectrum(Points& v, const Row& x, int e, complex<T>* shared, int t) {
#pragma unroll
    for (int k = 0; k < tile_points; ++k) v[k] = x(t + k * threads);
#pragma unroll 1
    for (int m = 1; m < P; ++m) {
      const complex<T> g = half_turns(T(m * (1 - 4 * e)) / T(2 * P));
#pragma unroll
      for (int k = 0; k < tile_points; ++k) v[k] += x(t + k * threads + m * N) * g;
    }
    const T turn = T(1 - 4 * e) / T(2 * n);
    for_turns(turn * T(t), turn * T(threads), [&](int k, complex<T> w) {
      if constexpr (P == 1 && std::is_same_v<decltype(x(0)), T>)
        v[k] = v[k].re * w;
      else
        v[k] = v[k] * w;
    });
    Base::forward(v, shared, t);
  }

  // f(m, re) for the points l = t + k threads + m N: part e's share of the result there, real parts.
  template <class F>
  static __device__ void result(Points& v, int e, complex<T>* shared, int t, F f) {
    unweight(v, e, shared, t);
#pragma unroll 1
    for (int m = 0; m < P; ++m) {
      const complex<T> g = half_turns(T(m * (4 * e - 1)) / T(2 * P));
      T part[tile_points];
#pragma unroll
      for (int k = 0; k < tile_points; ++k) part[k] = P == 1 ? v[k].re : (v[k] * g).re;
      f(m, part);
    }
  }

  static __device__ void unweight(Points& v, int e, complex<T>* shared, int t) {
    Base::inverse(v, shared, t);
    const T turn = T(4 * e - 1) / T(2 * n);
    for_turns(turn * T(t), turn * T(threads), [&](int k, complex<T> w) { v[k] = v[k] * w; });
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
  const KernelRow<T> row{k0,
                         two_sided ? k0 + C * K.stride(0) : nullptr,
                         static_cast<int>(K.stride(2)),
                         static_cast<int>(K.size(2)),
                         N * P,
                         scale};
  typename Conv::Points v;
  Conv::spectrum(v, row, e, shared, t);
  complex<T>* out = spectra + index_t(task) * N + t;
#pragma unroll
  for (int k = 0; k < tile_points; ++k)
    if (at < tasks) out[k * Conv::threads] = v[k];
}

// Forward: a row is (b, c, h), out = in * K~ + D in. Adjoint: a row is (b, h), out = sum over c of in * conj(K~) + D
// in, + what there is already, if anything. With gelu, gelu(out) is stored to out, and out itself to plain, if given.
template <class T>
struct ConvRows {
  Signals<const T> in;
  Signals<T> out;
  const complex<T>* spectra;  // (C, H, P, N)
  TensorView<const T, 2, Cuda> D;
  int B, C, H, L;
  unsigned rows;
  bool adjoint;
  Signals<const T> before;  // adjoint: a row is (b, h)
  bool gelu;                // forward, float
  Signals<T> plain;
};

template <class T>
__device__ void store_row(const ConvRows<T>& p, T* y, T* plain, int l, T value) {
  if constexpr (sizeof(T) == 4)
    if (p.gelu) {
      if (plain != nullptr) plain[l * p.plain.l] = value;
      value = GeluRule().value(value);
    }
  y[l * p.out.l] = value;
}

template <class T, int N, int P>
__global__ void __launch_bounds__(ConvTile<T, N, P>::block, ConvTile<T, N, P>::row_blocks)
    conv_rows_kernel(ConvRows<T> p) {
  using Conv = ConvTile<T, N, P>;
  extern __shared__ __align__(16) unsigned char memory[];
  const int t = threadIdx.x % Conv::threads, local = threadIdx.x / Conv::threads;
  auto* shared = reinterpret_cast<complex<T>*>(memory) + local * Conv::room;
  [[maybe_unused]] T* sums = reinterpret_cast<T*>(memory + Conv::bytes);  // of the parts so far, n per block
  const unsigned at = blockIdx.x * Conv::rows + local, row = at < p.rows ? at : p.rows - 1;
  // Rows of one feature follow one another: they read the same spectrum.
  const int b = static_cast<int>(row % p.B), rest = static_cast<int>(row / p.B);
  const int h = p.adjoint ? rest : rest / p.C, first = p.adjoint ? 0 : rest % p.C, last = p.adjoint ? p.C : first + 1;
  for (int c = first; c < last; ++c) {
    const SignalRow<T> x{p.in.row(b, c, h), p.in.l, p.L};
    const T skip = p.D.data() != nullptr ? p.D(c, h) : T(0);
    T* y = p.out.row(b, c, h);
    T* plain = p.plain.data != nullptr ? p.plain.row(b, c, h) : nullptr;
    const T* before = p.before.data != nullptr && c == first ? p.before.row(b, 0, h) : nullptr;
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
      Conv::result(v, e, shared, opaque(t), [&](int m, const T(&part)[tile_points]) {
        // What is read is read before the first store, which the compiler cannot tell from it.
        T value[tile_points];
#pragma unroll
        for (int k = 0; k < tile_points; ++k) {
          const int l = t + k * Conv::threads + m * N;
          value[k] = P > 1 && e > 0 ? sums[l] : T(0);
          if (e < P - 1) continue;
          if (p.D.data() != nullptr) value[k] += skip * x(l);
          if (c > first && l < p.L) value[k] += y[l * p.out.l];
          if (before != nullptr && l < p.L) value[k] += before[l * p.before.l];
        }
#pragma unroll
        for (int k = 0; k < tile_points; ++k) {
          const int l = t + k * Conv::threads + m * N;
          if (e < P - 1)
            sums[l] = value[k] + part[k];
          else if (l < p.L && at < p.rows)
            store_row(p, y, plain, l, value[k] + part[k]);
        }
      });
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
__global__ void __launch_bounds__(ConvTile<T, N, P>::block, ConvTile<T, N, P>::sum_blocks)
    conv_correlation_kernel(ConvCorrelation<T> p) {
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
  // Y and U fill the registers, the sum is kept beside what they exchange.
  auto* sum = reinterpret_cast<complex<T>*>(memory + Conv::bytes) + local * N + t;
#pragma unroll
  for (int k = 0; k < tile_points; ++k) sum[k * Conv::threads] = complex<T>();
#pragma unroll 1
  for (int i = 0; i < per_part; ++i) {  // as many times in each thread of a block; rows beyond B are empty
    const int b = part * per_part + i, length = b < p.B ? p.L : 0;
    typename Conv::Points Y, v;
    Conv::spectrum(Y, SignalRow<T>{p.dy.row(b, c, h), p.dy.l, length}, e, shared, t);
    __syncthreads();
    Conv::spectrum(v, SignalRow<T>{p.u.row(b, 0, h), p.u.l, length}, e, shared, t);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < tile_points; ++k) sum[k * Conv::threads] += Y[k] * conj(v[k]);
  }
  complex<T>* out = p.partials + part * index_t(spectra) * N + ((index_t(c) * p.H + h) * P + e) * N + t;
#pragma unroll
  for (int k = 0; k < tile_points; ++k)
    if (at < tasks) out[k * Conv::threads] = sum[k * Conv::threads];
}

// dK (C or 2C, H, M) from the partial sums, and dD (C, H) += dK at lag 0, which is the same sum.
template <class T, int N, int P>
__global__ void __launch_bounds__(ConvTile<T, N, P>::block)
    conv_kernel_gradient_kernel(TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD, const complex<T>* partials, int C,
                                int parts, T scale) {
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
    Conv::unweight(v, e, shared, t);
#pragma unroll 1
    for (int m = 0; m < P; ++m) {
      const complex<T> g = half_turns(T(m * (4 * e - 1)) / T(2 * P));
#pragma unroll
      for (int k = 0; k < tile_points; ++k) {
        const int l = t + k * Conv::threads + m * N, back = N * P - 1 - l, step = static_cast<int>(dK.stride(2));
        const complex<T> z = scale * (P == 1 ? v[k] : v[k] * g);
        if (l < M) k0[l * step] = z.re + (e == 0 ? T(0) : k0[l * step]);
        if (l == 0 && M > 0 && dD.data() != nullptr) dD(c, h) += z.re;
        if (k1 != nullptr && back < M) k1[back * step] = (e == 0 ? T(0) : k1[back * step]) - z.im;
      }
    }
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
  static constexpr int shared_bytes = std::max(Conv::row_bytes, Conv::sum_bytes);

  static constexpr index_t points = index_t(N) * P;

  static void make_spectra(complex<T>* to, TensorView<const T, 3, Cuda> K, index_t C) {
    launch_tile("fft_conv: kernels", conv_spectra_kernel<T, N, P>, C * K.size(1) * P, Conv::rows, Conv::block,
                Conv::bytes, to, K, static_cast<int>(C), scale);
  }
  // Those made ahead, or made now.
  static const complex<T>* spectra(TensorView<const T, 3, Cuda> K, index_t C, KernelSpectra<T> there,
                                   ScratchOn<Cuda>& scratch) {
    if (there.data() != nullptr) return there.data();
    auto* made = scratch.take<complex<T>>(C * K.size(1) * points);
    make_spectra(made, K, C);
    return made;
  }

  static void rows(const ConvRows<T>& p) {
    if (p.rows > 0)
      launch_tile("fft_conv", conv_rows_kernel<T, N, P>, p.rows, Conv::rows, Conv::block, Conv::row_bytes, p);
  }

  static void kernel_gradient(TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD, ConvCorrelation<T> p) {
    const index_t rows = index_t(p.C) * p.H, blocks = std::max<index_t>(1, rows * P / Conv::rows);
    ScratchOn<Cuda> scratch;
    p.parts = static_cast<int>(std::clamp<index_t>(enough_blocks / blocks, 1, std::max(p.B, 1)));
    p.partials = scratch.take<complex<T>>(p.parts * rows * P * N);
    launch_tile("fft_conv: correlations", conv_correlation_kernel<T, N, P>, rows * P * p.parts, Conv::rows, Conv::block,
                Conv::sum_bytes, p);
    launch_tile("fft_conv: dK", conv_kernel_gradient_kernel<T, N, P>, rows, Conv::rows, Conv::block, Conv::bytes, dK,
                dD, static_cast<const complex<T>*>(p.partials), p.C, p.parts, scale);
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
                        TensorView<const T, 2, Cuda> D, KernelSpectra<T> there, bool gelu,
                        TensorView<T, 4, Cuda> plain) {
  ScratchOn<Cuda> scratch;
  const int B = static_cast<int>(y.size(0)), C = static_cast<int>(y.size(1)), H = static_cast<int>(y.size(2));
  with_tile<T>(y.size(3), [&](auto tile) {
    const auto* spectra = tile.spectra(K, C, there, scratch);
    tile.rows({u, y, spectra, D, B, C, H, static_cast<int>(y.size(3)), static_cast<unsigned>(B) * C * H, false,
               TensorView<const T, 3, Cuda>(), gelu, plain});
  });
}

template <class T>
void conv_tiles_backward(TensorView<T, 3, Cuda> du, TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD,
                         TensorView<const T, 4, Cuda> dy, TensorView<const T, 3, Cuda> u,
                         TensorView<const T, 3, Cuda> K, TensorView<const T, 2, Cuda> D, KernelSpectra<T> there,
                         TensorView<const T, 3, Cuda> before) {
  ScratchOn<Cuda> scratch;
  const int B = static_cast<int>(dy.size(0)), C = static_cast<int>(dy.size(1)), H = static_cast<int>(dy.size(2));
  const int L = static_cast<int>(dy.size(3));
  with_tile<T>(L, [&](auto tile) {
    if (wanted(du)) {
      const auto* spectra = tile.spectra(K, C, there, scratch);
      tile.rows({dy, du, spectra, D, B, C, H, L, static_cast<unsigned>(B) * H, true, before, false,
                 TensorView<T, 3, Cuda>()});
    }
    if (wanted(dK) && !dK.empty()) tile.kernel_gradient(dK, dD, {nullptr, dy, u, B, C, H, L, 1});
  });
}

}  // namespace longwave::cuda::detail
