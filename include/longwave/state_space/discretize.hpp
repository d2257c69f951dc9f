// discretize.hpp - one mode of x' = A x + B u sampled with step dt: x_{l+1} = e^X x_l + B_bar u_{l+1}. With w = dt A,
//
//   e^X = a_bar    the exponent X(w), so that the kernel is sum_n C B_bar e^{X l}
//   B_bar = B dt beta(w)
//
//   Zoh        X = w                              beta = (e^w - 1) / w       u constant within a step
//   Bilinear   X = log((1 + w/2) / (1 - w/2))     beta = 1 / (1 - w/2)       trapezoidal rule; w = 2 is its pole
//
// Both maps are holomorphic, so every policy has the same chain rule: with g = dL/dRe + i dL/dIm
//   dw = dX conj(X'(w)) + dB_bar conj(B dt beta'(w))
// A policy of one's own is a struct with name and at().
//
// DSS's softmax form is no such pair: its factor depends on L, on Lambda = A itself and on the guard epsilon, see Dss.
// Sources: Gu et al. 2022 (S4), equation 3, and (S4D), section 3; Gupta et al. 2022 (DSS), proposition 1.
#pragma once

#include <cmath>

#include "longwave/core/complex.hpp"
#include "longwave/core/extents.hpp"

namespace longwave {

namespace impl {

// phi(x) = (e^x - 1) / x, 1 at 0.
LONGWAVE_HD inline complex<double> phi(complex<double> x) {
  return norm2(x) < 1e-60 ? complex<double>(1) : expm1(x) / x;
}

// phi'(x) = (e^x - phi(x)) / x = sum_k k x^(k-1) / (k+1)!, by its first terms where the closed form would cancel.
LONGWAVE_HD inline complex<double> phi_slope(complex<double> x, complex<double> phi) {
  if (norm2(x) > 0.01) return (exp(x) - phi) / x;
  constexpr double factors[] = {1. / 403200, 1. / 45360, 1. / 5760, 1. / 840, 1. / 144,
                                1. / 30,     1. / 8,     1. / 3,    1. / 2};
  complex<double> sum;
  for (const double factor : factors) sum = sum * x + factor;
  return sum;
}

}  // namespace impl

struct Discretized {
  complex<double> x, beta;    // X(w), beta(w)
  complex<double> dx, dbeta;  // X'(w), beta'(w)
};

struct Zoh {
  static constexpr const char* name = "zoh";

  LONGWAVE_HD static Discretized at(complex<double> w) {
    const complex<double> beta = impl::phi(w);
    return {w, beta, complex<double>(1), impl::phi_slope(w, beta)};
  }
};

// With p = 1 + w/2, m = 1 - w/2: |p|^2 = |m|^2 + 2 Re w and p conj(m) = 1 - |w|^2/4 + i Im w, so
//   Re X = log1p(2 Re w / |m|^2) / 2,   Im X = atan2(Im w, 1 - |w|^2/4)
// keep all digits for small w. The branch is the principal one, Im X in [-pi, pi]: only e^{X l} with whole l is used.
// At w = -2, where a_bar = 0, |p| stops at 1e-150: X stays finite, and X' a_bar is the slope of a_bar there.
struct Bilinear {
  static constexpr const char* name = "bilinear";

  LONGWAVE_HD static Discretized at(complex<double> w) {
    using std::atan2, std::log, std::log1p;
    complex<double> p = complex<double>(1) + 0.5 * w;
    const complex<double> m = complex<double>(1) - 0.5 * w;
    if (norm2(p) < 1e-300) p = complex<double>(1e-150);
    const double q = 2 * w.re / norm2(m);
    const complex<double> x(0.5 * (q > -0.5 ? log1p(q) : log(norm2(p) / norm2(m))), atan2(w.im, 1 - 0.25 * norm2(w)));
    const complex<double> beta = complex<double>(1) / m;
    return {x, beta, beta / p, 0.5 * (beta * beta)};
  }
};

// rho(q), an inverse of q that stays bounded near 0, in DSS's two forms. Not holomorphic:
//   dq = conj(rho_q) drho + rho_conj(q) conj(drho)
struct Reciprocal {
  complex<double> value;   // rho
  complex<double> slope;   // d rho / d q
  double conjugate_slope;  // d rho / d conj(q)

  // conj(q) / (|q|^2 + epsilon)
  LONGWAVE_HD static Reciprocal added(complex<double> q, double epsilon) {
    const double scale = 1 / (norm2(q) + epsilon);
    const complex<double> value = scale * conj(q);
    return {value, -(value * value), epsilon * scale * scale};
  }
  // conj(q) / max(|q|^2, epsilon)
  LONGWAVE_HD static Reciprocal at_least(complex<double> q, double epsilon) {
    if (norm2(q) < epsilon) return {(1 / epsilon) * conj(q), complex<double>(), 1 / epsilon};
    const complex<double> value = complex<double>(1) / q;
    return {value, -(value * value), 0};
  }

  LONGWAVE_HD complex<double> gradient(complex<double> drho) const {
    return conj(slope) * drho + conjugate_slope * conj(drho);
  }
};

// DSS's softmax over l = 0..L-1 of one mode, W aside: with w = dt Lambda
//   softmax_l(w l) / Lambda = factor e^{x k},   factor = (e^x - 1) rho((e^{x L} - 1) Lambda)
//   Re Lambda <= 0: x = w, k = l;    Re Lambda > 0: x = -w, k = L-1-l ("from_end"), which cannot overflow.
// The shift of the growing modes is part of the derivative (the original code detaches it, which is not).
struct Dss {
  static constexpr const char* name = "dss";

  complex<double> x, factor;
  bool from_end;

  LONGWAVE_HD static Dss at(complex<double> w, complex<double> Lambda, index_t L, double epsilon = 1e-7) {
    Dss d;
    d.from_end = Lambda.re > 0;
    d.x = d.from_end ? -w : w;
    d.Lambda_ = Lambda;
    d.L_ = static_cast<double>(L);
    d.rise_ = expm1(d.x);
    d.fall_ = expm1(d.L_ * d.x);
    d.rho_ = Reciprocal::added(d.fall_ * Lambda, epsilon);
    d.factor = d.rise_ * d.rho_.value;
    return d;
  }

  struct Gradient {
    complex<double> dw, dLambda;  // dLambda: apart from what dw = dt dLambda brings
  };

  // From dL/dx, as the powers e^{x k} give it, and dL/dfactor.
  LONGWAVE_HD Gradient gradient(complex<double> dx, complex<double> dfactor) const {
    const complex<double> dq = rho_.gradient(dfactor * conj(rise_));
    dx += dfactor * conj(rho_.value * exp(x)) + L_ * (dq * conj(Lambda_ * exp(L_ * x)));
    return {from_end ? -dx : dx, dq * conj(fall_)};
  }

 private:
  complex<double> Lambda_, rise_, fall_;
  Reciprocal rho_;
  double L_;
};

}  // namespace longwave
