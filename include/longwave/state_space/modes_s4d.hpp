// modes_s4d.hpp - the loops of kernel_s4d.hpp, which has their formulas, as bodies that run on either device.
//
// One launch each way. H = 256, N = 32 in double on the device: a few hundred operations for each of 8192 modes, less
// than the launch.
#pragma once

#include "longwave/state_space/diagonal_modes.hpp"
#include "longwave/state_space/discretize.hpp"

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

  template <class T, device D>
  LONGWAVE_HD S4DMode(const S4DParameters<T, D>& p, index_t h, index_t n, double rate)
      : dt(rate * std::exp(static_cast<double>(p.log_dt(h)))),
        A(-std::exp(static_cast<double>(p.log_A_real(h, n))), static_cast<double>(p.A_imag(h, n))),
        C(static_cast<double>(p.C(h, n, 0)), static_cast<double>(p.C(h, n, 1))),
        x(dt * A),
        phi(impl::phi(x)) {}
};

template <class T, device D>
struct S4DForward {
  static constexpr const char* name = "s4d_modes_forward";
  TensorView<complex<double>, 2, D> x, c;
  S4DParameters<T, D> p;
  double rate;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / x.size(1), n = i % x.size(1);
    const S4DMode m(p, h, n, rate);
    x(h, n) = m.x;
    c(h, n) = m.dt * (m.C * m.phi);
  }
};

// Rows h, columns n; the sum is dlog_dt.
template <class T, device D>
struct S4DBackward {
  static constexpr const char* name = "s4d_modes_backward";
  S4DParameterGradients<T, D> d;
  TensorView<const complex<double>, 2, D> dx_, dc;
  S4DParameters<T, D> p;
  double rate;

  LONGWAVE_HD Sums<1> operator()(index_t h, index_t n) const {
    const S4DMode m(p, h, n, rate);
    const complex<double> dC = m.dt * (dc(h, n) * conj(m.phi)), df = dc(h, n) * conj(m.C);
    const complex<double> dx = dx_(h, n) + m.dt * (df * conj(phi_slope(m.x, m.phi)));
    const complex<double> dA = m.dt * dx;
    if (wanted(d.C)) {
      d.C(h, n, 0) += static_cast<T>(dC.re);
      d.C(h, n, 1) += static_cast<T>(dC.im);
    }
    if (wanted(d.log_A_real)) d.log_A_real(h, n) += static_cast<T>(dA.re * m.A.re);
    if (wanted(d.A_imag)) d.A_imag(h, n) += static_cast<T>(dA.im);
    return {{m.dt * (dx * conj(m.A) + df * conj(m.phi)).re}};
  }
  LONGWAVE_HD void finish(index_t h, const Sums<1>& dlog_dt) const {
    if (wanted(d.log_dt)) d.log_dt(h) += static_cast<T>(dlog_dt.at[0]);
  }
};

template <class T, device D>
void s4d_modes_forward(TensorView<complex<double>, 2, D> x, TensorView<complex<double>, 2, D> c,
                       const S4DParameters<T, D>& p, double rate) {
  for_each_index<D>(x.count(), S4DForward<T, D>{x, c, p, rate}, 200);
}

template <class T, device D>
void s4d_modes_backward(const S4DParameterGradients<T, D>& d, TensorView<const complex<double>, 2, D> dx,
                        TensorView<const complex<double>, 2, D> dc, const S4DParameters<T, D>& p, double rate) {
  for_each_row<D>(dc.size(0), dc.size(1), S4DBackward<T, D>{d, dx, dc, p, rate}, 400);
}

}  // namespace impl
}  // namespace longwave
