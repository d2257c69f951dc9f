// kernel_dss.hpp - DSS's parameters as modes of a diagonal system (ssm.hpp): N full modes, K = Re of their sum.
//
//   K_l = Re sum_n W_n f_n e^{w_n l},   w = dt_re Re(Lambda) + i dt_im Im(Lambda),   dt = rate exp(log_dt)
//
//   version           Lambda              f
//   softmax           stored              (e^w - 1) rho((e^{w L} - 1) Lambda), rho(q) = conj(q) / (|q|^2 + epsilon)
//   exp               -e^a + i b          (e^w - 1) rho'(Lambda),  rho'(q) = conj(q) / max(|q|^2, epsilon)
//   exp-re-im         -e^a + i e^b        the same
//   exp-no-scale      -e^a + i b          1
//   clip              Re <= max_real      as exp
//   clip-no-scale     Re <= max_real      1
//
//   log_dt (H, 2): steps of Re and Im, or (H, 1): one for both     Lambda (N, 2), or its two stored parts (N) each
//   W (C, H, N, 2): Re, Im        modes x = w (H, N), c = W f / 2 (C, H, N), for ssm() sums 2 Re
//
// softmax is the softmax over l of each mode, divided by Lambda, so the filter depends on L. Modes with Re Lambda > 0
// are scaled to their last sample, e^{w (l - (L-1))}, which cannot overflow; that shift is part of the gradient (the
// original code detaches it, and then its gradient is not the derivative of its output).
//
// All in double. Gradients, g = dL/dRe + i dL/dIm, from dx and dc of the modes:
//   dW = dc conj(f) / 2,   df = sum_c dc conj(W) / 2,   dw and dLambda from dx and df (impl::DssMode),
//   dlog_dt_re = dt_re sum_n Re(Lambda) Re(dw), and so for Im;   dRe(Lambda) = sum_h Re(dLambda) + dt_re Re(dw)
// then through the stored form: d a = -e^a dRe, and 0 where Re is clipped. The guards are not holomorphic, see
// Reciprocal. Features share Lambda: their parts are kept apart and added in the order of h.
// Source: Gupta et al. 2022 (DSS), proposition 1 and section 3; Gu et al. 2022 (S4D), table 1, for clip.
#pragma once

#include "longwave/state_space/modes_dss.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

struct DssModes {
  template <class T, device D>
  static void forward(TensorView<complex<double>, 2, D> x, TensorView<complex<double>, 3, D> c,
                      const DssParameters<T, D>& p, const DssForm& form, const ModeCall& call) {
    check(x, c, p, form, call);
    impl::dss_modes_forward(x, c, p, form, call);
  }

  template <class T, device D>
  static void backward(const DssParameterGradients<T, D>& d, TensorView<const complex<double>, 2, D> dx,
                       TensorView<const complex<double>, 3, D> dc, const DssParameters<T, D>& p, const DssForm& form,
                       const ModeCall& call) {
    check(dx, dc, p, form, call);
    impl::dss_modes_backward(d, dx, dc, p, form, call);
  }

 private:
  template <class X, class M, class T, device D>
  static void check(const X& x, const M& c, const DssParameters<T, D>& p, const DssForm& form, const ModeCall& call) {
    const index_t C = p.W.size(0), H = p.W.size(1), N = p.W.size(2);
    check_shape("dss_modes", "W", p.W, Extents<4>{C, H, N, 2});
    check_shape("dss_modes", "log_dt", p.log_dt, Extents<2>{H, p.log_dt.size(1) == 1 ? 1 : 2});
    check_shape("dss_modes", "Lambda_re", p.Lambda_re, Extents<1>{N}, "N");
    check_shape("dss_modes", "Lambda_im", p.Lambda_im, Extents<1>{N}, "N");
    check_shape("dss_modes", "x", x, Extents<2>{H, N}, "HN");
    check_shape("dss_modes", "c", c, Extents<3>{C, H, N}, "CHN");
    if (!(form.epsilon > 0))
      throw_value_error("dss_modes: epsilon is " + std::to_string(form.epsilon) + ", expected more than 0");
    if (form.softmax() && form.softmax_samples(call) != call.L && impl::dss_any_growing(p))
      throw_value_error("dss_modes: a mode with Re Lambda > 0 is scaled to the last sample of the softmax, " +
                        std::to_string(form.softmax_samples(call)) + ", the kernel has " + std::to_string(call.L));
  }
};

// --- on a tape, for ssm() and ssm_kernel()
// ----------------------------------------------------------------------------

// Either Lambda or both of Lambda_re and Lambda_im, whichever the version stores.
template <class T, device D = Host>
struct DssVars {
  Var<T, 2, D> log_dt;                // (H, 2) or (H, 1)
  Var<T, 2, D> Lambda;                // (N, 2)
  Var<T, 1, D> Lambda_re, Lambda_im;  // (N): log(-Re), and Im or its logarithm
  Var<T, 4, D> W;                     // (C, H, N, 2)
  DssForm form;

  static constexpr bool input_weights = false;

  ModeSizes sizes() const { return {W.size(0), W.size(1), W.size(2)}; }
  bool anchored() const { return form.softmax(); }
  bool needs_length() const { return form.softmax() && form.softmax_length == 0; }
  bool needs_grad() const {
    return log_dt.needs_grad() || Lambda.needs_grad() || Lambda_re.needs_grad() || Lambda_im.needs_grad() ||
           W.needs_grad();
  }
  void forward(const DiagonalModes<D>& m, const ModeCall& call) const {
    DssModes::forward(m.x, m.c, values(), form, call);
  }
  void backward(const DiagonalModes<D>& d, const ModeCall& call) const {
    Tape<T, D>& t = W.tape();
    const auto dLambda = t.grad_to_add(Lambda);
    const bool pairs = bool(Lambda);
    DssModes::backward(
        DssParameterGradients<T, D>{t.grad_to_add(log_dt), pairs ? part(dLambda, 0) : t.grad_to_add(Lambda_re),
                                    pairs ? part(dLambda, 1) : t.grad_to_add(Lambda_im), t.grad_to_add(W)},
        TensorView<const complex<double>, 2, D>(d.x), TensorView<const complex<double>, 3, D>(d.c), values(), form,
        call);
  }

 private:
  template <class U>
  static TensorView<U, 1, D> part(TensorView<U, 2, D> pairs, index_t k) {  // (N, 2) -> (N)
    return pairs.data() != nullptr ? pairs.transpose(0, 1)[k] : TensorView<U, 1, D>();
  }
  DssParameters<T, D> values() const {
    const bool parts = Lambda_re && Lambda_im && !Lambda;
    if (form.logarithmic() ? !parts : !Lambda || Lambda_re || Lambda_im)
      throw_value_error("dss: version " + to_string(form.version) + " takes " +
                        (form.logarithmic() ? "Lambda_re and Lambda_im (N)" : "Lambda (N, 2)"));
    if (parts) return {log_dt.value(), Lambda_re.value(), Lambda_im.value(), W.value()};
    check_shape("dss", "Lambda", Lambda.value(), Extents<2>{W.size(2), 2});
    return {log_dt.value(), part(Lambda.value(), 0), part(Lambda.value(), 1), W.value()};
  }
};

}  // namespace longwave
