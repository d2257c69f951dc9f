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

#include "longwave/core/complex.hpp"
#include "longwave/state_space/discretize.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

template <class T, device D = Host>
struct S4DParameters {
  TensorView<const T, 1, D> log_dt;
  TensorView<const T, 2, D> log_A_real, A_imag;
  TensorView<const T, 3, D> C;
};

// Added to; each may be left out.
template <class T, device D = Host>
struct S4DParameterGradients {
  TensorView<T, 1, D> log_dt;
  TensorView<T, 2, D> log_A_real, A_imag;
  TensorView<T, 3, D> C;
};

namespace impl {

struct S4DMode {  // one mode, in double
  double dt;
  complex<double> A, C, x, phi;

  template <class T>
  S4DMode(const S4DParameters<T>& p, index_t h, index_t n, double rate)
      : dt(rate * std::exp(static_cast<double>(p.log_dt(h)))),
        A(-std::exp(static_cast<double>(p.log_A_real(h, n))), static_cast<double>(p.A_imag(h, n))),
        C(static_cast<double>(p.C(h, n, 0)), static_cast<double>(p.C(h, n, 1))),
        x(dt * A),
        phi(impl::phi(x)) {}
};

template <class T>
void s4d_modes_forward(TensorView<complex<double>, 2, Host> x, TensorView<complex<double>, 2, Host> c,
                       const S4DParameters<T, Host>& p, double rate) {
  parallel_blocks(
      x.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h)
          for (index_t n = 0; n < x.size(1); ++n) {
            const S4DMode m(p, h, n, rate);
            x(h, n) = m.x;
            c(h, n) = m.dt * (m.C * m.phi);
          }
      },
      200 * x.count());
}

template <class T>
void s4d_modes_backward(const S4DParameterGradients<T, Host>& d, TensorView<const complex<double>, 2, Host> dx_,
                        TensorView<const complex<double>, 2, Host> dc, const S4DParameters<T, Host>& p, double rate) {
  parallel_blocks(
      dc.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h) {
          double dlog_dt = 0;
          for (index_t n = 0; n < dc.size(1); ++n) {
            const S4DMode m(p, h, n, rate);
            const complex<double> dC = m.dt * (dc(h, n) * conj(m.phi)), df = dc(h, n) * conj(m.C);
            const complex<double> dx = dx_(h, n) + m.dt * (df * conj(phi_slope(m.x, m.phi)));
            const complex<double> dA = m.dt * dx;
            dlog_dt += m.dt * (dx * conj(m.A) + df * conj(m.phi)).re;
            if (wanted(d.C)) {
              d.C(h, n, 0) += static_cast<T>(dC.re);
              d.C(h, n, 1) += static_cast<T>(dC.im);
            }
            if (wanted(d.log_A_real)) d.log_A_real(h, n) += static_cast<T>(dA.re * m.A.re);
            if (wanted(d.A_imag)) d.A_imag(h, n) += static_cast<T>(dA.im);
          }
          if (wanted(d.log_dt)) d.log_dt(h) += static_cast<T>(dlog_dt);
        }
      },
      400 * dc.count());
}

}  // namespace impl

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
