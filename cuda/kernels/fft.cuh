// fft.cuh - transforms of real rows on the device: rows are laid out dense, transformed by cuFFT in working memory and
// scaled on their way out. x (B, L) cut or padded to n, X (B, n/2+1). Bytes per row: 3 n sizeof(T) in and out of
// working memory each way, and cuFFT's passes. Slices of the batch bound the working memory.
#pragma once

#include "kernels/map.cuh"
#include "longwave/cuda/fft.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr index_t fft_slice_bytes = index_t(128) << 20;  // of rows and bins each
inline constexpr int row_threads = 256, row_run = 4;            // elements that one thread handles

// f(row, position) for `rows` rows of n positions; threads follow one another along a row.
template <class F>
__global__ void __launch_bounds__(row_threads) rows_kernel(index_t n, unsigned per_row, F f) {
  const unsigned row = blockIdx.x / per_row;
  const index_t first = (blockIdx.x - row * per_row) * index_t(row_threads * row_run) + threadIdx.x;
#pragma unroll
  for (int i = 0; i < row_run; ++i)
    if (first + i * row_threads < n) f(row, first + i * row_threads);
}

template <class F>
void for_rows(const char* name, index_t rows, index_t n, const F& f) {
  if (rows == 0 || n == 0) return;
  const index_t per_row = (n + row_threads * row_run - 1) / (row_threads * row_run);
  const unsigned blocks = blocks_for(rows * per_row, 1);
  rows_kernel<<<blocks, row_threads, 0, stream_handle()>>>(n, static_cast<unsigned>(per_row), f);
  check_launch(name);
}

// row (n) of working memory = scale x, zeros from L on.
template <class T>
struct LoadReal {
  T* to;
  TensorView<const T, 2, Cuda> x;
  index_t n;
  T scale;
  __device__ void operator()(index_t row, index_t j) const {
    to[row * n + j] = j < x.size(1) ? scale * x(row, j) : T(0);
  }
};

// What bins k = 0 and n/2 stand for once, the others twice: imaginary parts of those two do not count.
template <class T>
__device__ complex<T> weighted_bin(complex<T> X, index_t k, index_t n, T outer, T inner) {
  return k == 0 || 2 * k == n ? complex<T>(outer * X.re) : inner * X;
}

template <class T>
struct StoreBins {
  TensorView<complex<T>, 2, Cuda> X;
  const complex<T>* from;
  index_t n;
  T inner;
  __device__ void operator()(index_t row, index_t k) const {
    X(row, k) = weighted_bin(from[row * (n / 2 + 1) + k], k, n, T(1), inner);
  }
};

template <class T>
struct LoadBins {
  complex<T>* to;
  TensorView<const complex<T>, 2, Cuda> X;
  index_t n;
  T scale, inner;
  __device__ void operator()(index_t row, index_t k) const {
    to[row * (n / 2 + 1) + k] = weighted_bin(X(row, k), k, n, scale, scale * inner / 2);
  }
};

template <class T>
struct StoreReal {
  TensorView<T, 2, Cuda> x;
  const T* from;
  index_t n;
  __device__ void operator()(index_t row, index_t j) const { x(row, j) = j < n ? from[row * n + j] : T(0); }
};

inline index_t fft_slice(index_t B, index_t row_bytes) {
  return std::clamp<index_t>(fft_slice_bytes / row_bytes, 1, std::max<index_t>(B, 1));
}

}  // namespace detail

template <class T>
void real_to_bins(TensorView<complex<T>, 2, Cuda> X, TensorView<const T, 2, Cuda> x, index_t n, T scale, T inner) {
  const index_t B = X.size(0), bins = n / 2 + 1;
  const index_t slice = detail::fft_slice(B, n * index_t(sizeof(T)));
  if (B == 0) return;
  ScratchOn<Cuda> scratch;
  T* rows = scratch.take<T>(slice * n);
  auto* out = scratch.take<complex<T>>(slice * bins);
  for (index_t b = 0; b < B; b += slice) {
    const index_t end = std::min(B, b + slice);
    detail::for_rows("rfft: rows", end - b, n, detail::LoadReal<T>{rows, x.slice(0, b, end), n, scale});
    fft_real_to_bins(out, rows, n, end - b);
    detail::for_rows("rfft: bins", end - b, bins, detail::StoreBins<T>{X.slice(0, b, end), out, n, inner});
  }
}

template <class T>
void bins_to_real(TensorView<T, 2, Cuda> x, TensorView<const complex<T>, 2, Cuda> X, index_t n, T scale, T inner) {
  const index_t B = x.size(0), bins = n / 2 + 1;
  const index_t slice = detail::fft_slice(B, n * index_t(sizeof(T)));
  if (x.empty()) return;
  ScratchOn<Cuda> scratch;
  auto* in = scratch.take<complex<T>>(slice * bins);
  T* rows = scratch.take<T>(slice * n);
  for (index_t b = 0; b < B; b += slice) {
    const index_t end = std::min(B, b + slice);
    detail::for_rows("irfft: bins", end - b, bins, detail::LoadBins<T>{in, X.slice(0, b, end), n, scale, inner});
    fft_bins_to_real(rows, in, n, end - b);
    detail::for_rows("irfft: rows", end - b, x.size(1), detail::StoreReal<T>{x.slice(0, b, end), rows, n});
  }
}

}  // namespace longwave::cuda
