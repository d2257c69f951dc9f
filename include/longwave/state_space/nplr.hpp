// nplr.hpp - HiPPO's matrices (hippo.hpp) as diagonal plus low rank, in a complex basis, in double.
//
//   A = S - sum_r P_r P_r^T,   S = c I + skew,   -i (S - c I) Hermitian with real eigenvalues mu, eigenvectors V
//   V^* A V = diag(c + i mu) - sum_r (V^* P_r)(V^* P_r)^*
//
// S is real, so eigenvalues and vectors come as conjugate pairs, of which the N/2 with negative imaginary part are
// kept: x = 2 Re(V z) takes the kept half z back. float is not enough: legs has |mu| from 0.26 to 1303 at N = 64.
// Sources: Gu et al. 2022 (S4), theorem 1 and appendix C; the reference implementation's order and clipping.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "longwave/core/complex.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/state_space/hippo.hpp"
#include "longwave/state_space/skew_eigen.hpp"

namespace longwave {

// The kept half, ascending: the fastest mode first.
struct Nplr {
  Tensor<complex<double>, 1> A, B;  // (N/2): eigenvalues; V^* B
  Tensor<complex<double>, 2> P;     // (rank, N/2): V^* P
  Tensor<complex<double>, 2> V;     // (N, N/2)
};

namespace detail {

// S = A + sum_r P_r P_r^T
inline Tensor<double, 2> normal_part(TensorView<const double, 2> A, TensorView<const double, 2> P) {
  Tensor<double, 2> S(A.sizes());
  for (index_t i = 0; i < A.size(0); ++i)
    for (index_t j = 0; j < A.size(1); ++j) {
      S(i, j) = A(i, j);
      for (index_t r = 0; r < P.size(0); ++r) S(i, j) += P(r, i) * P(r, j);
    }
  return S;
}

// Each column turned so that its first component that is not 0 is real and positive: the phase decides what B_clip
// cuts off.
inline void fix_phases(TensorView<complex<double>, 2> V) {
  for (index_t n = 0; n < V.size(1); ++n) {
    index_t first = 0;
    while (first + 1 < V.size(0) && norm2(V(first, n)) < 1e-18) ++first;  // solvers leave 1e-16 for 0
    const double size = std::sqrt(norm2(V(first, n)));
    const complex<double> turn = (1 / size) * conj(V(first, n));
    for (index_t i = 0; i < V.size(0); ++i) V(i, n) = turn * V(i, n);
    V(first, n) = size;
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
  const Tensor<double, 2> S = detail::normal_part(t.A, P);
  SkewEigen eigen = skew_eigen(S);
  const index_t M = N / 2;
  if (detail::is_fourier(measure)) {  // the pair of block 0 stands still: any basis of it, made one of conjugates
    eigen.mu(M - 1) = 0;
    for (index_t i = 0; i < N; ++i) eigen.vectors(i, M - 1) = 0;
    eigen.vectors(0, M - 1) = std::numbers::sqrt2 / 2;
    eigen.vectors(1, M - 1) = {0, std::numbers::sqrt2 / 2};
  }
  detail::fix_phases(eigen.vectors.view());
  double re = 0;
  for (index_t i = 0; i < N; ++i) re += S(i, i) / static_cast<double>(N);
  if (std::abs(re) < 1e-9) re = 0;  // legt and lagt: what is left are roundings, of either sign

  Nplr d{Tensor<complex<double>, 1>(M), Tensor<complex<double>, 1>(M), Tensor<complex<double>, 2>(rank, M),
         std::move(eigen.vectors)};
  for (index_t n = 0; n < M; ++n) {
    d.A(n) = {re, eigen.mu(n)};
    for (index_t i = 0; i < N; ++i) {
      const complex<double> v = conj(d.V(i, n));
      d.B(n) += t.B(i) * v;
      for (index_t r = 0; r < rank; ++r) d.P(r, n) += P(r, i) * v;
    }
    if (B_clip) d.B(n).im = std::clamp(d.B(n).im, -*B_clip, *B_clip);
  }
  return d;
}

// The N largest frequencies, descending, of the skew part of legs of size 2N: from these DSS starts.
inline Tensor<double, 1> skew_frequencies(index_t N) {
  Tensor<double, 2> S = transition(Measure::legs, 2 * N).A;
  for (index_t i = 0; i < S.count(); ++i) S.data()[i] /= 2;  // 0 above the diagonal, so this is (S - S^T) / 2 below
  Tensor<double, 1> frequencies = skew_eigen(S, false).mu;
  for (index_t n = 0; n < N; ++n) frequencies(n) = -frequencies(n);  // they come as +- pairs
  return frequencies;
}

}  // namespace longwave
