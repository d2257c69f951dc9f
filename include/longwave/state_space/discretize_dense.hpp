// discretize_dense.hpp - x' = A x + B u with a dense matrix, sampled with step dt: x_{l+1} = A_bar x_l + B_bar u_{l+1}.
//
//   Zoh        A_bar = e^{dt A},   B_bar = A^-1 (A_bar - I) B
//   Bilinear   A_bar = (I - dt A/2)^-1 (I + dt A/2),   B_bar = (I - dt A/2)^-1 dt B
//
// A (N, N), B (N), in double. Zero-order hold comes from exp(dt (A B; 0 0)) = (A_bar B_bar; 0 1), so A may be singular.
// Slow and plain: what the structured kernels are tested against. The diagonal forms are in discretize.hpp.
#pragma once

#include <Eigen/LU>
#include <cmath>
#include <string>
#include <type_traits>
#include <unsupported/Eigen/MatrixFunctions>

#include "longwave/core/tensor.hpp"
#include "longwave/state_space/discretize.hpp"

namespace longwave {

struct DenseStep {
  Tensor<double, 2> A_bar;  // (N, N)
  Tensor<double, 1> B_bar;  // (N)
};

// Rule: Zoh or Bilinear.
template <class Rule>
DenseStep discretize_dense(TensorView<const double, 2> A, TensorView<const double, 1> B, double dt) {
  static_assert(std::is_same_v<Rule, Zoh> || std::is_same_v<Rule, Bilinear>, "dense systems have these two rules");
  const index_t N = B.size(0);
  check_shape("discretize_dense", "A", A, Extents<2>{N, N}, "NN");
  if (!(dt > 0 && std::isfinite(dt)))
    throw_value_error("discretize_dense: dt is " + std::to_string(dt) + ", expected a positive number");
  Eigen::MatrixXd step = Eigen::MatrixXd::Zero(N + 1, N + 1);  // dt (A B; 0 0)
  for (index_t i = 0; i < N; ++i) {
    for (index_t j = 0; j < N; ++j) step(i, j) = dt * A(i, j);
    step(i, N) = dt * B(i);
  }
  Eigen::MatrixXd bars(N, N + 1);
  if constexpr (std::is_same_v<Rule, Zoh>) {
    bars = step.exp().eval().topRows(N);
  } else {
    const Eigen::MatrixXd I = Eigen::MatrixXd::Identity(N, N), half = 0.5 * step.topLeftCorner(N, N);
    bars = step.topRows(N);
    bars.leftCols(N) = I + half;
    bars = (I - half).partialPivLu().solve(bars).eval();
  }
  DenseStep bar{Tensor<double, 2>(N, N), Tensor<double, 1>(N)};
  for (index_t i = 0; i < N; ++i) {
    for (index_t j = 0; j < N; ++j) bar.A_bar(i, j) = bars(i, j);
    bar.B_bar(i) = bars(i, N);
  }
  return bar;
}

}  // namespace longwave
