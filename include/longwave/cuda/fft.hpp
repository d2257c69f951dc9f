// fft.hpp - discrete Fourier transforms on the device by cuFFT, and the overloads of what ops/fft.hpp calls, which
// includes this before its front.
//
// Plans are kept per thread, the 32 used last; their working memory is that of the current stream. A plan that a graph
// has captured is kept for good, since the graph reads its tables. A new length makes a plan, which allocates: call an
// op once before its capture.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

// Transforms of `rows` dense rows of n points, not scaled. The input of bins_to_real is overwritten.
template <class T>
void fft_real_to_bins(complex<T>* bins, const T* x, index_t n, index_t rows);
template <class T>
void fft_bins_to_real(T* x, complex<T>* bins, index_t n, index_t rows);
template <class T>  // in place
void fft_complex(complex<T>* x, index_t n, index_t rows, bool inverse);

// X_k = scale h_k sum_j x_j e^{-2 pi i jk/n}, x_j = scale sum_{k<=n/2} h_k Re(X_k e^{2 pi i jk/n}), with h_k = 1 for
// k = 0, n/2 and `inner` in between; rows of x are cut or padded with zeros to n.
template <class T>
void real_to_bins(TensorView<complex<T>, 2, Cuda> X, TensorView<const T, 2, Cuda> x, index_t n, T scale, T inner);
template <class T>
void bins_to_real(TensorView<T, 2, Cuda> x, TensorView<const complex<T>, 2, Cuda> X, index_t n, T scale, T inner);

}  // namespace cuda

namespace impl {

template <class T>
void rfft_forward(TensorView<complex<T>, 2, Cuda> X, In<T, 2, Cuda> x, index_t n) {
  cuda::real_to_bins<T>(X, x, n, T(1), T(1));
}
template <class T>
void rfft_backward(TensorView<T, 2, Cuda> dx, In<complex<T>, 2, Cuda> dX, index_t n) {
  cuda::bins_to_real<T>(dx, dX, n, T(1), T(1));
}
template <class T>
void irfft_forward(TensorView<T, 2, Cuda> x, In<complex<T>, 2, Cuda> X) {
  cuda::bins_to_real<T>(x, X, x.size(1), T(1) / static_cast<T>(x.size(1)), T(2));
}
template <class T>
void irfft_backward(TensorView<complex<T>, 2, Cuda> dX, In<T, 2, Cuda> dx) {
  cuda::real_to_bins<T>(dX, dx, dx.size(1), T(1) / static_cast<T>(dx.size(1)), T(2));
}

}  // namespace impl
}  // namespace longwave
