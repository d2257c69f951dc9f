// chunk_tables.hpp - the small matrices of the chunked scan for one channel, and the way back from their gradients.
//
// With P_j[n] = a_n^j and c the output weights (row-vector convention, one row per chunk of T steps):
//
//   toeplitz (T, T)    toeplitz[j][i] = K_{i-j} for i >= j, K_l = 2 Re sum_n c_n P_l[n], plus D on the diagonal
//   in       (T, 2N)   in[j]  = [Re, Im] of P_{T-1-j}                 what step j of a chunk adds to the state after it
//   out      (2N, T)   out[:, i] = [2 Re; -2 Im] of c P_{i+1}         what the state before a chunk adds to step i
//
// A shorter last chunk of t steps uses the first t rows and columns of toeplitz, the first t columns of out and the
// last t rows of in. Loops run over modes, which lie next to one another in every plane: they are the SIMD lanes.
#pragma once

#include "longwave/cpu/powers.hpp"

namespace longwave::impl {

template <class T>
struct ChunkTables {
  index_t steps;  // T
  index_t N;      // modes
  T* toeplitz;
  T* in;
  T* out;  // in a gradient: transposed, (T, 2N)

  ChunkTables(Scratch& scratch, index_t steps_, index_t N_)
      : steps(steps_),
        N(N_),
        toeplitz(scratch.take<T>(steps * steps)),
        in(scratch.take<T>(steps * 2 * N)),
        out(scratch.take<T>(2 * N * steps)) {}
};

template <class T>
void transpose(T* __restrict to, const T* __restrict from, index_t rows, index_t columns) {
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

// The same matrices transposed, as backward multiplies by them: once here rather than in every product.
template <class T>
ChunkTables<T> transposed(Scratch& scratch, const ChunkTables<T>& t) {
  ChunkTables<T> tt(scratch, t.steps, t.N);
  transpose(tt.toeplitz, t.toeplitz, t.steps, t.steps);
  transpose(tt.in, t.in, t.steps, 2 * t.N);    // (2N, T)
  transpose(tt.out, t.out, 2 * t.N, t.steps);  // (T, 2N)
  return tt;
}

// Re and Im of w_j = c P_j.
inline void weighted_powers(double* __restrict w_re, double* __restrict w_im, const Powers& power, index_t j,
                            const double* __restrict c_re, const double* __restrict c_im) {
  const double *re = power.re + j * power.N, *im = power.im + j * power.N;
  for (index_t n = 0; n < power.N; ++n) {
    w_re[n] = c_re[n] * re[n] - c_im[n] * im[n];
    w_im[n] = c_re[n] * im[n] + c_im[n] * re[n];
  }
}

inline double sum_in_lanes(const double* x, index_t N) {
  double lane[8] = {};
  index_t n = 0;
  for (; n + 8 <= N; n += 8)
    for (index_t i = 0; i < 8; ++i) lane[i] += x[n + i];
  for (; n < N; ++n) lane[0] += x[n];
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

// The planes of a row of complex numbers.
inline void split_planes(double* re, double* im, TensorView<const complex<double>, 1> c) {
  for (index_t n = 0; n < c.size(0); ++n) {
    re[n] = c(n).re;
    im[n] = c(n).im;
  }
}

template <class T>
void chunk_tables_forward(ChunkTables<T>& t, const Powers& power, TensorView<const complex<double>, 1> c, T D) {
  const index_t S = t.steps, N = t.N;
  Scratch scratch;
  double *c_re = scratch.take<double>(N), *c_im = scratch.take<double>(N);
  double *w_re = scratch.take<double>(N), *w_im = scratch.take<double>(N);
  split_planes(c_re, c_im, c);
  T* K = scratch.take<T>(2 * S);  // zeros, then the kernel: row j of toeplitz starts j before it
  std::fill_n(K, S, T(0));
  for (index_t j = 0; j <= S; ++j) {
    weighted_powers(w_re, w_im, power, j, c_re, c_im);
    if (j < S) {
      K[S + j] = static_cast<T>(2 * sum_in_lanes(w_re, N));
      T* row = t.in + (S - 1 - j) * 2 * N;
      for (index_t n = 0; n < N; ++n) row[n] = static_cast<T>(power.re[j * N + n]);
      for (index_t n = 0; n < N; ++n) row[N + n] = static_cast<T>(power.im[j * N + n]);
    }
    if (j == 0) continue;
    for (index_t n = 0; n < N; ++n) {
      t.out[n * S + j - 1] = static_cast<T>(2 * w_re[n]);
      t.out[(N + n) * S + j - 1] = static_cast<T>(-2 * w_im[n]);
    }
  }
  K[S] += D;
  for (index_t j = 0; j < S; ++j) std::copy_n(K + S - j, S, t.toeplitz + j * S);
}

// Gradients of the tables (out transposed) -> planes dx, dc (2 N each, added to) and the return value dD.
//   weight_j = dL/d(c P_j) = 2 dK_j + (2 dout_re - 2i dout_im)[j-1],   dc += weight_j conj(P_j)
//   dP_j = weight_j conj(c) + din[T-1-j],                              dx += j conj(P_j) dP_j since P_j = exp(x j)
template <class T>
double chunk_tables_backward(double* __restrict dx, double* __restrict dc, const ChunkTables<T>& d, const Powers& power,
                             TensorView<const complex<double>, 1> c) {
  const index_t S = d.steps, N = d.N;
  Scratch scratch;
  double *c_re = scratch.take<double>(N), *c_im = scratch.take<double>(N);
  split_planes(c_re, c_im, c);
  double* dK = scratch.take<double>(S + 1);
  std::fill_n(dK, S + 1, 0.0);
  for (index_t j = 0; j < S; ++j)
    for (index_t i = j; i < S; ++i) dK[i - j] += static_cast<double>(d.toeplitz[j * S + i]);
  T* zero = scratch.take<T>(2 * N);
  std::fill_n(zero, 2 * N, T(0));
  for (index_t j = 0; j <= S; ++j) {
    const T* out = j > 0 ? d.out + (j - 1) * 2 * N : zero;
    const T* in = j < S ? d.in + (S - 1 - j) * 2 * N : zero;
    const double *re = power.re + j * N, *im = power.im + j * N;
    const double kernel = 2 * dK[j], order = static_cast<double>(j);
    for (index_t n = 0; n < N; ++n) {
      const double wr = kernel + 2 * static_cast<double>(out[n]), wi = -2 * static_cast<double>(out[N + n]);
      const double pr = wr * c_re[n] + wi * c_im[n] + static_cast<double>(in[n]);
      const double pi = wi * c_re[n] - wr * c_im[n] + static_cast<double>(in[N + n]);
      dc[n] += wr * re[n] + wi * im[n];
      dc[N + n] += wi * re[n] - wr * im[n];
      dx[n] += order * (re[n] * pr + im[n] * pi);
      dx[N + n] += order * (re[n] * pi - im[n] * pr);
    }
  }
  return dK[0];
}

}  // namespace longwave::impl
