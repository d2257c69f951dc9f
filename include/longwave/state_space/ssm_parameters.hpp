// ssm_parameters.hpp - the trained parameters that the diagonal and the DPLR kernel share, and the continuous system
// they stand for, feature by feature and in double.
//
//   dt = rate h(inv_dt)                       h(sinh(inv_dt)) with dt_fast
//   A  = -f(A_real) - i g(A_imag)             -f(A_real) if is_real
//   B, P as they are;  C = 0 where dt / rate |Im A| / (2 pi) >= bandlimit / 2, else as it is
//
//   f, g, h: a Transform each (transform.hpp)
//   inv_dt (H, 1) or (H, N)   A_real, A_imag (S, N)   B (1, S, N, 2)   C (C, H, N, 2)   P (R, S, N, 2): Re, Im
//   S copies of A, B and P: feature h uses copy h mod S. is_real: no A_imag, and the last axis is 1.
//
// Gradients of the system come as dL/dRe + i dL/dIm and are added to the parameters' after
//   dinv_dt = rate h' sum_n ddt     dA_real = -f' sum_h Re dA     dA_imag = -g' sum_h Im dA     dB = sum_h dB, as P
// with the sum over n where dt is tied (H, 1) and those over h of the features of a copy; the mask has no gradient.
// Sums run in a fixed order in double.
// Source: Gu et al. 2022 (S4D), section 3, and version 4 of the official code, whose names these are.
#pragma once

#include <cmath>
#include <numbers>
#include <string>

#include "longwave/state_space/ssm.hpp"
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

template <class T>
complex<double> pair_at(const TensorView<T, 4>& z, index_t i, index_t j, index_t n) {
  return {static_cast<double>(z(i, j, n, 0)), z.size(3) == 2 ? static_cast<double>(z(i, j, n, 1)) : 0};
}
template <class T>
void add_pair(const TensorView<T, 4>& z, index_t i, index_t j, index_t n, complex<double> value) {
  z(i, j, n, 0) += static_cast<T>(value.re);
  if (z.size(3) == 2) z(i, j, n, 1) += static_cast<T>(value.im);
}

// h(inv_dt), without rate, and its slope.
template <class T>
Transformed step_of(const SsmParameters<T>& p, const SsmTransforms& t, index_t h, index_t n) {
  const double x = static_cast<double>(p.inv_dt(h, p.inv_dt.size(1) == 1 ? 0 : n));
  if (!t.dt_fast) return transformed(t.dt, x);
  const Transformed dt = transformed(t.dt, std::sinh(x));
  return {dt.value, dt.slope * std::cosh(x)};
}

template <class T>
double imag_of(const SsmParameters<T>& p, const SsmTransforms& t, index_t s, index_t n) {
  return t.is_real ? 0 : -transformed(t.imag, static_cast<double>(p.A_imag(s, n))).value;
}

inline bool within_band(const SsmTransforms& t, double dt, double imag) {
  return t.bandlimit <= 0 || dt * std::abs(imag) / (2 * std::numbers::pi) < 0.5 * t.bandlimit;
}

template <class T>
void continuous_forward(const ContinuousSystem<Host>& system, const SsmParameters<T, Host>& p, const SsmTransforms& t,
                        double rate) {
  const index_t H = p.C.size(1), N = p.C.size(2), S = p.A_real.size(0);
  parallel_blocks(
      H, 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h)
          for (index_t n = 0; n < N; ++n) {
            const index_t s = h % S;
            const double dt = step_of(p, t, h, n).value, imag = imag_of(p, t, s, n);
            const bool kept = within_band(t, dt, imag);
            system.dt(h, n) = rate * dt;
            system.A(h, n) = {-transformed(t.real, static_cast<double>(p.A_real(s, n))).value, imag};
            system.B(h, n) = pair_at(p.B, 0, s, n);
            for (index_t c = 0; c < p.C.size(0); ++c)
              system.C(c, h, n) = kept ? pair_at(p.C, c, h, n) : complex<double>();
            for (index_t r = 0; r < p.P.size(0); ++r) system.P(r, h, n) = pair_at(p.P, r, s, n);
          }
      },
      200 * H * N);
}

// dt and C, which every feature has for itself.
template <class T>
void continuous_backward_features(const SsmParameterGradients<T, Host>& to, const ContinuousSystem<Host>& d,
                                  const SsmParameters<T, Host>& p, const SsmTransforms& t, double rate) {
  const index_t H = p.C.size(1), N = p.C.size(2), S = p.A_real.size(0), M = p.inv_dt.size(1);
  parallel_blocks(
      H, 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h) {
          double tied = 0;
          for (index_t n = 0; n < N; ++n) {
            const Transformed dt = step_of(p, t, h, n);
            const double dinv_dt = rate * dt.slope * d.dt(h, n);
            if (M == 1)
              tied += dinv_dt;
            else if (wanted(to.inv_dt))
              to.inv_dt(h, n) += static_cast<T>(dinv_dt);
            if (wanted(to.C) && within_band(t, dt.value, imag_of(p, t, h % S, n)))
              for (index_t c = 0; c < p.C.size(0); ++c) add_pair(to.C, c, h, n, d.C(c, h, n));
          }
          if (M == 1 && wanted(to.inv_dt)) to.inv_dt(h, 0) += static_cast<T>(tied);
        }
      },
      200 * H * N);
}

// A, B and P, which the features of a copy share.
template <class T>
void continuous_backward_copies(const SsmParameterGradients<T, Host>& to, const ContinuousSystem<Host>& d,
                                const SsmParameters<T, Host>& p, const SsmTransforms& t) {
  const index_t H = p.C.size(1), N = p.C.size(2), S = p.A_real.size(0);
  const auto sum = [&](const auto& z, index_t s, index_t n) {
    complex<double> total;
    for (index_t h = s; h < H; h += S) total += z(h, n);
    return total;
  };
  parallel_blocks(
      S * N, 64,
      [&](index_t begin, index_t end) {
        for (index_t i = begin; i < end; ++i) {
          const index_t s = i / N, n = i % N;
          const complex<double> dA = sum(d.A, s, n);
          const auto minus_slope = [&](Transform f, const TensorView<const T, 2>& x) {
            return -transformed(f, static_cast<double>(x(s, n))).slope;
          };
          if (wanted(to.A_real)) to.A_real(s, n) += static_cast<T>(minus_slope(t.real, p.A_real) * dA.re);
          if (wanted(to.A_imag)) to.A_imag(s, n) += static_cast<T>(minus_slope(t.imag, p.A_imag) * dA.im);
          if (wanted(to.B)) add_pair(to.B, 0, s, n, sum(d.B, s, n));
          if (wanted(to.P))
            for (index_t r = 0; r < p.P.size(0); ++r) add_pair(to.P, r, s, n, sum(d.P[r], s, n));
        }
      },
      20 * H * N);
}

template <class T>
void continuous_backward(const SsmParameterGradients<T, Host>& to, const ContinuousSystem<Host>& d,
                         const SsmParameters<T, Host>& p, const SsmTransforms& t, double rate) {
  continuous_backward_features(to, d, p, t, rate);
  continuous_backward_copies(to, d, p, t);
}

}  // namespace impl

namespace detail {

template <class T, device D>
void check_ssm_parameters(const SsmParameters<T, D>& p, const SsmTransforms& t) {
  constexpr const char* op = "ssm_parameters";
  const index_t parts = t.is_real ? 1 : 2, H = p.C.size(1), N = p.C.size(2), S = p.A_real.size(0);
  const index_t R = p.P.size(0);
  check_shape(op, "C", p.C, Extents<4>{p.C.size(0), H, N, parts});
  if (S < 1 || H % S != 0)
    throw_shape_error("ssm_parameters: " + std::to_string(S) + " copies of A do not divide H: A_real is " +
                      to_string(p.A_real.sizes(), "SN") + ", C is " + to_string(p.C.sizes()));
  if (!(p.inv_dt.sizes() == Extents<2>{H, 1})) check_shape(op, "inv_dt", p.inv_dt, Extents<2>{H, N}, "HN");
  check_shape(op, "A_real", p.A_real, Extents<2>{S, N}, "SN");
  check_shape(op, "A_imag", p.A_imag, t.is_real ? Extents<2>{0, 0} : Extents<2>{S, N}, "SN");
  check_shape(op, "B", p.B, Extents<4>{1, S, N, parts});
  if (p.P.data() != nullptr) check_shape(op, "P", p.P, Extents<4>{R, S, N, parts});
}

template <class T, device D>
void check_continuous(const char* op, const ContinuousSystem<D>& system, const SsmParameters<T, D>& p) {
  const Extents<2> modes{p.C.size(1), p.C.size(2)};
  check_shape(op, "dt", system.dt, modes, "HN");
  check_shape(op, "A", system.A, modes, "HN");
  check_shape(op, "B", system.B, modes, "HN");
  check_shape(op, "C", system.C, Extents<3>{p.C.size(0), modes[0], modes[1]}, "CHN");
  if (p.P.data() != nullptr) check_shape(op, "P", system.P, Extents<3>{p.P.size(0), modes[0], modes[1]}, "RHN");
}

}  // namespace detail

template <class T, device D>
void continuous_forward(const ContinuousSystem<D>& system, const SsmParameters<T, D>& p, const SsmTransforms& t,
                        double rate = 1) {
  detail::check_ssm_parameters(p, t);
  detail::check_continuous("continuous_forward", system, p);
  impl::continuous_forward(system, p, t, rate);
}

// Adds to `to` what the system's gradients d bring.
template <class T, device D>
void continuous_backward(const SsmParameterGradients<T, D>& to, const ContinuousSystem<D>& d,
                         const SsmParameters<T, D>& p, const SsmTransforms& t, double rate = 1) {
  constexpr const char* op = "continuous_backward";
  detail::check_ssm_parameters(p, t);
  detail::check_continuous(op, d, p);
  check_gradient(op, "dinv_dt", to.inv_dt, p.inv_dt.sizes());
  check_gradient(op, "dA_real", to.A_real, p.A_real.sizes());
  check_gradient(op, "dA_imag", to.A_imag, p.A_imag.sizes());
  check_gradient(op, "dB", to.B, p.B.sizes());
  check_gradient(op, "dC", to.C, p.C.sizes());
  check_gradient(op, "dP", to.P, p.P.sizes());
  impl::continuous_backward(to, d, p, t, rate);
}

// --- on a tape

template <class T, device D = Host>
struct SsmVars {
  Var<T, 2, D> inv_dt, A_real, A_imag;  // A_imag: no value if is_real
  Var<T, 4, D> B, C, P;                 // P: may have no value
  SsmTransforms transforms;

  ModeSizes sizes() const { return {C.size(0), C.size(1), C.size(2)}; }
  index_t copies() const { return A_real.size(0); }   // S
  index_t rank() const { return P ? P.size(0) : 0; }  // R
  Tape<T, D>& tape() const { return C.tape(); }
  bool needs_grad() const {
    return inv_dt.needs_grad() || A_real.needs_grad() || A_imag.needs_grad() || B.needs_grad() || C.needs_grad() ||
           P.needs_grad();
  }
  SsmParameters<T, D> values() const {
    return {inv_dt.value(), value_or_none(A_real), value_or_none(A_imag), value_or_none(B),
            C.value(),      value_or_none(P)};
  }

  // Room for a system or its gradients, in the tape's memory.
  ContinuousSystem<D> make_system() const {
    const ModeSizes s = sizes();
    const Extents<2> modes{s.H, s.N};
    ContinuousSystem<D> system;
    system.dt = tape().template keep<double>(modes);
    system.A = tape().template keep<complex<double>>(modes);
    system.B = tape().template keep<complex<double>>(modes);
    system.C = tape().template keep<complex<double>>(Extents<3>{s.C, s.H, s.N});
    if (P) system.P = tape().template keep<complex<double>>(Extents<3>{rank(), s.H, s.N});
    return system;
  }
  ContinuousSystem<D> system(double rate) const {
    const ContinuousSystem<D> system = make_system();
    continuous_forward(system, values(), transforms, rate);
    return system;
  }
  // Adds what the system's gradients d bring to the parameters' gradients.
  void backward(const ContinuousSystem<D>& d, double rate) const {
    Tape<T, D>& t = tape();
    const SsmParameterGradients<T, D> to{t.grad_to_add(inv_dt), t.grad_to_add(A_real), t.grad_to_add(A_imag),
                                         t.grad_to_add(B),      t.grad_to_add(C),      t.grad_to_add(P)};
    continuous_backward(to, d, values(), transforms, rate);
  }
};

}  // namespace longwave
