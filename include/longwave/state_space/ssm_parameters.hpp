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

#include <string>

#include "longwave/state_space/modes_diag.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

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
