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

#include "longwave/core/names.hpp"
#include "longwave/state_space/discretize.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

enum class DssVersion { softmax, exp, exp_re_im, exp_no_scale, clip, clip_no_scale };

inline constexpr Named<DssVersion> dss_versions[] = {
    {"softmax", DssVersion::softmax},     {"exp", DssVersion::exp},
    {"exp-re-im", DssVersion::exp_re_im}, {"exp-no-scale", DssVersion::exp_no_scale},
    {"clip", DssVersion::clip},           {"clip-no-scale", DssVersion::clip_no_scale}};

inline DssVersion parse_dss_version(std::string_view name) { return value_of_name("DSS version", name, dss_versions); }
inline std::string to_string(DssVersion version) { return std::string(name_of_value(version, dss_versions)); }

struct DssForm {
  DssVersion version = DssVersion::softmax;
  double epsilon = 1e-7;          // guard of the reciprocals
  double max_real_Lambda = 1e-4;  // clip
  index_t softmax_length = 0;     // L of the softmax, whatever is computed; 0: the samples of the kernel

  bool softmax() const { return version == DssVersion::softmax; }
  bool clips() const { return version == DssVersion::clip || version == DssVersion::clip_no_scale; }
  bool logarithmic() const { return !softmax() && !clips(); }  // Re Lambda is stored as log(-Re)
  bool scaled() const { return version != DssVersion::exp_no_scale && version != DssVersion::clip_no_scale; }
};

// As stored: Lambda_re is Re Lambda or log(-Re Lambda), Lambda_im is Im Lambda or its logarithm.
template <class T, device D = Host>
struct DssParameters {
  TensorView<const T, 2, D> log_dt;
  TensorView<const T, 1, D> Lambda_re, Lambda_im;
  TensorView<const T, 4, D> W;
};

// Added to; each may be left out.
template <class T, device D = Host>
struct DssParameterGradients {
  TensorView<T, 2, D> log_dt;
  TensorView<T, 1, D> Lambda_re, Lambda_im;
  TensorView<T, 4, D> W;
};

namespace impl {

struct DssLambda {  // one eigenvalue and the slopes of its parts by what is stored
  complex<double> value;
  double re_slope = 1, im_slope = 1;

  template <class T>
  DssLambda(const DssParameters<T>& p, const DssForm& form, index_t n)
      : value(static_cast<double>(p.Lambda_re(n)), static_cast<double>(p.Lambda_im(n))) {
    if (form.logarithmic()) value.re = re_slope = -std::exp(value.re);
    if (form.version == DssVersion::exp_re_im) value.im = im_slope = std::exp(value.im);
    if (form.clips() && value.re > form.max_real_Lambda) value.re = form.max_real_Lambda, re_slope = 0;
  }
};

struct DssStep {  // the steps of one feature
  double re, im;

  template <class T>
  DssStep(const DssParameters<T>& p, index_t h, double rate)
      : re(rate * std::exp(static_cast<double>(p.log_dt(h, 0)))),
        im(p.log_dt.size(1) > 1 ? rate * std::exp(static_cast<double>(p.log_dt(h, 1))) : re) {}
};

class DssMode {  // one mode of one feature
 public:
  complex<double> w, factor{1};

  DssMode(DssStep dt, complex<double> Lambda, const DssForm& form, index_t L)
      : w(dt.re * Lambda.re, dt.im * Lambda.im), softmax_(form.softmax()), scaled_(form.scaled()) {
    if (softmax_) {
      exact_ = Dss::at(w, Lambda, form.softmax_length > 0 ? form.softmax_length : L, form.epsilon);
      factor = exact_.factor;
    } else if (scaled_) {
      rise_ = expm1(w);
      rho_ = Reciprocal::at_least(Lambda, form.epsilon);
      factor = rise_ * rho_.value;
    }
  }

  // From dL/dw, as the powers of e^w give it, and dL/dfactor.
  Dss::Gradient gradient(complex<double> dw, complex<double> dfactor) const {
    if (softmax_) return exact_.gradient(exact_.from_end ? -dw : dw, dfactor);
    if (!scaled_) return {dw, complex<double>()};
    return {dw + dfactor * conj(rho_.value * exp(w)), rho_.gradient(dfactor * conj(rise_))};
  }

 private:
  bool softmax_, scaled_;
  Dss exact_{};
  complex<double> rise_;
  Reciprocal rho_{};
};

template <class T>
complex<double> dss_weight(const DssParameters<T>& p, index_t c, index_t h, index_t n) {
  return {static_cast<double>(p.W(c, h, n, 0)), static_cast<double>(p.W(c, h, n, 1))};
}

template <class T>
void dss_modes_forward(TensorView<complex<double>, 2, Host> x, TensorView<complex<double>, 3, Host> c_,
                       const DssParameters<T, Host>& p, const DssForm& form, const ModeCall& call) {
  parallel_blocks(
      x.size(0), 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h)
          for (index_t n = 0; n < x.size(1); ++n) {
            const DssMode m(DssStep(p, h, call.rate), DssLambda(p, form, n).value, form, call.L);
            x(h, n) = m.w;
            for (index_t c = 0; c < c_.size(0); ++c) c_(c, h, n) = 0.5 * (dss_weight(p, c, h, n) * m.factor);
          }
      },
      200 * x.count());
}

// dLambda_h (H, N): each feature's part of the gradient of Lambda.
template <class T>
void dss_feature_backward(TensorView<complex<double>, 2, Host> dLambda_h, index_t h,
                          const DssParameterGradients<T, Host>& d, TensorView<const complex<double>, 2, Host> dx,
                          TensorView<const complex<double>, 3, Host> dc, const DssParameters<T, Host>& p,
                          const DssForm& form, const ModeCall& call) {
  const DssStep dt(p, h, call.rate);
  double dlog_re = 0, dlog_im = 0;
  for (index_t n = 0; n < dx.size(1); ++n) {
    const complex<double> Lambda = DssLambda(p, form, n).value;
    const DssMode m(dt, Lambda, form, call.L);
    complex<double> dfactor;
    for (index_t c = 0; c < dc.size(0); ++c) {
      const complex<double> g = 0.5 * dc(c, h, n);
      dfactor += g * conj(dss_weight(p, c, h, n));
      if (!wanted(d.W)) continue;
      const complex<double> dW = g * conj(m.factor);
      d.W(c, h, n, 0) += static_cast<T>(dW.re);
      d.W(c, h, n, 1) += static_cast<T>(dW.im);
    }
    const Dss::Gradient g = m.gradient(dx(h, n), dfactor);
    const complex<double> dw(dt.re * g.dw.re, dt.im * g.dw.im);
    dLambda_h(h, n) = g.dLambda + dw;
    dlog_re += Lambda.re * dw.re;
    dlog_im += Lambda.im * dw.im;
  }
  if (!wanted(d.log_dt)) return;
  const bool shared = d.log_dt.size(1) == 1;
  d.log_dt(h, 0) += static_cast<T>(shared ? dlog_re + dlog_im : dlog_re);
  if (!shared) d.log_dt(h, 1) += static_cast<T>(dlog_im);
}

template <class T>
void dss_modes_backward(const DssParameterGradients<T, Host>& d, TensorView<const complex<double>, 2, Host> dx,
                        TensorView<const complex<double>, 3, Host> dc, const DssParameters<T, Host>& p,
                        const DssForm& form, const ModeCall& call) {
  const index_t H = dx.size(0), N = dx.size(1);
  Scratch scratch;
  const auto dLambda_h = scratch.tensor<complex<double>>(Extents<2>{H, N});
  parallel_blocks(
      H, 16,
      [&](index_t begin, index_t end) {
        for (index_t h = begin; h < end; ++h) dss_feature_backward(dLambda_h, h, d, dx, dc, p, form, call);
      },
      400 * dx.count());
  for (index_t n = 0; n < N; ++n) {
    complex<double> dLambda;
    for (index_t h = 0; h < H; ++h) dLambda += dLambda_h(h, n);
    const DssLambda Lambda(p, form, n);
    if (wanted(d.Lambda_re)) d.Lambda_re(n) += static_cast<T>(dLambda.re * Lambda.re_slope);
    if (wanted(d.Lambda_im)) d.Lambda_im(n) += static_cast<T>(dLambda.im * Lambda.im_slope);
  }
}

template <class T>
bool dss_any_growing(const DssParameters<T, Host>& p) {
  for (index_t n = 0; n < p.Lambda_re.size(0); ++n)
    if (p.Lambda_re(n) > 0) return true;
  return false;
}

}  // namespace impl

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
    if (form.softmax() && form.softmax_length > 0 && form.softmax_length != call.L && impl::dss_any_growing(p))
      throw_value_error("dss_modes: a mode with Re Lambda > 0 is scaled to the last sample of the softmax, " +
                        std::to_string(form.softmax_length) + ", the kernel has " + std::to_string(call.L));
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
