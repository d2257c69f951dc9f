// skew_eigen.hpp - eigenvalues i mu and eigenvectors of a real skew matrix S (N, N), the half with the smallest mu.
//
//   H_{N-3} .. H_0 S H_0 .. H_{N-3} = T      reflections H = I - 2 v v^T make S tridiagonal, and keep it skew
//   (-i D^* T D) y = mu y                    D = diag((-i)^k) turns -i T into a real symmetric matrix with diagonal 0
//   S (Q D y) = i mu (Q D y)                 Q = H_0 .. H_{N-3}
//
// All in real arithmetic: about a third of the work of the Hermitian problem -i S. The tridiagonal problem is Eigen's,
// which compiles in a quarter of the time of its dense solvers. Loops run along rows, so they vectorise.
#pragma once

#include <Eigen/Eigenvalues>
#include <cmath>
#include <string>

#include "longwave/core/complex.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave {

struct SkewEigen {
  Tensor<double, 1> mu;                // (N/2) ascending; negative, apart from roundings of 0
  Tensor<complex<double>, 2> vectors;  // (N, N/2), unit; empty if not wanted
};

namespace detail {

struct Reflections {
  Tensor<double, 2> v;      // (N, N): row k has v of H_k, or zeros, in places k+1 ..
  Tensor<double, 1> below;  // (N - 1): what is left below the diagonal
};

// S - w v^T + v w^T with w = 2 S v is H S H, for v^T S v = 0.
inline Reflections tridiagonalize(Tensor<double, 2> S) {
  const index_t N = S.size(0);
  Reflections r{Tensor<double, 2>(N, N), Tensor<double, 1>(N - 1)};
  Tensor<double, 1> w(N);
  for (index_t k = 0; k + 1 < N; ++k) {
    double* v = r.v.data() + k * N;
    double rest = 0;  // of column k, below the place that stays
    for (index_t i = k + 2; i < N; ++i) rest += S(i, k) * S(i, k);
    const double first = S(k + 1, k);
    r.below(k) = first;
    if (rest == 0) continue;
    const double size = std::copysign(std::sqrt(first * first + rest), first);
    const double scale = 1 / std::sqrt((first + size) * (first + size) + rest);
    r.below(k) = -size;
    v[k + 1] = scale * (first + size);
    for (index_t i = k + 2; i < N; ++i) v[i] = scale * S(i, k);
    w.zero();
    for (index_t i = k + 1; i < N; ++i)
      for (index_t j = k + 1; j < N; ++j) w(j) -= 2 * v[i] * S(i, j);  // S_ji = -S_ij
    for (index_t i = k + 1; i < N; ++i)
      for (index_t j = k + 1; j < N; ++j) S(i, j) += v[i] * w(j) - w(i) * v[j];
  }
  return r;
}

// Z (N, M) = Q Z
inline void reflect_back(const Reflections& r, TensorView<double, 2> Z) {
  const index_t N = Z.size(0), M = Z.size(1);
  Tensor<double, 1> sums(M);
  for (index_t k = N - 2; k >= 0; --k) {
    sums.zero();
    for (index_t i = k + 1; i < N; ++i)
      for (index_t n = 0; n < M; ++n) sums(n) += 2 * r.v(k, i) * Z(i, n);
    for (index_t i = k + 1; i < N; ++i)
      for (index_t n = 0; n < M; ++n) Z(i, n) -= r.v(k, i) * sums(n);
  }
}

}  // namespace detail

// Only the part of S below the diagonal counts.
inline SkewEigen skew_eigen(TensorView<const double, 2> S, bool vectors = true) {
  const index_t N = S.size(0), M = N / 2;
  check_shape("skew_eigen", "S", S, Extents<2>{N, N}, "NN");
  SkewEigen eigen{Tensor<double, 1>(M), {}};
  if (M == 0) return eigen;
  Tensor<double, 2> skew(N, N);
  for (index_t i = 0; i < N; ++i)
    for (index_t j = 0; j < i; ++j) skew(j, i) = -(skew(i, j) = S(i, j));
  const detail::Reflections r = detail::tridiagonalize(std::move(skew));

  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(Eigen::VectorXd::Zero(N), Eigen::Map<const Eigen::VectorXd>(r.below.data(), N - 1),
                                vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success)
    throw_value_error("skew_eigen: no convergence, N is " + std::to_string(N) + "; are all entries finite?");
  for (index_t n = 0; n < M; ++n) eigen.mu(n) = solver.eigenvalues()(n);
  if (!vectors) return eigen;

  Tensor<double, 2> re(N, M), im(N, M);  // Re and Im of D y: (-i)^k = 1, -i, -1, i, ...
  for (index_t k = 0; k < N; ++k)
    for (index_t n = 0; n < M; ++n) {
      const double y = solver.eigenvectors()(k, n);
      (k % 2 == 0 ? re : im)(k, n) = k % 4 == 0 || k % 4 == 3 ? y : -y;
    }
  detail::reflect_back(r, re.view());
  detail::reflect_back(r, im.view());
  eigen.vectors = Tensor<complex<double>, 2>(N, M);
  for (index_t k = 0; k < N; ++k)
    for (index_t n = 0; n < M; ++n) eigen.vectors(k, n) = {re(k, n), im(k, n)};
  return eigen;
}

}  // namespace longwave
