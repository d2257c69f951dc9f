// kernel_s4d.hpp - S4D's parameters, discretised by zero-order hold into modes (ops/diagonal.hpp) and back.
//
//   A = -exp(log_A_real) + i A_imag,   dt = rate exp(log_dt),   x = dt A,   c = C (e^x - 1) / A
//
//   log_dt (H)   log_A_real, A_imag (H, N)   C (H, N, 2): Re, Im      N modes, one of each conjugate pair
//
// Everything is computed in double, so the phase of x is exact to double whatever the parameters' type, and as
//   c = C dt phi(x),   phi(x) = (e^x - 1) / x,   phi'(x) = (e^x - phi(x)) / x
// without a division by A, which training may bring close to 0. Gradients, with g = dL/dRe + i dL/dIm:
//   dC = dc conj(dt phi),  df = dc conj(C),  dx += df conj(dt phi'),  dA = dx dt,
//   dlog_dt = dt sum_n Re(dx conj(A) + df conj(phi)),  dlog_A_real = Re(dA) Re(A),  dA_imag = Im(dA)
// Source: Gu et al. 2022 (S4D), section 4; the minimal reference implementation's parametrisation and names.
#pragma once

#include "longwave/state_space/modes_s4d.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

struct S4DModes {
  template <class T, device D>
  static void forward(TensorView<complex<double>, 2, D> x, TensorView<complex<double>, 2, D> c,
                      const S4DParameters<T, D>& p, double rate = 1) {
    check(x, c, p);
    impl::s4d_modes_forward(x, c, p, rate);
  }

  template <class T, device D>
  static void backward(const S4DParameterGradients<T, D>& d, TensorView<const complex<double>, 2, D> dx,
                       TensorView<const complex<double>, 2, D> dc, const S4DParameters<T, D>& p, double rate = 1) {
    check(dx, dc, p);
    impl::s4d_modes_backward(d, dx, dc, p, rate);
  }

 private:
  template <class X, class T, device D>
  static void check(const X& x, const X& c, const S4DParameters<T, D>& p) {
    const index_t H = p.log_dt.size(0), N = p.log_A_real.size(1);
    check_shape("s4d_modes", "log_A_real", p.log_A_real, Extents{H, N}, "HN");
    check_shape("s4d_modes", "A_imag", p.A_imag, Extents{H, N}, "HN");
    check_shape("s4d_modes", "C", p.C, Extents<3>{H, N, 2});
    check_shape("s4d_modes", "x", x, Extents{H, N}, "HN");
    check_shape("s4d_modes", "c", c, Extents{H, N}, "HN");
  }
};

// --- on a tape, for ssm() and ssm_kernel()
// ----------------------------------------------------------------------------

template <class T, device D = Host>
struct S4DVars {
  Var<T, 1, D> log_dt;
  Var<T, 2, D> log_A_real, A_imag;
  Var<T, 3, D> C;

  static constexpr bool input_weights = false;

  ModeSizes sizes() const { return {1, C.size(0), C.size(1)}; }
  bool needs_grad() const {
    return log_dt.needs_grad() || log_A_real.needs_grad() || A_imag.needs_grad() || C.needs_grad();
  }
  void forward(const DiagonalModes<D>& m, const ModeCall& call) const {
    S4DModes::forward(m.x, m.c[0], values(), call.rate);
  }
  void backward(const DiagonalModes<D>& d, const ModeCall& call) const {
    Tape<T, D>& t = C.tape();
    S4DModes::backward(S4DParameterGradients<T, D>{t.grad_to_add(log_dt), t.grad_to_add(log_A_real),
                                                   t.grad_to_add(A_imag), t.grad_to_add(C)},
                       TensorView<const complex<double>, 2, D>(d.x), TensorView<const complex<double>, 2, D>(d.c[0]),
                       values(), call.rate);
  }

 private:
  S4DParameters<T, D> values() const { return {log_dt.value(), log_A_real.value(), A_imag.value(), C.value()}; }
};

}  // namespace longwave
