// chunk_tables.hpp - the small matrices of the chunked scan for one channel, and the way back from their gradients.
//
// With P_j[n] = a_n^j and c the output weights (row-vector convention, one row per chunk of T steps):
//
//   toeplitz (T, T)    toeplitz[j][i] = K_{i-j} for i >= j, K_l = 2 Re sum_n c_n P_l[n], plus D on the diagonal
//   in       (T, 2N)   in[j]  = [Re, Im] of P_{T-1-j}                 what step j of a chunk adds to the state after it
//   out      (2N, T)   out[:, i] = [2 Re; -2 Im] of c P_{i+1}         what the state before a chunk adds to step i
//
// The gradient tables have the same shapes. A shorter last chunk of t steps uses the first t rows and columns of
// toeplitz, the first t columns of out and the last t rows of in.
#pragma once

#include "longwave/cpu/powers.hpp"

namespace longwave::impl {

template <class T>
struct ChunkTables {
  index_t steps;  // T
  index_t N;      // modes
  T* toeplitz;
  T* in;
  T* out;

  ChunkTables(Scratch& scratch, index_t steps_, index_t N_)
      : steps(steps_),
        N(N_),
        toeplitz(scratch.take<T>(steps * steps)),
        in(scratch.take<T>(steps * 2 * N)),
        out(scratch.take<T>(2 * N * steps)) {}
};

template <class T>
void chunk_tables_forward(ChunkTables<T>& t, const Powers& power, TensorView<const complex<double>, 1> c, T D) {
  const index_t S = t.steps, N = t.N;
  Scratch scratch;
  T* K = scratch.take<T>(S);
  for (index_t l = 0; l < S; ++l) {
    const double *re = power.re + l * N, *im = power.im + l * N;
    double sum = 0;
    for (index_t n = 0; n < N; ++n) sum += c(n).re * re[n] - c(n).im * im[n];
    K[l] = static_cast<T>(2 * sum);
  }
  K[0] += D;
  for (index_t j = 0; j < S; ++j)
    for (index_t i = 0; i < S; ++i) t.toeplitz[j * S + i] = i >= j ? K[i - j] : T(0);
  for (index_t j = 0; j < S; ++j)
    for (index_t n = 0; n < N; ++n) {
      const complex<double> p = power(S - 1 - j, n);
      t.in[j * 2 * N + n] = static_cast<T>(p.re);
      t.in[j * 2 * N + N + n] = static_cast<T>(p.im);
    }
  for (index_t n = 0; n < N; ++n)
    for (index_t i = 0; i < S; ++i) {
      const complex<double> w = c(n) * power(i + 1, n);
      t.out[n * S + i] = static_cast<T>(2 * w.re);
      t.out[(N + n) * S + i] = static_cast<T>(-2 * w.im);
    }
}

// Gradients of the tables -> dx, dc (added to) and the return value dD. dx = sum_j j conj(P_j) dP_j, since
// P_j = exp(x j); dP and dc come from the definitions above.
template <class T>
double chunk_tables_backward(complex<double>* dx, complex<double>* dc, const ChunkTables<T>& d, const Powers& power,
                             TensorView<const complex<double>, 1> c) {
  const index_t S = d.steps, N = d.N;
  Scratch scratch;
  double* dK = scratch.take<double>(S);
  for (index_t l = 0; l < S; ++l) {
    dK[l] = 0;
    for (index_t j = 0; j + l < S; ++j) dK[l] += static_cast<double>(d.toeplitz[j * S + j + l]);
  }
  for (index_t n = 0; n < N; ++n) {
    complex<double> sum_x, sum_c;
    for (index_t j = 0; j <= S; ++j) {
      const complex<double> p = power(j, n);
      complex<double> weight;  // gradient of c_n P_j through K_j and out[:, j - 1]
      if (j < S) weight.re = 2 * dK[j];
      if (j > 0)
        weight += complex<double>(2 * static_cast<double>(d.out[n * S + j - 1]),
                                  -2 * static_cast<double>(d.out[(N + n) * S + j - 1]));
      sum_c += weight * conj(p);
      complex<double> dp = weight * conj(c(n));
      if (j < S)
        dp += complex<double>(static_cast<double>(d.in[(S - 1 - j) * 2 * N + n]),
                              static_cast<double>(d.in[(S - 1 - j) * 2 * N + N + n]));
      sum_x += static_cast<double>(j) * (conj(p) * dp);
    }
    dx[n] += sum_x;
    dc[n] += sum_c;
  }
  return dK[0];
}

}  // namespace longwave::impl
