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

#include "longwave/state_space/ssm_parameters.hpp"

namespace longwave {

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

  void forward(const DiagonalModes<D>& m, const ModeCall& call) const { forward_weighted(m, {}, call); }
  void forward_weighted(const DiagonalModes<D>& m, TensorView<complex<double>, 3, D> v, const ModeCall& call) const {
    const ContinuousSystem<D> s = checked_system();
    DiagModes<Disc>::check(m, s);
    impl::system_modes_forward<Disc>(m, v, s, parameters.values(), parameters.transforms, call);
  }
  void backward(const DiagonalModes<D>& dm, const ModeCall& call) const {
    const ContinuousSystem<D> d = parameters.make_system();
    DiagModes<Disc>::backward(d, dm, parameters.system(call.rate), call.L);
    parameters.backward(d, call.rate);
  }
  // From dv, which dm.c holds.
  void backward_weighted(const DiagonalModes<D>& dm, const DiagonalModes<D>& m, const ModeCall& call,
                         bool b_given) const {
    const ContinuousSystem<D> d = parameters.make_system(), s = checked_system();
    DiagModes<Disc>::check(dm, s);
    impl::system_modes_backward<Disc>(d, dm, m, b_given, s, parameters.values(), parameters.transforms, call);
    parameters.backward(d, call.rate);
  }

 private:
  // Room for the system, whose parameters have the right shapes.
  ContinuousSystem<D> checked_system() const {
    detail::check_ssm_parameters(parameters.values(), parameters.transforms);
    return parameters.make_system();
  }
};

}  // namespace longwave
