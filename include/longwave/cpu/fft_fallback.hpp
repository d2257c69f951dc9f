// fft_fallback.hpp - the interface of fft_fftw.hpp where FFTW is not wanted: kissfft as it comes with Eigen (MPL-2.0).
//
// Forward: X_k = sum_j x_j e^{-2 pi i jk/n}; inverse without the factor 1/n. Each thread keeps its own tables, made
// at the first use of a length; nothing is allocated after that. A prime factor p > 5 of n costs O(n p).
#pragma once

#include <limits>
#include <string>

#include "longwave/core/complex.hpp"
#include "longwave/core/error.hpp"
#include "longwave/cpu/fft_length.hpp"

#if defined(LONGWAVE_FFTW)
#error "fft_fallback.hpp and fft_fftw.hpp exclude one another"
#endif

#include <unsupported/Eigen/FFT>

namespace longwave::impl {

template <class T>
Eigen::internal::kissfft_impl<T>& thread_kissfft() {
  thread_local Eigen::internal::kissfft_impl<T> fft;
  return fft;
}

inline int kissfft_length(index_t n) {
  if (n < 1 || n > std::numeric_limits<int>::max())
    throw_value_error("fft: kissfft transforms 1 to 2^31-1 points, not " + std::to_string(n));
  return static_cast<int>(n);
}

// n complex numbers to n complex numbers. Inputs and outputs differ; inputs may be overwritten.
template <class T>
class ComplexFft {
 public:
  explicit ComplexFft(index_t n) : n_(kissfft_length(n)) {}

  void forward(complex<T>* out, complex<T>* in) const {
    if (n_ == 1)
      out[0] = in[0];  // kissfft cannot factor 1
    else
      thread_kissfft<T>().fwd(pairs(out), pairs(in), n_);
  }
  void inverse(complex<T>* out, complex<T>* in) const {
    if (n_ == 1)
      out[0] = in[0];
    else
      thread_kissfft<T>().inv(pairs(out), pairs(in), n_);
  }

 private:
  static std::complex<T>* pairs(complex<T>* p) { return reinterpret_cast<std::complex<T>*>(p); }
  int n_;
};

// n real numbers x to the n/2 + 1 first of X, and back. The same rules.
template <class T>
class RealFft {
 public:
  explicit RealFft(index_t n) : n_(kissfft_length(n)) {}

  void forward(complex<T>* X, T* x) const {
    if (n_ == 1)
      X[0] = complex<T>(x[0]);
    else
      thread_kissfft<T>().fwd(reinterpret_cast<std::complex<T>*>(X), x, n_);
  }
  void inverse(T* x, complex<T>* X) const {
    if (n_ == 1)
      x[0] = X[0].re;
    else
      thread_kissfft<T>().inv(x, reinterpret_cast<std::complex<T>*>(X), n_);
  }

 private:
  int n_;
};

// A good length >= n for a complex transform that may be padded: kissfft has its own steps for 2, 3, 4 and 5 only.
inline index_t padded_length(index_t n) {
  const index_t step = n > 64 ? 16 : n > 16 ? 4 : 1;
  return smooth_length((n + step - 1) / step, 5) * step;
}

}  // namespace longwave::impl
