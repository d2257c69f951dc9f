#include "longwave/state_space/discretize_dense.hpp"

#include <algorithm>
#include <vector>

#include "check.hpp"
#include "longwave/state_space/hippo.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// K_l = C A_bar^l B_bar with C = ones.
std::vector<double> kernel(const DenseStep& step, index_t L) {
  const index_t N = step.B_bar.size(0);
  Tensor<double, 1> x = step.B_bar.clone(), next(N);
  std::vector<double> K;
  for (index_t l = 0; l < L; ++l) {
    K.push_back(0);
    for (index_t i = 0; i < N; ++i) {
      K.back() += x(i);
      next(i) = 0;
      for (index_t j = 0; j < N; ++j) next(i) += step.A_bar(i, j) * x(j);
    }
    std::swap(x, next);
  }
  return K;
}

template <class Rule>
void check_legs(index_t N, double dt, const std::vector<double>& want) {
  const Transition t = transition(Measure::legs, N);
  const std::vector<double> K = kernel(discretize_dense<Rule>(t.A, t.B, dt), static_cast<index_t>(want.size()));
  for (std::size_t l = 0; l < want.size(); ++l) CHECK(std::abs(K[l] - want[l]) < 1e-8);
}

}  // namespace

TEST_CASE("discretize_dense: the published kernels of legs, both rules") {
  check_legs<Bilinear>(
      4, 0.1, {0.5470522, 0.22343937, 0.06399393, -0.00459942, -0.02562155, -0.02392916, -0.01325228, -0.00073676});
  check_legs<Zoh>(4, 0.1,
                  {0.52993287, 0.22122166, 0.06768143, 0.00057333, -0.02090998, -0.02035102, -0.01087185, 0.00063304});
  check_legs<Bilinear>(64, 0.01, {0.46118611, -0.23031424, 0.2880553, -0.20167089});
}

TEST_CASE("discretize_dense: a rotation agrees with its two modes, both rules") {
  // A = ((a, -b), (b, a)) has the modes a +- i b; the first column of a matrix of this form holds Re and Im.
  const double a = -0.4, b = 3, dt = 0.2;
  Tensor<double, 2> A(2, 2);
  A(0, 0) = A(1, 1) = a;
  A(0, 1) = -b;
  A(1, 0) = b;
  Tensor<double, 1> B(2);
  B(0) = 1;
  const auto check = [&](const DenseStep& dense, const Discretized& mode) {
    CHECK(dense.A_bar(0, 0) == Approx(exp(mode.x).re).epsilon(1e-13));
    CHECK(dense.A_bar(1, 0) == Approx(exp(mode.x).im).epsilon(1e-13));
    CHECK(dense.A_bar(0, 1) == Approx(-exp(mode.x).im).epsilon(1e-13));
    CHECK(dense.B_bar(0) == Approx(dt * mode.beta.re).epsilon(1e-13));
    CHECK(dense.B_bar(1) == Approx(dt * mode.beta.im).epsilon(1e-13));
  };
  check(discretize_dense<Zoh>(A, B, dt), Zoh::at({dt * a, dt * b}));
  check(discretize_dense<Bilinear>(A, B, dt), Bilinear::at({dt * a, dt * b}));
}

TEST_CASE("discretize_dense: a singular matrix integrates its input") {
  Tensor<double, 2> A(2, 2);  // x0' = u, x1' = x0
  A(1, 0) = 1;
  Tensor<double, 1> B(2);
  B(0) = 1;
  const DenseStep zoh = discretize_dense<Zoh>(A, B, 0.5);
  CHECK(zoh.A_bar(1, 0) == Approx(0.5));
  CHECK(zoh.B_bar(0) == Approx(0.5));
  CHECK(zoh.B_bar(1) == Approx(0.125));
  CHECK(discretize_dense<Bilinear>(A, B, 0.5).B_bar(1) == Approx(0.125));
}

TEST_CASE("discretize_dense: shapes and steps that do not fit are errors") {
  const Tensor<double, 2> A(3, 2);
  const Tensor<double, 1> B(3);
  CHECK(error_text<ShapeError>([&] { discretize_dense<Zoh>(A, B, 0.1); }).find("discretize_dense: A is") == 0);
  const Tensor<double, 2> square(3, 3);
  CHECK(error_text<ValueError>([&] { discretize_dense<Zoh>(square, B, 0); }) ==
        "discretize_dense: dt is 0.000000, expected a positive number");
  CHECK(discretize_dense<Zoh>(Tensor<double, 2>(0, 0), Tensor<double, 1>(0), 1).B_bar.count() == 0);
}
