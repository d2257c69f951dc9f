#include "longwave/state_space/skew_eigen.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<double, 2> skew(index_t N, std::uint64_t seed) {
  Tensor<double, 2> S = random<double>(Extents{N, N}, seed);
  for (index_t i = 0; i < N; ++i)
    for (index_t j = 0; j <= i; ++j) S(j, i) = i == j ? 0 : -S(i, j);
  return S;
}

// The worst entry of S V - V diag(i mu) and of V^* V - I.
double defect(const Tensor<double, 2>& S, const SkewEigen& e) {
  const index_t N = S.size(0), M = e.mu.size(0);
  double worst = 0;
  for (index_t n = 0; n < M; ++n) {
    for (index_t i = 0; i < N; ++i) {
      complex<double> sum = -(complex<double>(0, e.mu(n)) * e.vectors(i, n));
      for (index_t j = 0; j < N; ++j) sum += S(i, j) * e.vectors(j, n);
      worst = std::max(worst, std::sqrt(norm2(sum)));
    }
    for (index_t m = 0; m < M; ++m) {
      complex<double> product(n == m ? -1 : 0);
      for (index_t i = 0; i < N; ++i) product += conj(e.vectors(i, m)) * e.vectors(i, n);
      worst = std::max(worst, std::sqrt(norm2(product)));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("skew_eigen: S v = i mu v with orthonormal v, any size") {
  for (const index_t N : {2, 3, 4, 5, 8, 31, 64}) {
    const Tensor<double, 2> S = skew(N, static_cast<std::uint64_t>(N));
    const SkewEigen e = skew_eigen(S);
    INFO("N " << N);
    CHECK(e.mu.size(0) == N / 2);
    CHECK(defect(S, e) < 1e-14 * static_cast<double>(N));  // backward stable: a few roundings per step
    for (index_t n = 0; n < N / 2; ++n) {
      CHECK(e.mu(n) < 0);
      if (n > 0) CHECK(e.mu(n) > e.mu(n - 1));
    }
    CHECK(relative_error(skew_eigen(S, false).mu, e.mu) < 1e-13);
  }
}

TEST_CASE("skew_eigen: blocks that are tridiagonal already, one of them 0") {
  Tensor<double, 2> S(6, 6);
  S(1, 0) = 3;
  S(0, 1) = -3;
  S(5, 4) = -7;
  S(4, 5) = 7;
  const SkewEigen e = skew_eigen(S);
  CHECK(e.mu(0) == Approx(-7));
  CHECK(e.mu(1) == Approx(-3));
  CHECK(e.mu(2) == Approx(0).margin(1e-15));
  CHECK(defect(S, e) < 1e-14);
}

TEST_CASE("skew_eigen: nothing to decompose, a shape that is not square, entries that are not numbers") {
  CHECK(skew_eigen(Tensor<double, 2>(0, 0)).mu.size(0) == 0);
  CHECK(skew_eigen(Tensor<double, 2>(1, 1)).mu.size(0) == 0);
  CHECK(error_text<ShapeError>([] { skew_eigen(Tensor<double, 2>(2, 3)); }).find("skew_eigen: S is") == 0);
  CHECK(error_text<ValueError>([] {
          Tensor<double, 2> S = skew(5, 1);
          S(3, 1) = NAN;
          skew_eigen(S);
        }) == "skew_eigen: no convergence, N is 5; are all entries finite?");
}
