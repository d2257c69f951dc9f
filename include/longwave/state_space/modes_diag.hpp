// modes_diag.hpp - the loops of kernel_diag.hpp and ssm_parameters.hpp, which have their formulas, as bodies that run
// on either device.
//
// On the device one launch per map, a thread per mode (h, n) and a warp per sum; all arithmetic in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "longwave/state_space/diagonal_modes.hpp"
#include "longwave/state_space/discretize.hpp"
#include "longwave/state_space/transform.hpp"

namespace longwave {

struct SsmTransforms {
  Transform dt = Transform::exp, real = Transform::exp, imag = Transform::none;
  bool dt_fast = false;
  double bandlimit = 0;  // 0 or less: off
  bool is_real = false;
};

template <class T, device D = Host>
struct SsmParameters {
  TensorView<const T, 2, D> inv_dt, A_real, A_imag;
  TensorView<const T, 4, D> B, C, P;  // P may be left out
};

// Added to; each may be left out.
template <class T, device D = Host>
struct SsmParameterGradients {
  TensorView<T, 2, D> inv_dt, A_real, A_imag;
  TensorView<T, 4, D> B, C, P;
};

// x' = A x + B u, y = C x of every feature. As gradients: dL/dRe + i dL/dIm, dt's for each mode by itself.
template <device D = Host>
struct ContinuousSystem {
  TensorView<double, 2, D> dt;             // (H, N), times rate; equal along n where it is tied
  TensorView<complex<double>, 2, D> A, B;  // (H, N)
  TensorView<complex<double>, 3, D> C, P;  // (C, H, N), (R, H, N); P has no data if the parameters have none
};

namespace impl {

// --- parameters and the continuous system

template <class T, device D>
LONGWAVE_HD complex<double> pair_at(const TensorView<T, 4, D>& z, index_t i, index_t j, index_t n) {
  return {static_cast<double>(z(i, j, n, 0)), z.size(3) == 2 ? static_cast<double>(z(i, j, n, 1)) : 0};
}
template <class T, device D>
LONGWAVE_HD void add_pair(const TensorView<T, 4, D>& z, index_t i, index_t j, index_t n, complex<double> value) {
  z(i, j, n, 0) += static_cast<T>(value.re);
  if (z.size(3) == 2) z(i, j, n, 1) += static_cast<T>(value.im);
}

// h(inv_dt), without rate, and its slope.
template <class T, device D>
LONGWAVE_HD Transformed step_of(const SsmParameters<T, D>& p, const SsmTransforms& t, index_t h, index_t n) {
  const double x = static_cast<double>(p.inv_dt(h, p.inv_dt.size(1) == 1 ? 0 : n));
  if (!t.dt_fast) return transformed(t.dt, x);
  const Transformed dt = transformed(t.dt, std::sinh(x));
  return {dt.value, dt.slope * std::cosh(x)};
}

template <class T, device D>
LONGWAVE_HD double imag_of(const SsmParameters<T, D>& p, const SsmTransforms& t, index_t s, index_t n) {
  return t.is_real ? 0 : -transformed(t.imag, static_cast<double>(p.A_imag(s, n))).value;
}

LONGWAVE_HD inline bool within_band(const SsmTransforms& t, double dt, double imag) {
  return t.bandlimit <= 0 || dt * std::abs(imag) / (2 * std::numbers::pi) < 0.5 * t.bandlimit;
}

template <class T, device D>
struct ContinuousForward {
  static constexpr const char* name = "continuous_forward";
  ContinuousSystem<D> system;
  SsmParameters<T, D> p;
  SsmTransforms t;
  double rate;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t N = p.C.size(2), h = i / N, n = i % N, s = h % p.A_real.size(0);
    const double dt = step_of(p, t, h, n).value, imag = imag_of(p, t, s, n);
    const bool kept = within_band(t, dt, imag);
    system.dt(h, n) = rate * dt;
    system.A(h, n) = {-transformed(t.real, static_cast<double>(p.A_real(s, n))).value, imag};
    system.B(h, n) = pair_at(p.B, 0, s, n);
    for (index_t c = 0; c < p.C.size(0); ++c) system.C(c, h, n) = kept ? pair_at(p.C, c, h, n) : complex<double>();
    for (index_t r = 0; r < p.P.size(0); ++r) system.P(r, h, n) = pair_at(p.P, r, s, n);
  }
};

// dt and C, which every feature has for itself. Rows h, columns n; the sum is that of a tied dt.
template <class T, device D>
struct ContinuousFeatures {
  static constexpr const char* name = "continuous_backward_features";
  SsmParameterGradients<T, D> to;
  ContinuousSystem<D> d;
  SsmParameters<T, D> p;
  SsmTransforms t;
  double rate;

  LONGWAVE_HD Sums<1> operator()(index_t h, index_t n) const {
    const bool tied = p.inv_dt.size(1) == 1;
    const Transformed dt = step_of(p, t, h, n);
    const double dinv_dt = rate * dt.slope * d.dt(h, n);
    if (!tied && wanted(to.inv_dt)) to.inv_dt(h, n) += static_cast<T>(dinv_dt);
    if (wanted(to.C) && within_band(t, dt.value, imag_of(p, t, h % p.A_real.size(0), n)))
      for (index_t c = 0; c < p.C.size(0); ++c) add_pair(to.C, c, h, n, d.C(c, h, n));
    return {{tied ? dinv_dt : 0}};
  }
  LONGWAVE_HD void finish(index_t h, const Sums<1>& tied) const {
    if (p.inv_dt.size(1) == 1 && wanted(to.inv_dt)) to.inv_dt(h, 0) += static_cast<T>(tied.at[0]);
  }
};

// A, B and P, which the features of a copy share. Rows (part, s, n), part 0: A and B, part 1 + r: P of rank r;
// columns: the features of copy s.
template <class T, device D>
struct ContinuousCopies {
  static constexpr const char* name = "continuous_backward_copies";
  SsmParameterGradients<T, D> to;
  ContinuousSystem<D> d;
  SsmParameters<T, D> p;
  SsmTransforms t;

  LONGWAVE_HD Sums<4> operator()(index_t row, index_t column) const {
    const index_t S = p.A_real.size(0), N = p.C.size(2), n = row % N, s = row / N % S, part = row / (N * S);
    const index_t h = s + column * S;
    if (part > 0) {
      const complex<double> dP = d.P(part - 1, h, n);
      return {{dP.re, dP.im, 0, 0}};
    }
    const complex<double> dA = d.A(h, n), dB = d.B(h, n);
    return {{dA.re, dA.im, dB.re, dB.im}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<4>& sum) const {
    const index_t S = p.A_real.size(0), N = p.C.size(2), n = row % N, s = row / N % S, part = row / (N * S);
    const complex<double> first(sum.at[0], sum.at[1]), second(sum.at[2], sum.at[3]);
    if (part > 0) {
      if (wanted(to.P)) add_pair(to.P, part - 1, s, n, first);
      return;
    }
    const auto minus_slope = [&](Transform f, const TensorView<const T, 2, D>& x) {
      return -transformed(f, static_cast<double>(x(s, n))).slope;
    };
    if (wanted(to.A_real)) to.A_real(s, n) += static_cast<T>(minus_slope(t.real, p.A_real) * first.re);
    if (wanted(to.A_imag)) to.A_imag(s, n) += static_cast<T>(minus_slope(t.imag, p.A_imag) * first.im);
    if (wanted(to.B)) add_pair(to.B, 0, s, n, second);
  }
};

// Both sums in one launch on the device, where a system is small and a row costs nothing.
template <class T, device D>
struct ContinuousGradients {
  static constexpr const char* name = "continuous_backward";
  ContinuousFeatures<T, D> features;  // rows 0 .. H - 1
  ContinuousCopies<T, D> copies;      // and those that follow
  index_t H, modes, copied;           // columns of either

  LONGWAVE_HD Sums<4> operator()(index_t row, index_t column) const {
    if (row >= H) return column < copied ? copies(row - H, column) : Sums<4>();
    return {{column < modes ? features(row, column).at[0] : 0, 0, 0, 0}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<4>& sum) const {
    if (row >= H)
      copies.finish(row - H, sum);
    else
      features.finish(row, {{sum.at[0]}});
  }
};

template <class T, device D>
void continuous_forward(const ContinuousSystem<D>& system, const SsmParameters<T, D>& p, const SsmTransforms& t,
                        double rate) {
  for_each_index<D>(p.C.size(1) * p.C.size(2), ContinuousForward<T, D>{system, p, t, rate}, 200);
}

template <class T, device D>
void continuous_backward(const SsmParameterGradients<T, D>& to, const ContinuousSystem<D>& d,
                         const SsmParameters<T, D>& p, const SsmTransforms& t, double rate) {
  const index_t H = p.C.size(1), N = p.C.size(2), S = p.A_real.size(0), R = wanted(to.P) ? p.P.size(0) : 0;
  const index_t rows = (1 + R) * S * N, copied = S > 0 ? H / S : 0;
  const ContinuousFeatures<T, D> features{to, d, p, t, rate};
  const ContinuousCopies<T, D> copies{to, d, p, t};
  if constexpr (std::is_same_v<D, Cuda>) {
    for_each_row<D>(H + rows, std::max(N, copied), ContinuousGradients<T, D>{features, copies, H, N, copied});
  } else {
    for_each_row<D>(H, N, features, 200);
    for_each_row<D>(rows, copied, copies, 20);
  }
}

// --- the continuous system and its modes

// Mode (h, n) of a discretisation with input weights.
template <class Disc>
struct DiagMode {
  template <device D>
  LONGWAVE_HD static void forward(const DiagonalModes<D>& m, const ContinuousSystem<D>& s, index_t h, index_t n,
                                  index_t) {
    const Discretized q = Disc::at(s.dt(h, n) * s.A(h, n));
    m.x(h, n) = q.x;
    m.b(h, n) = s.dt(h, n) * (s.B(h, n) * q.beta);
    for (index_t c = 0; c < m.c.size(0); ++c) m.c(c, h, n) = s.C(c, h, n);
  }

  template <device D>
  LONGWAVE_HD static void backward(const ContinuousSystem<D>& d, const DiagonalModes<D>& dm,
                                   const ContinuousSystem<D>& s, index_t h, index_t n, index_t) {
    const double dt = s.dt(h, n);
    const complex<double> A = s.A(h, n), B = s.B(h, n), db = dm.b(h, n);
    const Discretized q = Disc::at(dt * A);
    const complex<double> dw = dm.x(h, n) * conj(q.dx) + dt * (db * conj(B * q.dbeta));
    d.A(h, n) = dt * dw;
    d.B(h, n) = dt * (db * conj(q.beta));
    d.dt(h, n) = (dw * conj(A) + db * conj(B * q.beta)).re;
    for (index_t c = 0; c < dm.c.size(0); ++c) d.C(c, h, n) = dm.c(c, h, n);
  }
};

template <>
struct DiagMode<Dss> {
  template <device D>
  LONGWAVE_HD static void forward(const DiagonalModes<D>& m, const ContinuousSystem<D>& s, index_t h, index_t n,
                                  index_t L) {
    const complex<double> w = s.dt(h, n) * s.A(h, n);
    const complex<double> factor = 0.5 * Dss::at(w, s.A(h, n), L).factor;
    m.x(h, n) = w;
    for (index_t c = 0; c < m.c.size(0); ++c) m.c(c, h, n) = s.C(c, h, n) * s.B(h, n) * factor;
  }

  template <device D>
  LONGWAVE_HD static void backward(const ContinuousSystem<D>& d, const DiagonalModes<D>& dm,
                                   const ContinuousSystem<D>& s, index_t h, index_t n, index_t L) {
    const double dt = s.dt(h, n);
    const complex<double> A = s.A(h, n), B = s.B(h, n), dx = dm.x(h, n);
    const Dss q = Dss::at(dt * A, A, L);
    complex<double> dfactor, dB;
    for (index_t c = 0; c < dm.c.size(0); ++c) {
      const complex<double> C = s.C(c, h, n), g = 0.5 * dm.c(c, h, n);
      d.C(c, h, n) = g * conj(B * q.factor);
      dB += g * conj(C * q.factor);
      dfactor += g * conj(C * B);
    }
    const Dss::Gradient g = q.gradient(q.from_end ? -dx : dx, dfactor);
    d.A(h, n) = dt * g.dw + g.dLambda;
    d.B(h, n) = dB;
    d.dt(h, n) = (g.dw * conj(A)).re;
  }
};

template <class Disc, device D>
struct DiagForward {
  static constexpr const char* name = "diag_modes_forward";
  DiagonalModes<D> m;
  ContinuousSystem<D> s;
  index_t L;

  LONGWAVE_HD void operator()(index_t i) const { DiagMode<Disc>::forward(m, s, i / s.A.size(1), i % s.A.size(1), L); }
};

template <class Disc, device D>
struct DiagBackward {
  static constexpr const char* name = "diag_modes_backward";
  ContinuousSystem<D> d;
  DiagonalModes<D> dm;
  ContinuousSystem<D> s;
  index_t L;

  LONGWAVE_HD void operator()(index_t i) const {
    DiagMode<Disc>::backward(d, dm, s, i / s.A.size(1), i % s.A.size(1), L);
  }
};

template <class Disc, device D>
void diag_modes_forward(const DiagonalModes<D>& m, const ContinuousSystem<D>& s, index_t L) {
  for_each_index<D>(s.A.count(), DiagForward<Disc, D>{m, s, L}, 300);
}
template <class Disc, device D>
void diag_modes_backward(const ContinuousSystem<D>& d, const DiagonalModes<D>& dm, const ContinuousSystem<D>& s,
                         index_t L) {
  for_each_index<D>(s.A.count(), DiagBackward<Disc, D>{d, dm, s, L}, 500);
}

// The system, its modes and v = c b, mode by mode; backward from dv, which dm.c holds. Without v, or where b is folded
// into c, the modes alone.
template <class Disc, class T, device D>
void system_modes_forward(const DiagonalModes<D>& m, TensorView<complex<double>, 3, D> v, const ContinuousSystem<D>& s,
                          const SsmParameters<T, D>& p, const SsmTransforms& t, const ModeCall& call) {
  const InTurn made{ContinuousForward<T, D>{s, p, t, call.rate}, DiagForward<Disc, D>{m, s, call.L}};
  if constexpr (!std::is_same_v<Disc, Dss>)
    if (wanted(v)) return for_each_index<D>(s.A.count(), InTurn{made, WeightModes<D>{v, m}}, 500);
  for_each_index<D>(s.A.count(), made, 500);
}
template <class Disc, class T, device D>
void system_modes_backward(const ContinuousSystem<D>& d, const DiagonalModes<D>& dm, const DiagonalModes<D>& m,
                           bool b_given, const ContinuousSystem<D>& s, const SsmParameters<T, D>& p,
                           const SsmTransforms& t, const ModeCall& call) {
  const InTurn back{ContinuousForward<T, D>{s, p, t, call.rate}, DiagBackward<Disc, D>{d, dm, s, call.L}};
  if constexpr (std::is_same_v<Disc, Dss>)
    for_each_index<D>(s.A.count(), back, 700);
  else
    for_each_index<D>(s.A.count(), InTurn{WeightModesBackward<D>{dm, dm.c, m, b_given}, back}, 700);
}

}  // namespace impl
}  // namespace longwave
