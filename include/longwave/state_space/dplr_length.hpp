// dplr_length.hpp - S4's output weights for a length: C~ = C (I - A_bar^L), and what else needs A_bar as a matrix.
//
//   C -> C~ for length L          truncate:    c (I - A_bar^L)
//   C~ for L -> C~ for 2L         lengthen:    c (I + A_bar^L)
//   C~ for L -> C                 untruncate:  c (I - A_bar^L)^-1
//
// A_bar acts on (Re s, Im s), 2N real numbers per feature; an output weight c is the row (2 Re c, -2 Im c) there, since
// y = 2 Re(c s). Powers by squaring, in double. C (C, H, N) is changed in place.
// Source: Gu, Goel, Re 2022 (S4), section 3.2 (the truncated generating function).
#pragma once

#include <Eigen/Eigenvalues>
#include <Eigen/LU>

#include "longwave/state_space/dplr_scan.hpp"

namespace longwave {

namespace impl {

// Templates for double alone: instantiated where they are used, since Eigen takes a second to compile.
template <class Real>
using Dense = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;

// A_bar of feature h over (Re, Im).
template <class Real = double>
Dense<Real> dplr_matrix(const DplrStep& step, index_t h) {
  const index_t N = step.F.size(1);
  Dense<Real> M = Dense<Real>::Zero(2 * N, 2 * N);
  for (index_t n = 0; n < N; ++n) {
    M(n, n) = M(N + n, N + n) = step.F(h, n).re;
    M(n, N + n) = -step.F(h, n).im;
    M(N + n, n) = step.F(h, n).im;
  }
  for (index_t r = 0; r < step.G.size(0); ++r) {
    Dense<Real> G(2 * N, 1), w(1, 2 * N);
    for (index_t n = 0; n < N; ++n) {
      G(n, 0) = step.G(r, h, n).re;
      G(N + n, 0) = step.G(r, h, n).im;
      w(0, n) = 2 * step.w(r, h, n).re;
      w(0, N + n) = -2 * step.w(r, h, n).im;
    }
    M -= G * w;
  }
  return M;
}

template <class Real>
Dense<Real> matrix_power(Dense<Real> M, index_t L) {
  Dense<Real> power = Dense<Real>::Identity(M.rows(), M.cols());
  for (; L > 0; L /= 2) {
    if (L % 2 == 1) power = power * M;
    if (L > 1) M = M * M;
  }
  return power;
}

// Rows (C, 2N) of the weights of feature h, and back.
template <class Real = double>
Dense<Real> weight_rows(TensorView<const complex<double>, 3> C, index_t h) {
  const index_t N = C.size(2);
  Dense<Real> rows(C.size(0), 2 * N);
  for (index_t c = 0; c < C.size(0); ++c)
    for (index_t n = 0; n < N; ++n) {
      rows(c, n) = 2 * C(c, h, n).re;
      rows(c, N + n) = -2 * C(c, h, n).im;
    }
  return rows;
}
template <class Real>
void set_weights(TensorView<complex<double>, 3> C, index_t h, const Dense<Real>& rows) {
  const index_t N = C.size(2);
  for (index_t c = 0; c < C.size(0); ++c)
    for (index_t n = 0; n < N; ++n) C(c, h, n) = {rows(c, n) / 2, -rows(c, N + n) / 2};
}

// C of feature h replaced by change(rows of C, A_bar^L).
template <class Real, class F>
void change_weights(TensorView<complex<double>, 3> C, const DplrStep& step, index_t L, F change) {
  check_shape("dplr_length", "C", C, Extents<3>{C.size(0), step.F.size(0), step.F.size(1)}, "CHN");
  parallel_for(
      C.size(1),
      [&](index_t h) {
        const Dense<Real> rows = weight_rows<Real>(C, h);
        set_weights<Real>(C, h, change(rows, matrix_power(dplr_matrix<Real>(step, h), L)));
      },
      C.size(1) * 64 * C.size(2) * C.size(2) * C.size(2));
}

}  // namespace impl

struct DplrLength {
  template <class Real = double>
  static void truncate(TensorView<complex<double>, 3> C, const DplrStep& step, index_t L) {
    impl::change_weights<Real>(C, step, L, [](const auto& c, const auto& power) { return (c - c * power).eval(); });
  }
  template <class Real = double>
  static void lengthen(TensorView<complex<double>, 3> C, const DplrStep& step, index_t L) {
    impl::change_weights<Real>(C, step, L, [](const auto& c, const auto& power) { return (c + c * power).eval(); });
  }
  template <class Real = double>
  static void untruncate(TensorView<complex<double>, 3> C, const DplrStep& step, index_t L) {
    impl::change_weights<Real>(C, step, L, [](const auto& c, const auto& power) {
      const impl::Dense<Real> rest = impl::Dense<Real>::Identity(power.rows(), power.cols()) - power;
      return impl::Dense<Real>(rest.transpose().partialPivLu().solve(c.transpose()).transpose());
    });
  }
};

}  // namespace longwave
