// fft.hpp - discrete Fourier transforms of rows, real or complex, of any length n >= 1.
//
//   Rfft    X_k = sum_{j<n} x_j e^{-2 pi i jk/n},  k = 0 .. n/2
//           x (B, L) cut or padded with zeros to n, X (B, n/2+1)
//   Irfft   x_j = 1/n sum_{k<n} X_k e^{2 pi i jk/n},  j < n
//           X (B, n/2+1), with X_{n-k} = conj(X_k) understood
//   Fft     X_k = sum_{j<n} x_j e^{-2 pi i jk/n},  k < n             x (B, L) complex, padded with zeros to n
//   Ifft    x_j = 1/n sum_{k<n} X_k e^{2 pi i jk/n},  j < L <= n     X (B, n)
//
// Gradients of complex numbers are dL/dRe + i dL/dIm. Only half of the bins is stored, so with weights h_k = 1 for
// k = 0 and k = n/2 and 2 in between, and g_k, g_j the incoming gradients:
//   Rfft    dx_j = Re sum_{k<=n/2} g_k e^{2 pi i jk/n}               = n Irfft(g / h)_j
//   Irfft   dX_k = h_k/n sum_j g_j e^{-2 pi i jk/n}                  = h/n Rfft(g)_k
// Imaginary parts of bin 0 and, for even n, bin n/2 are zero in X, ignored by Irfft and get gradient zero.
//   Fft     dx = the first L of n Ifft(g)         Ifft    dX = 1/n Fft(g padded to n)
// In and out may be the same memory, of any strides: a transposed view transforms columns.
//
// FFTW where LONGWAVE_FFTW is defined, else Eigen's kissfft. Rows are transformed in scratch memory, in parallel. On
// the device: cuFFT (cuda/fft.hpp).
#pragma once

#include <string>

#include "longwave/core/arena.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/padded_rows.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cuda/fft.hpp"
#if defined(LONGWAVE_FFTW)
#include "longwave/cpu/fft_fftw.hpp"
#else
#include "longwave/cpu/fft_fallback.hpp"
#endif

namespace longwave {

namespace impl {

// Rows per task, so that a task has some 2^14 points.
inline index_t fft_grain(index_t n) { return std::max<index_t>(1, (index_t(1) << 14) / n); }

// Both directions of both ops are a scaled half spectrum of a real row:
//   X_k = scale h_k sum_j x_j e^{-2 pi i jk/n}, with h_k = 1 for k = 0, n/2 and `inner` in between.
template <class T>
void real_to_bins(TensorView<complex<T>, 2, Host> X, In<T, 2, Host> x, index_t n, T scale, T inner) {
  const RealFft<T> fft(n);
  const index_t bins = n / 2 + 1, L = std::min(x.size(1), n);
  parallel_blocks(X.size(0), fft_grain(n), [&](index_t begin, index_t end) {
    Scratch scratch;
    T* row = scratch.take<T>(n);
    auto* out = scratch.take<complex<T>>(bins);
    for (index_t b = begin; b < end; ++b) {
      for (index_t j = 0; j < L; ++j) row[j] = scale * x(b, j);
      std::fill(row + L, row + n, T(0));
      fft.forward(out, row);
      X(b, 0) = out[0].re;
      for (index_t k = 1; 2 * k < n; ++k) X(b, k) = inner * out[k];
      if (n % 2 == 0) X(b, n / 2) = out[n / 2].re;
    }
  });
}

//   x_j = scale sum_{k<=n/2} h_k Re(X_k e^{2 pi i jk/n})
template <class T>
void bins_to_real(TensorView<T, 2, Host> x, In<complex<T>, 2, Host> X, index_t n, T scale, T inner) {
  const RealFft<T> fft(n);
  const index_t bins = n / 2 + 1, L = std::min(x.size(1), n);
  parallel_blocks(x.size(0), fft_grain(n), [&](index_t begin, index_t end) {
    Scratch scratch;
    auto* in = scratch.take<complex<T>>(bins);
    T* row = scratch.take<T>(n);
    for (index_t b = begin; b < end; ++b) {
      in[0] = scale * X(b, 0).re;
      for (index_t k = 1; 2 * k < n; ++k) in[k] = (scale * inner / 2) * X(b, k);  // the transform doubles them
      if (n % 2 == 0) in[n / 2] = scale * X(b, n / 2).re;
      fft.inverse(row, in);
      for (index_t j = 0; j < L; ++j) x(b, j) = row[j];
      for (index_t j = L; j < x.size(1); ++j) x(b, j) = 0;
    }
  });
}

template <class T>
void rfft_forward(TensorView<complex<T>, 2, Host> X, In<T, 2, Host> x, index_t n) {
  real_to_bins<T>(X, x, n, T(1), T(1));
}
template <class T>
void rfft_backward(TensorView<T, 2, Host> dx, In<complex<T>, 2, Host> dX, index_t n) {
  bins_to_real<T>(dx, dX, n, T(1), T(1));
}
template <class T>
void irfft_forward(TensorView<T, 2, Host> x, In<complex<T>, 2, Host> X) {
  bins_to_real<T>(x, X, x.size(1), T(1) / static_cast<T>(x.size(1)), T(2));
}
template <class T>
void irfft_backward(TensorView<complex<T>, 2, Host> dX, In<T, 2, Host> dx) {
  real_to_bins<T>(dX, dx, dx.size(1), T(1) / static_cast<T>(dx.size(1)), T(2));
}

// out_k = scale sum_j in_j e^{-+ 2 pi i jk/n}, n the longer of both rows: the shorter is padded, or is the first part.
template <class T>
void complex_rows(TensorView<complex<T>, 2, Host> out, In<complex<T>, 2, Host> in, T scale, bool inverse) {
  const index_t n = std::max(out.size(1), in.size(1)), L = in.size(1);
  const ComplexFft<T> fft(n);
  parallel_blocks(out.size(0), fft_grain(n), [&](index_t begin, index_t end) {
    Scratch scratch;
    auto* from = scratch.take<complex<T>>(n);
    auto* to = scratch.take<complex<T>>(n);
    for (index_t b = begin; b < end; ++b) {
      for (index_t j = 0; j < L; ++j) from[j] = in(b, j);
      std::fill(from + L, from + n, complex<T>());
      inverse ? fft.inverse(to, from) : fft.forward(to, from);
      for (index_t k = 0; k < out.size(1); ++k) out(b, k) = scale * to[k];
    }
  });
}

template <class T>
void complex_rows(TensorView<complex<T>, 2, Cuda> out, In<complex<T>, 2, Cuda> in, T scale, bool inverse) {
  const index_t n = std::max(out.size(1), in.size(1)), rows = out.size(0);
  ScratchOn<Cuda> scratch;
  const auto X = scratch.template tensor<complex<T>, 2>({rows, n});
  for_each_index<Cuda>(X.count(), PaddedRows<T, Cuda>{X, in, T(1)});
  if (X.count() > 0) cuda::fft_complex(X.data(), n, rows, inverse);
  for_each_index<Cuda>(out.count(), PaddedRows<T, Cuda>{out, X, scale});
}

inline void check_complex_fft(const char* op, const char* long_name, const Extents<2>& rows, const char* name,
                              const Extents<2>& x) {
  if (rows[0] == x[0] && rows[1] >= x[1] && rows[1] >= 1) return;
  throw_shape_error(std::string(op) + ": " + long_name + " is " + to_string(rows) + " and " + name + " is " +
                    to_string(x) + ", expected as many rows and n >= L, n >= 1");
}

inline void check_fft(const char* op, index_t n, const char* bins_name, const Extents<2>& bins, index_t B) {
  if (n < 1) throw_value_error(std::string(op) + ": the length n must be at least 1, it is " + std::to_string(n));
  if (!(bins == Extents<2>{B, n / 2 + 1}))
    throw_shape_error(std::string(op) + ": " + bins_name + " is " + to_string(bins) +
                      ", expected (B, n/2+1) = " + to_string(Extents<2>{B, n / 2 + 1}) + " for n=" + std::to_string(n));
}

}  // namespace impl

namespace ops {

struct Rfft {
  template <class T, device D>
  static void forward(TensorView<complex<T>, 2, D> X, In<T, 2, D> x, index_t n) {
    impl::check_fft("rfft", n, "X", X.sizes(), x.size(0));
    impl::rfft_forward<T>(X, x, n);
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 2, D> dx, In<complex<T>, 2, D> dX, index_t n) {
    if (!wanted(dx)) return;
    impl::check_fft("rfft", n, "dX", dX.sizes(), dx.size(0));
    impl::rfft_backward<T>(dx, dX, n);
  }
};

struct Irfft {
  template <class T, device D>  // n = x.size(1)
  static void forward(TensorView<T, 2, D> x, In<complex<T>, 2, D> X) {
    impl::check_fft("irfft", x.size(1), "X", X.sizes(), x.size(0));
    impl::irfft_forward<T>(x, X);
  }

  template <class T, device D>  // dX is assigned
  static void backward(TensorView<complex<T>, 2, D> dX, In<T, 2, D> dx) {
    if (!wanted(dX)) return;
    impl::check_fft("irfft", dx.size(1), "dX", dX.sizes(), dx.size(0));
    impl::irfft_backward<T>(dX, dx);
  }
};

struct Fft {
  template <class T, device D>
  static void forward(TensorView<complex<T>, 2, D> X, In<complex<T>, 2, D> x) {
    impl::check_complex_fft("fft", "X", X.sizes(), "x", x.sizes());
    impl::complex_rows<T>(X, x, T(1), /*inverse=*/false);
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<complex<T>, 2, D> dx, In<complex<T>, 2, D> dX) {
    if (!wanted(dx)) return;
    impl::check_complex_fft("fft", "dX", dX.sizes(), "dx", dx.sizes());
    impl::complex_rows<T>(dx, dX, T(1), /*inverse=*/true);
  }
};

struct Ifft {
  template <class T, device D>
  static void forward(TensorView<complex<T>, 2, D> x, In<complex<T>, 2, D> X) {
    impl::check_complex_fft("ifft", "X", X.sizes(), "x", x.sizes());
    impl::complex_rows<T>(x, X, T(1) / static_cast<T>(X.size(1)), /*inverse=*/true);
  }

  template <class T, device D>  // dX is assigned
  static void backward(TensorView<complex<T>, 2, D> dX, In<complex<T>, 2, D> dx) {
    if (!wanted(dX)) return;
    impl::check_complex_fft("ifft", "dX", dX.sizes(), "dx", dx.sizes());
    impl::complex_rows<T>(dX, dx, T(1) / static_cast<T>(dX.size(1)), /*inverse=*/false);
  }
};

}  // namespace ops
}  // namespace longwave
