// nplr.hpp - HiPPO's matrices (hippo.hpp) as diagonal plus low rank, in a complex basis, by Eigen in double.
//
//   A = S - sum_r P_r P_r^T,   S = c I + skew,   -i (S - c I) Hermitian with real eigenvalues mu, eigenvectors V
//   V^* A V = diag(c + i mu) - sum_r (V^* P_r)(V^* P_r)^*
//
// S is real, so eigenvalues and vectors come as conjugate pairs, of which the N/2 with negative imaginary part are
// kept: x = 2 Re(V z) takes the kept half z back. float is not enough: legs has |mu| from 0.26 to 1303 at N = 64.
// Sources: Gu et al. 2022 (S4), theorem 1 and appendix C; the reference implementation's order and clipping.
#pragma once

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "longwave/core/complex.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/state_space/hippo.hpp"

namespace longwave {

// The kept half, ascending: the fastest mode first.
struct Nplr {
  Tensor<complex<double>, 1> A, B;  // (N/2): eigenvalues; V^* B
  Tensor<complex<double>, 2> P;     // (rank, N/2): V^* P
  Tensor<complex<double>, 2> V;     // (N, N/2)
};

namespace detail {

// S = A + sum_r P_r P_r^T
inline Eigen::MatrixXd normal_part(TensorView<const double, 2> A, TensorView<const double, 2> P) {
  Eigen::MatrixXd S(A.size(0), A.size(1));
  for (index_t i = 0; i < A.size(0); ++i)
    for (index_t j = 0; j < A.size(1); ++j) {
      S(i, j) = A(i, j);
      for (index_t r = 0; r < P.size(0); ++r) S(i, j) += P(r, i) * P(r, j);
    }
  return S;
}

// Eigenvalues (ascending) and -vectors of the Hermitian matrix -i S, where S is the skew part of the argument.
inline Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd> skew_eigen(const Eigen::MatrixXd& S, bool vectors) {
  Eigen::MatrixXcd H = Eigen::MatrixXcd::Zero(S.rows(), S.cols());
  H.imag() = 0.5 * (S.transpose() - S);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd> solver(H,
                                                         vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success)
    throw_value_error("hippo: the eigenvalues of a matrix of size " + std::to_string(S.rows()) + " did not converge");
  return solver;
}

// Turned so that the first component that is not 0 is real and positive: the phase decides what B_clip cuts off.
inline void fix_phase(Eigen::Ref<Eigen::VectorXcd> v) {
  for (Eigen::Index i = 0; i < v.size(); ++i)
    if (const double size = std::abs(v(i)); size > 1e-9) {  // solvers leave 1e-16 where there should be 0
      v *= std::conj(v(i)) / size;
      v(i) = size;
      return;
    }
}

}  // namespace detail

// B_clip: Im B is cut to [-B_clip, B_clip], which upstream does with 2; the exact decomposition is without.
inline Nplr nplr(Measure measure, index_t N, index_t rank = 1, std::optional<double> B_clip = std::nullopt) {
  detail::check_hippo_size(measure, N, true);
  if (B_clip && !(*B_clip >= 0))
    throw_value_error("nplr: B_clip is " + std::to_string(*B_clip) + ", expected none or at least 0");
  const Tensor<double, 2> P = rank_correction(measure, N, rank);
  const Transition t = transition(measure, N);
  const Eigen::MatrixXd S = detail::normal_part(t.A, P);
  const auto eigen = detail::skew_eigen(S, true);
  Eigen::MatrixXcd V = eigen.eigenvectors().leftCols(N / 2);
  Eigen::VectorXd frequencies = eigen.eigenvalues().head(N / 2);
  if (detail::is_fourier(measure)) {  // the pair of block 0 stands still: any basis of it, made one of conjugates
    frequencies(N / 2 - 1) = 0;
    V.col(N / 2 - 1).setZero();
    V(0, N / 2 - 1) = std::numbers::sqrt2 / 2;
    V(1, N / 2 - 1) = {0, std::numbers::sqrt2 / 2};
  }

  double re = S.diagonal().mean();
  if (std::abs(re) < 1e-9) re = 0;  // legt and lagt: what is left are roundings, of either sign

  Nplr d{Tensor<complex<double>, 1>(N / 2), Tensor<complex<double>, 1>(N / 2), Tensor<complex<double>, 2>(rank, N / 2),
         Tensor<complex<double>, 2>(N, N / 2)};
  for (index_t n = 0; n < N / 2; ++n) {
    detail::fix_phase(V.col(n));
    d.A(n) = {re, frequencies(n)};
    for (index_t i = 0; i < N; ++i) {
      const complex<double> v = std::complex<double>(V(i, n));
      d.V(i, n) = v;
      d.B(n) += t.B(i) * conj(v);
      for (index_t r = 0; r < rank; ++r) d.P(r, n) += P(r, i) * conj(v);
    }
    if (B_clip) d.B(n).im = std::clamp(d.B(n).im, -*B_clip, *B_clip);
  }
  return d;
}

// The N largest frequencies, descending, of the skew part of legs of size 2N: from these DSS starts.
inline Tensor<double, 1> skew_frequencies(index_t N) {
  const Transition t = transition(Measure::legs, 2 * N);
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto eigen = detail::skew_eigen(Eigen::Map<const Matrix>(t.A.data(), 2 * N, 2 * N), false);
  Tensor<double, 1> frequencies(N);
  for (index_t n = 0; n < N; ++n) frequencies(n) = -eigen.eigenvalues()(n);  // they come as +- pairs
  return frequencies;
}

}  // namespace longwave
