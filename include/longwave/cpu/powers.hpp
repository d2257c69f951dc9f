// powers.hpp - powers of one channel's modes, the tables that every sequence form is built from.
//
// a_n^j = exp(x_n j), j = 0 .. T, by products in double from an exact a_n: |error| about T epsilon, whatever the
// phase, so that float tables are rounded once. Rows are powers, columns modes: (T + 1, N), real and imaginary planes.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/complex.hpp"

namespace longwave::impl {

struct Powers {
  index_t N;  // modes
  index_t T;  // highest power
  double* re;
  double* im;

  complex<double> operator()(index_t j, index_t n) const { return {re[j * N + n], im[j * N + n]}; }
};

inline Powers mode_powers(Scratch& scratch, TensorView<const complex<double>, 1> x, index_t T) {
  const index_t N = x.size(0);
  Powers p{N, T, scratch.take<double>((T + 1) * N), scratch.take<double>((T + 1) * N)};
  double* a_re = scratch.take<double>(N);
  double* a_im = scratch.take<double>(N);
  for (index_t n = 0; n < N; ++n) {
    const complex<double> a = exp(x(n));
    a_re[n] = a.re;
    a_im[n] = a.im;
    p.re[n] = 1;
    p.im[n] = 0;
  }
  for (index_t j = 1; j <= T; ++j) {
    const double *from_re = p.re + (j - 1) * N, *from_im = p.im + (j - 1) * N;
    double *to_re = p.re + j * N, *to_im = p.im + j * N;
    for (index_t n = 0; n < N; ++n) {
      to_re[n] = from_re[n] * a_re[n] - from_im[n] * a_im[n];
      to_im[n] = from_re[n] * a_im[n] + from_im[n] * a_re[n];
    }
  }
  return p;
}

}  // namespace longwave::impl
