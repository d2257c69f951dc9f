// dplr_rows.hpp - rows times powers of A_bar by the recurrence of dplr_scan.hpp, transposed: 8 N (1 + R) multiply-adds
// per step where the powers themselves (dplr_length.hpp) cost 16 N^3 per squaring.
//
//   c A_bar = c F - sum_r w_r 2 Re(c . G_r)                 c, F, G, w over the stored mode of each pair
//
// C (C, H, N) is changed in place; A_bar is a contraction in this basis, so rounding does not grow.
#pragma once

#include "longwave/state_space/dplr_length.hpp"

namespace longwave {

namespace impl {

// c (2, N) times A_bar, in place.
inline void dplr_row_step(double* c, const DplrScanRow& A) {
  const index_t N = A.N;
  double rho[max_rank];
  for (index_t r = 0; r < A.R; ++r) {
    const double *Gr = A.G + r * 2 * N, *Gi = Gr + N;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (index_t n = 0; n < N; ++n) sum += Gr[n] * c[n] - Gi[n] * c[N + n];
    rho[r] = 2 * sum;
  }
  for (index_t n = 0; n < N; ++n) {
    const double re = c[n], im = c[N + n];
    c[n] = A.F[n] * re - A.F[N + n] * im;
    c[N + n] = A.F[n] * im + A.F[N + n] * re;
  }
  for (index_t r = 0; r < A.R; ++r)
    for (index_t i = 0; i < 2 * N; ++i) c[i] -= rho[r] * A.w[r * 2 * N + i];
}

}  // namespace impl

// C -> C~ = C (I - A_bar^L). The cheaper of the two ways. A template as those of dplr_length.hpp are.
template <class Real = double>
void dplr_truncate_rows(TensorView<complex<double>, 3> C, const DplrStep& step, index_t L) {
  check_shape("dplr_rows", "C", C, Extents<3>{C.size(0), step.F.size(0), step.F.size(1)}, "CHN");
  const index_t channels = C.size(0), H = C.size(1), N = C.size(2);
  if (L * channels > 32 * N * N) return DplrLength::truncate<Real>(C, step, L);
  parallel_for(
      H,
      [&](index_t h) {
        Scratch scratch;
        const impl::DplrScanRow row(scratch, step, h);
        double* c = scratch.take<double>(2 * N);
        for (index_t i = 0; i < channels; ++i) {
          for (index_t n = 0; n < N; ++n) {
            c[n] = C(i, h, n).re;
            c[N + n] = C(i, h, n).im;
          }
          for (index_t l = 0; l < L; ++l) impl::dplr_row_step(c, row);
          for (index_t n = 0; n < N; ++n) C(i, h, n) -= complex<double>(c[n], c[N + n]);
        }
      },
      H * channels * L * 16 * N);
}

}  // namespace longwave
