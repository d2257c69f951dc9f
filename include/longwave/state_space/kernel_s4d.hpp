// kernel_s4d.hpp - S4D's parameters, discretised by zero-order hold into modes (ops/diagonal.hpp) and back.
//
//   A = -exp(log_A_real) + i A_imag,   dt = exp(log_dt),   x = dt A,   c = C (e^x - 1) / A
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

#include "longwave/autograd/tape.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/state_space/discretize.hpp"
#include "longwave/state_space/recurrence.hpp"

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
  S4DMode(const S4DParameters<T>& p, index_t h, index_t n)
      : dt(std::exp(static_cast<double>(p.log_dt(h)))),
        A(-std::exp(static_cast<double>(p.log_A_real(h, n))), static_cast<double>(p.A_imag(h, n))),
        C(static_cast<double>(p.C(h, n, 0)), static_cast<double>(p.C(h, n, 1))),
        x(dt * A),
        phi(impl::phi(x)) {}
};

template <class T>
void s4d_modes_forward(TensorView<complex<double>, 2, Host> x, TensorView<complex<double>, 2, Host> c,
                       const S4DParameters<T, Host>& p) {
  parallel_blocks(
      x.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h)
          for (index_t n = 0; n < x.size(1); ++n) {
            const S4DMode m(p, h, n);
            x(h, n) = m.x;
            c(h, n) = m.dt * (m.C * m.phi);
          }
      },
      200 * x.count());
}

template <class T>
void s4d_modes_backward(const S4DParameterGradients<T, Host>& d, TensorView<const complex<double>, 2, Host> dx_,
                        TensorView<const complex<double>, 2, Host> dc, const S4DParameters<T, Host>& p) {
  parallel_blocks(
      dc.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h) {
          double dlog_dt = 0;
          for (index_t n = 0; n < dc.size(1); ++n) {
            const S4DMode m(p, h, n);
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
                      const S4DParameters<T, D>& p) {
    check(x, c, p);
    impl::s4d_modes_forward(x, c, p);
  }

  template <class T, device D>
  static void backward(const S4DParameterGradients<T, D>& d, TensorView<const complex<double>, 2, D> dx,
                       TensorView<const complex<double>, 2, D> dc, const S4DParameters<T, D>& p) {
    check(dx, dc, p);
    impl::s4d_modes_backward(d, dx, dc, p);
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

// --- on a tape
// --------------------------------------------------------------------------------------------------------

template <class T, device D = Host>
struct S4DVars {
  Var<T, 1, D> log_dt;
  Var<T, 2, D> log_A_real, A_imag;
  Var<T, 3, D> C;
  Var<T, 1, D> skip;  // D; may be left out

  S4DParameters<T, D> values() const { return {log_dt.value(), log_A_real.value(), A_imag.value(), C.value()}; }
  bool need_grad() const {
    return log_dt.needs_grad() || log_A_real.needs_grad() || A_imag.needs_grad() || C.needs_grad() || skip.needs_grad();
  }
};

template <class T, device D = Host>
struct SequenceOutput {
  Var<T, 3, D> y;
  Var<T, 4, D> state;  // no value unless it was asked for
};

// K (H, L), the kernel itself.
template <class T, device D>
Var<T, 2, D> s4d_kernel(const S4DVars<T, D>& p, index_t L) {
  Tape<T, D>& tape = p.C.tape();
  const Extents<2> modes{p.C.size(0), p.C.size(1)};
  const auto x = tape.template keep<complex<double>>(modes), c = tape.template keep<complex<double>>(modes);
  S4DModes::forward(x, c, p.values());
  const auto K = tape.make(Extents{modes[0], L}, p.need_grad());
  ops::Vandermonde::forward(K.output(), x, c);
  tape.record("s4d_kernel", K, [=] {
    Tape<T, D>& t = p.C.tape();
    const auto dx = t.template keep<complex<double>>(modes), dc = t.template keep<complex<double>>(modes);
    ops::Vandermonde::backward(dx, dc, K.grad(), x, c);
    S4DModes::backward(S4DParameterGradients<T, D>{t.grad_to_add(p.log_dt), t.grad_to_add(p.log_A_real),
                                                   t.grad_to_add(p.A_imag), t.grad_to_add(p.C)},
                       TensorView<const complex<double>, 2, D>(dx), TensorView<const complex<double>, 2, D>(dc),
                       p.values());
  });
  return K;
}

// y = S4D(u) + D u from state_in (left out: zero), and the state after the last step if want_state.
template <class T, device D>
SequenceOutput<T, D> s4d(Var<T, 3, D> u, const S4DVars<T, D>& p, Algorithm algorithm = Algorithm::auto_,
                         Var<T, 4, D> state_in = {}, bool want_state = false) {
  Tape<T, D>& tape = u.tape();
  const Extents<2> modes{p.C.size(0), p.C.size(1)};
  const auto x = tape.template keep<complex<double>>(modes), c = tape.template keep<complex<double>>(modes);
  S4DModes::forward(x, c, p.values());
  const DiagonalInputs<T, D> in{u.value(), x, c, p.skip ? p.skip.value() : TensorView<const T, 1, D>(),
                                state_in ? state_in.value() : TensorView<const T, 4, D>()};
  const bool needs = u.needs_grad() || p.need_grad() || state_in.needs_grad();
  const auto y = tape.make(u.sizes(), needs);
  const auto state = want_state ? tape.make(Extents<4>{in.B(), 2, modes[1], modes[0]}, needs) : Var<T, 4, D>();
  Diagonal::forward(DiagonalOutputs<T, D>{y.output(), want_state ? state.output() : TensorView<T, 4, D>()}, in,
                    algorithm);

  auto backward = [=] {
    Tape<T, D>& t = u.tape();
    const auto dx = t.template keep<complex<double>>(modes), dc = t.template keep<complex<double>>(modes);
    {
      const Grad du(u);
      const Grad dstate(state_in);
      const DiagonalGradients<T, D> d{du, dx, dc, t.grad_to_add(p.skip), dstate};
      const TensorView<T, 3, D> dy = t.grad_to_add(y);  // zero if only the state was used
      const DiagonalCotangents<T, D> from{dy,
                                          state && state.node()->has_grad ? state.grad() : TensorView<const T, 4, D>()};
      Diagonal::backward(d, from, in, algorithm);
    }
    S4DModes::backward(S4DParameterGradients<T, D>{t.grad_to_add(p.log_dt), t.grad_to_add(p.log_A_real),
                                                   t.grad_to_add(p.A_imag), t.grad_to_add(p.C)},
                       TensorView<const complex<double>, 2, D>(dx), TensorView<const complex<double>, 2, D>(dc),
                       p.values());
  };
  if (want_state)
    tape.record("s4d", y, state, backward);
  else
    tape.record("s4d", y, backward);
  return {y, state};
}

}  // namespace longwave
