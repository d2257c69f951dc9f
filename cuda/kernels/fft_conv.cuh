// fft_conv.cuh - long convolutions on the device (ops/fft_conv.hpp): which way, and the gradient of the skip.
#pragma once

#include "kernels/fft_conv_rows.cuh"
#include "kernels/fft_conv_tiles.cuh"
#include "longwave/core/fill.hpp"

namespace longwave::cuda {

namespace detail {

// What the samples of row b give to dD of one channel.
template <class T>
struct SkipTerm {
  TensorView<const T, 3, Cuda> dy, u;

  struct Row {
    const T *dy, *u;
    index_t dy_step, u_step;
    __device__ double operator()(index_t l) const {
      return static_cast<double>(dy[l * dy_step]) * static_cast<double>(u[l * u_step]);
    }
  };
  __device__ Row row(index_t h, index_t b) const {
    return {dy.data() + b * dy.stride(0) + h * dy.stride(1), u.data() + b * u.stride(0) + h * u.stride(1), dy.stride(2),
            u.stride(2)};
  }
};

// Rows short enough for one block of this device (H100: all that there are forms for; A100: half of that).
template <class T>
bool fits_block(index_t L) {
  if (L > longest_tile<T>) return false;
  int device = 0, room = 0, needed = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&room, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
  with_tile<T>(L, [&](auto tile) { needed = tile.shared_bytes; });
  return needed <= room;
}

// The same for as many of them and as far apart along a row as 32 bits count.
template <class T, class... Views>
bool fits_tiles(const TensorView<T, 4, Cuda>& y, const Views&... others) {
  const index_t L = y.size(3);
  const auto near = [L](const auto& view, int axis) { return std::abs(view.stride(axis)) * L < (index_t(1) << 31); };
  return y.size(0) * y.size(1) * y.size(2) < (index_t(1) << 28) && near(y, 3) && (near(others, 2) && ...) &&
         fits_block<std::remove_const_t<T>>(L);
}

}  // namespace detail

template <class T>
index_t fft_conv_points(index_t L) {
  index_t points = 0;
  if (L > 0 && detail::fits_block<T>(L)) detail::with_tile<T>(L, [&](auto tile) { points = tile.points; });
  return points;
}

template <class T>
void fft_conv_spectra(KernelSpectra<T> spectra, TensorView<const T, 3, Cuda> K, index_t L) {
  if (!spectra.empty())
    detail::with_tile<T>(L, [&](auto tile) { tile.make_spectra(spectra.data(), K, spectra.size(0)); });
}

template <class T>
void fft_conv_forward(TensorView<T, 4, Cuda> y, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                      TensorView<const T, 2, Cuda> D, KernelSpectra<T> spectra) {
  if (y.empty()) return;
  if (detail::fits_tiles(y, u, K))
    detail::conv_tiles_forward(y, u, K, D, spectra, false, TensorView<T, 4, Cuda>());
  else
    detail::conv_rows_forward(y, u, K, D);
}

template <class T>
void fft_conv_gelu_forward(TensorView<T, 4, Cuda> y, TensorView<T, 4, Cuda> z, TensorView<const T, 3, Cuda> u,
                           TensorView<const T, 3, Cuda> K, TensorView<const T, 2, Cuda> D, KernelSpectra<T> spectra) {
  if (y.empty()) return;
  if (sizeof(T) == 4 && detail::fits_tiles(y, u, K)) return detail::conv_tiles_forward(y, u, K, D, spectra, true, z);
  const TensorView<T, 4, Cuda> plain = wanted(z) ? z : y;
  fft_conv_forward<T>(plain, u, K, D, spectra);
  unary_forward(Elements<T, 2>(y, TensorView<const T, 4, Cuda>(plain)), GeluRule());
}

template <class T>
void fft_conv_backward(TensorView<T, 3, Cuda> du, TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD,
                       TensorView<const T, 4, Cuda> dy, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                       TensorView<const T, 2, Cuda> D, KernelSpectra<T> spectra, TensorView<const T, 3, Cuda> before) {
  if (dy.size(1) * dy.size(2) * dy.size(3) == 0) return;
  const bool with_dK = wanted(dK) && !dK.empty();  // whose first entry is dD
  if (wanted(dD) && !with_dK)
    for (index_t c = 0; c < dy.size(1); ++c)
      add_row_sums("fft_conv: dD", dD[c], dy.size(0), dy.size(3), detail::SkipTerm<T>{detail::channel_of(dy, c), u});
  if (detail::fits_tiles(dy, u, K, du, dK, before)) {
    detail::conv_tiles_backward(du, dK, dD, dy, u, K, D, spectra, before);
  } else if (wanted(du) || wanted(dK)) {
    detail::conv_rows_backward(du, dK, dD, dy, u, K, D);
    if (wanted(du) && wanted(before)) longwave::detail::add_to(du, before);
  }
}

}  // namespace longwave::cuda
