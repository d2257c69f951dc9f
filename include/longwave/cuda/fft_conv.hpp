// fft_conv.hpp - the device's overloads of what ops/fft_conv.hpp calls, which includes this before its front.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

// Spectra of kernels, made ahead for rows of one length: (C, H, points), or without data.
template <class T>
using KernelSpectra = TensorView<complex<T>, 3, Cuda>;

// Points of a spectrum for rows of L samples; 0: rows this long take none.
template <class T>
index_t fft_conv_points(index_t L);
// Of K (C or 2C, H, M), for rows of L samples.
template <class T>
void fft_conv_spectra(KernelSpectra<T> spectra, TensorView<const T, 3, Cuda> K, index_t L);

// y (B, C, H, L), u (B, H, L), K (C or 2C, H, M), D (C, H) or without data.
template <class T>
void fft_conv_forward(TensorView<T, 4, Cuda> y, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                      TensorView<const T, 2, Cuda> D, KernelSpectra<T> spectra);
// z = what y is above, y = gelu(z). z, dense as y, may be left out.
template <class T>
void fft_conv_gelu_forward(TensorView<T, 4, Cuda> y, TensorView<T, 4, Cuda> z, TensorView<const T, 3, Cuda> u,
                           TensorView<const T, 3, Cuda> K, TensorView<const T, 2, Cuda> D, KernelSpectra<T> spectra);

// du and dK are assigned, dD is added to; any of them may be without data. before (B, H, L): added to du on its way
// out, in memory of its own, or without data.
template <class T>
void fft_conv_backward(TensorView<T, 3, Cuda> du, TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD,
                       TensorView<const T, 4, Cuda> dy, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                       TensorView<const T, 2, Cuda> D, KernelSpectra<T> spectra, TensorView<const T, 3, Cuda> before);

}  // namespace cuda

namespace impl {

template <class T>
void fft_conv_forward(TensorView<T, 4, Cuda> y, In<T, 3, Cuda> u, In<T, 3, Cuda> K, In<T, 2, Cuda> D) {
  cuda::fft_conv_forward<T>(y, u, K, D, {});
}

template <class T>
void fft_conv_backward(TensorView<T, 3, Cuda> du, Out<T, 3, Cuda> dK, Out<T, 2, Cuda> dD, In<T, 4, Cuda> dy,
                       In<T, 3, Cuda> u, In<T, 3, Cuda> K, In<T, 2, Cuda> D) {
  cuda::fft_conv_backward<T>(du, dK, dD, dy, u, K, D, {}, {});
}

}  // namespace impl
}  // namespace longwave
