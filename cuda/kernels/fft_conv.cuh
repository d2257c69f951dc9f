// fft_conv.cuh - long convolutions on the device (ops/fft_conv.hpp): which way, and the gradient of the skip.
#pragma once

#include "kernels/fft_conv_rows.cuh"
#include "kernels/fft_conv_tiles.cuh"

namespace longwave::cuda {

namespace detail {

// What (b, l) gives to dD of one channel.
template <class T>
struct SkipTerm {
  TensorView<const T, 3, Cuda> dy, u;
  __device__ double operator()(index_t h, index_t b, index_t l) const {
    return static_cast<double>(dy(b, h, l)) * static_cast<double>(u(b, h, l));
  }
};

// Rows short enough for one block, and as many of them as 32 bits count.
template <class T>
bool fits_tiles(const Extents<4>& y) {
  return y[3] <= longest_tile<T> && y[0] * y[1] * y[2] < (index_t(1) << 28);
}

}  // namespace detail

template <class T>
void fft_conv_forward(TensorView<T, 4, Cuda> y, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                      TensorView<const T, 2, Cuda> D) {
  if (y.empty()) return;
  if (detail::fits_tiles<T>(y.sizes()))
    detail::conv_tiles_forward(y, u, K, D);
  else
    detail::conv_rows_forward(y, u, K, D);
}

template <class T>
void fft_conv_backward(TensorView<T, 3, Cuda> du, TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD,
                       TensorView<const T, 4, Cuda> dy, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                       TensorView<const T, 2, Cuda> D) {
  if (dy.size(1) * dy.size(2) * dy.size(3) == 0) return;
  if (wanted(dD))
    for (index_t c = 0; c < dy.size(1); ++c)
      add_row_sums("fft_conv: dD", dD[c], dy.size(0), dy.size(3), detail::SkipTerm<T>{detail::channel_of(dy, c), u});
  if (detail::fits_tiles<T>(dy.sizes()))
    detail::conv_tiles_backward(du, dK, dy, u, K, D);
  else if (wanted(du) || wanted(dK))
    detail::conv_rows_backward(du, dK, dy, u, K, D);
}

}  // namespace longwave::cuda
