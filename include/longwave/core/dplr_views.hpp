// dplr_views.hpp - what the kernels of S4 on every device take: a diagonal-plus-low-rank system and its discrete step
// (state_space/dplr.hpp, dplr_scan.hpp), as views.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

inline constexpr index_t max_rank = 8;  // R

// The continuous system, expanded to features. As gradients: dL/dRe + i dL/dIm, added to.
template <class Real, class Complex, device D = Host>
struct DplrViews {
  TensorView<Real, 1, D> dt;    // (H)
  TensorView<Complex, 2, D> A;  // (H, N), Lambda
  TensorView<Complex, 3, D> B;  // (M, H, N)
  TensorView<Complex, 3, D> P;  // (R, H, N)
  TensorView<Complex, 3, D> C;  // (C, H, N), C~
};
template <device D>
using DplrSystemOn = DplrViews<const double, const complex<double>, D>;
template <device D>
using DplrGradientsOn = DplrViews<double, complex<double>, D>;
using DplrSystem = DplrSystemOn<Host>;
using DplrGradients = DplrGradientsOn<Host>;

// s_t = F s_{t-1} - sum_r G_r 2 Re(w_r . s_{t-1}) + b u_t. Gradients of it as dL/dRe + i dL/dIm.
template <device D>
struct DplrStepOn {
  TensorView<complex<double>, 2, D> F, b;  // (H, N)
  TensorView<complex<double>, 3, D> G, w;  // (R, H, N)
};
using DplrStep = DplrStepOn<Host>;

}  // namespace longwave
