// modes_dss.hpp - the loops of kernel_dss.hpp, which has their formulas, as bodies that run on either device.
//
// On the device one launch forward and two backward: a warp sums over the modes of a feature, then one over the
// features of a mode.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/names.hpp"
#include "longwave/state_space/diagonal_modes.hpp"
#include "longwave/state_space/discretize.hpp"

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
  index_t softmax_length = 0;     // L of the softmax at rate 1, whatever is computed; 0: the samples of the kernel

  LONGWAVE_HD bool softmax() const { return version == DssVersion::softmax; }
  LONGWAVE_HD bool clips() const { return version == DssVersion::clip || version == DssVersion::clip_no_scale; }
  LONGWAVE_HD bool logarithmic() const { return !softmax() && !clips(); }  // Re Lambda is stored as log(-Re)
  LONGWAVE_HD bool scaled() const {
    return version != DssVersion::exp_no_scale && version != DssVersion::clip_no_scale;
  }
  // Samples that the softmax runs over: it spans the same time at any rate.
  LONGWAVE_HD index_t softmax_samples(const ModeCall& call) const {
    return softmax_length > 0 ? static_cast<index_t>(std::ceil(static_cast<double>(softmax_length) / call.rate))
                              : call.L;
  }
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

  template <class T, device D>
  LONGWAVE_HD DssLambda(const DssParameters<T, D>& p, const DssForm& form, index_t n)
      : value(static_cast<double>(p.Lambda_re(n)), static_cast<double>(p.Lambda_im(n))) {
    if (form.logarithmic()) value.re = re_slope = -std::exp(value.re);
    if (form.version == DssVersion::exp_re_im) value.im = im_slope = std::exp(value.im);
    if (form.clips() && value.re > form.max_real_Lambda) value.re = form.max_real_Lambda, re_slope = 0;
  }
};

struct DssStep {  // the steps of one feature
  double re, im;

  template <class T, device D>
  LONGWAVE_HD DssStep(const DssParameters<T, D>& p, index_t h, double rate)
      : re(rate * std::exp(static_cast<double>(p.log_dt(h, 0)))),
        im(p.log_dt.size(1) > 1 ? rate * std::exp(static_cast<double>(p.log_dt(h, 1))) : re) {}
};

class DssMode {  // one mode of one feature
 public:
  complex<double> w, factor{1};

  LONGWAVE_HD DssMode(DssStep dt, complex<double> Lambda, const DssForm& form, const ModeCall& call)
      : w(dt.re * Lambda.re, dt.im * Lambda.im), softmax_(form.softmax()), scaled_(form.scaled()) {
    if (softmax_) {
      exact_ = Dss::at(w, Lambda, form.softmax_samples(call), form.epsilon);
      factor = exact_.factor;
    } else if (scaled_) {
      rise_ = expm1(w);
      rho_ = Reciprocal::at_least(Lambda, form.epsilon);
      factor = rise_ * rho_.value;
    }
  }

  // From dL/dw, as the powers of e^w give it, and dL/dfactor.
  LONGWAVE_HD Dss::Gradient gradient(complex<double> dw, complex<double> dfactor) const {
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

template <class T, device D>
LONGWAVE_HD complex<double> dss_weight(const DssParameters<T, D>& p, index_t c, index_t h, index_t n) {
  return {static_cast<double>(p.W(c, h, n, 0)), static_cast<double>(p.W(c, h, n, 1))};
}

template <class T, device D>
struct DssForward {
  static constexpr const char* name = "dss_modes_forward";
  TensorView<complex<double>, 2, D> x;
  TensorView<complex<double>, 3, D> c_;
  DssParameters<T, D> p;
  DssForm form;
  ModeCall call;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / x.size(1), n = i % x.size(1);
    const complex<double> Lambda = DssLambda(p, form, n).value;
    DssMode m(DssStep(p, h, call.rate), Lambda, form, call);
    // The host refuses this before (DssModes::check); a device does not wait to look, so the kernel is NaN.
    const bool elsewhere = form.softmax() && form.softmax_samples(call) != call.L && Lambda.re > 0;
    if (elsewhere) m.factor = complex<double>(__builtin_nan(""), 0);
    x(h, n) = m.w;
    for (index_t c = 0; c < c_.size(0); ++c) c_(c, h, n) = 0.5 * (dss_weight(p, c, h, n) * m.factor);
  }
};

// Rows h, columns n; the sums are dlog_dt. dLambda_h (H, N): each feature's part of the gradient of Lambda.
template <class T, device D>
struct DssFeatures {
  static constexpr const char* name = "dss_modes_backward_features";
  TensorView<complex<double>, 2, D> dLambda_h;
  DssParameterGradients<T, D> d;
  TensorView<const complex<double>, 2, D> dx;
  TensorView<const complex<double>, 3, D> dc;
  DssParameters<T, D> p;
  DssForm form;
  ModeCall call;

  LONGWAVE_HD Sums<2> operator()(index_t h, index_t n) const {
    const DssStep dt(p, h, call.rate);
    const complex<double> Lambda = DssLambda(p, form, n).value;
    const DssMode m(dt, Lambda, form, call);
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
    return {{Lambda.re * dw.re, Lambda.im * dw.im}};
  }
  LONGWAVE_HD void finish(index_t h, const Sums<2>& dlog_dt) const {
    if (!wanted(d.log_dt)) return;
    const double re = dlog_dt.at[0], im = dlog_dt.at[1];
    const bool shared = d.log_dt.size(1) == 1;
    d.log_dt(h, 0) += static_cast<T>(shared ? re + im : re);
    if (!shared) d.log_dt(h, 1) += static_cast<T>(im);
  }
};

// Rows n, columns h.
template <class T, device D>
struct DssLambdaGradient {
  static constexpr const char* name = "dss_modes_backward_lambda";
  DssParameterGradients<T, D> d;
  TensorView<const complex<double>, 2, D> dLambda_h;
  DssParameters<T, D> p;
  DssForm form;

  LONGWAVE_HD Sums<2> operator()(index_t n, index_t h) const { return {{dLambda_h(h, n).re, dLambda_h(h, n).im}}; }
  LONGWAVE_HD void finish(index_t n, const Sums<2>& dLambda) const {
    const DssLambda Lambda(p, form, n);
    if (wanted(d.Lambda_re)) d.Lambda_re(n) += static_cast<T>(dLambda.at[0] * Lambda.re_slope);
    if (wanted(d.Lambda_im)) d.Lambda_im(n) += static_cast<T>(dLambda.at[1] * Lambda.im_slope);
  }
};

template <class T, device D>
void dss_modes_forward(TensorView<complex<double>, 2, D> x, TensorView<complex<double>, 3, D> c,
                       const DssParameters<T, D>& p, const DssForm& form, const ModeCall& call) {
  for_each_index<D>(x.count(), DssForward<T, D>{x, c, p, form, call}, 200);
}

template <class T, device D>
void dss_modes_backward(const DssParameterGradients<T, D>& d, TensorView<const complex<double>, 2, D> dx,
                        TensorView<const complex<double>, 3, D> dc, const DssParameters<T, D>& p, const DssForm& form,
                        const ModeCall& call) {
  const index_t H = dx.size(0), N = dx.size(1);
  ScratchOn<D> scratch;
  const auto dLambda_h = scratch.template tensor<complex<double>>(Extents<2>{H, N});
  for_each_row<D>(H, N, DssFeatures<T, D>{dLambda_h, d, dx, dc, p, form, call}, 400);
  for_each_row<D>(N, H, DssLambdaGradient<T, D>{d, dLambda_h, p, form}, 4);
}

template <class T>
bool dss_any_growing(const DssParameters<T, Host>& p) {
  for (index_t n = 0; n < p.Lambda_re.size(0); ++n)
    if (p.Lambda_re(n) > 0) return true;
  return false;
}
template <class T>
bool dss_any_growing(const DssParameters<T, Cuda>&) {
  return false;  // not known without waiting: DssForward
}

}  // namespace impl
}  // namespace longwave
