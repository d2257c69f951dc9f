// kernel_diag.hpp - S4D in full: the diagonal kernel of the system of ssm_parameters.hpp under any discretisation.
//
//   zoh, bilinear   x = X(w), b = B dt beta(w), c = C     K_l = 2 Re sum_n c b e^{x l}
//   dss             x = w, c = B C factor / 2             K_l = Re sum_n B C softmax_l(w l) / A, not doubled
//
//   w = dt A; X, beta and the softmax's factor: discretize.hpp      dt, A, B (H, N)   C (C, H, N)   K (C, H, L)
//
// dss depends on L; modes with Re A > 0 are allowed and anchored at the last sample (ssm.hpp), b is folded into c, so
// states are in units of the input. Real modes are doubled like complex ones, and so is the sum over them.
// Everything is in double, so the phases of x are exact to double whatever the parameters' type. Gradients, with
// g = dL/dRe + i dL/dIm:
//   dw = dx conj(X') + db conj(B dt beta'),  dA = dt dw,  dB = db conj(dt beta),  dC = dc,
//   ddt = Re(dw conj(A) + db conj(B beta))
//   dss: dfactor = sum_c dc conj(B C) / 2, from which Dss gives dw and what A adds apart from it
// Sources: Gu et al. 2022 (S4D), sections 3 and 4; Gupta et al. 2022 (DSS), proposition 1; version 4 of the official
// code, whose state is this one.
#pragma once

#include <type_traits>

#include "longwave/state_space/discretize.hpp"
#include "longwave/state_space/ssm_parameters.hpp"

namespace longwave {

namespace impl {

// Mode (h, n) of a discretisation with input weights.
template <class Disc>
struct DiagMode {
  static void forward(const DiagonalModes<Host>& m, const ContinuousSystem<Host>& s, index_t h, index_t n, index_t) {
    const Discretized q = Disc::at(s.dt(h, n) * s.A(h, n));
    m.x(h, n) = q.x;
    m.b(h, n) = s.dt(h, n) * (s.B(h, n) * q.beta);
    for (index_t c = 0; c < m.c.size(0); ++c) m.c(c, h, n) = s.C(c, h, n);
  }

  static void backward(const ContinuousSystem<Host>& d, const DiagonalModes<Host>& dm, const ContinuousSystem<Host>& s,
                       index_t h, index_t n, index_t) {
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
  static void forward(const DiagonalModes<Host>& m, const ContinuousSystem<Host>& s, index_t h, index_t n, index_t L) {
    const complex<double> w = s.dt(h, n) * s.A(h, n);
    const complex<double> factor = 0.5 * Dss::at(w, s.A(h, n), L).factor;
    m.x(h, n) = w;
    for (index_t c = 0; c < m.c.size(0); ++c) m.c(c, h, n) = s.C(c, h, n) * s.B(h, n) * factor;
  }

  static void backward(const ContinuousSystem<Host>& d, const DiagonalModes<Host>& dm, const ContinuousSystem<Host>& s,
                       index_t h, index_t n, index_t L) {
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

template <class Disc>
void diag_modes_forward(const DiagonalModes<Host>& m, const ContinuousSystem<Host>& s, index_t L) {
  parallel_blocks(
      s.A.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h)
          for (index_t n = 0; n < s.A.size(1); ++n) DiagMode<Disc>::forward(m, s, h, n, L);
      },
      300 * s.A.count());
}

template <class Disc>
void diag_modes_backward(const ContinuousSystem<Host>& d, const DiagonalModes<Host>& dm,
                         const ContinuousSystem<Host>& s, index_t L) {
  parallel_blocks(
      s.A.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h)
          for (index_t n = 0; n < s.A.size(1); ++n) DiagMode<Disc>::backward(d, dm, s, h, n, L);
      },
      500 * s.A.count());
}

}  // namespace impl

// Modes of a continuous system, for kernels of L samples (dss alone depends on L). Gradients are assigned.
template <class Disc>
struct DiagModes {
  static constexpr bool input_weights = !std::is_same_v<Disc, Dss>;

  template <device D>
  static void forward(const DiagonalModes<D>& m, const ContinuousSystem<D>& s, index_t L) {
    check(m, s);
    impl::diag_modes_forward<Disc>(m, s, L);
  }

  template <device D>
  static void backward(const ContinuousSystem<D>& d, const DiagonalModes<D>& dm, const ContinuousSystem<D>& s,
                       index_t L) {
    check(dm, s);
    check(dm, d);
    impl::diag_modes_backward<Disc>(d, dm, s, L);
  }

 private:
  template <device D>
  static void check(const DiagonalModes<D>& m, const ContinuousSystem<D>& s) {
    const Extents<2> modes = s.A.sizes();
    check_shape("diag_modes", "dt", s.dt, modes, "HN");
    check_shape("diag_modes", "B", s.B, modes, "HN");
    check_shape("diag_modes", "x", m.x, modes, "HN");
    if (input_weights) check_shape("diag_modes", "b", m.b, modes, "HN");
    check_shape("diag_modes", "C", s.C, Extents<3>{s.C.size(0), modes[0], modes[1]}, "CHN");
    check_shape("diag_modes", "c", m.c, s.C.sizes(), "CHN");
  }
};

// --- on a tape, for ssm() and ssm_kernel()

template <class T, device D = Host, class Disc = Zoh>
struct DiagVars {
  SsmVars<T, D> parameters;

  static constexpr bool input_weights = DiagModes<Disc>::input_weights;

  ModeSizes sizes() const { return parameters.sizes(); }
  bool needs_grad() const { return parameters.needs_grad(); }
  bool anchored() const { return std::is_same_v<Disc, Dss>; }
  bool needs_length() const { return std::is_same_v<Disc, Dss>; }

  void forward(const DiagonalModes<D>& m, const ModeCall& call) const {
    DiagModes<Disc>::forward(m, parameters.system(call.rate), call.L);
  }
  void backward(const DiagonalModes<D>& dm, const ModeCall& call) const {
    const ContinuousSystem<D> d = parameters.make_system();
    DiagModes<Disc>::backward(d, dm, parameters.system(call.rate), call.L);
    parameters.backward(d, call.rate);
  }
};

}  // namespace longwave
