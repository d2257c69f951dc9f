// sar_filter.hpp - a complex-valued, two-sided S4D convolution whose kernel follows the position of the line: the form
// of an azimuth matched filter, with everything in it learned.
//
//   y_l = sum_{j<M} K0_j u_{l-j} + sum_{j<M} K1_j u_{l+1+j}              u, y complex
//   Ks_j = 4/N sum_n C_sn e^{x_sn j}                                     no conjugates: N free modes per side
//   x_sn = 1/M [(1 + rate q / M) w_sn + i shift_s q],   w = -exp(log_w_real) + i w_imag,   q in [-1, 1]
//
//   u, y (2, B, L): I and Q      position (B), q = -1 at position_first and 1 at position_last
//   C (S, N, 2)   log_w_real, w_imag (S, N)   rate (1)   shift (S)       S = 2 sides, or 1: causal
//
// A scatterer at range R is smeared by a chirp whose rate goes like 1/R, over pulses of a Doppler centroid that does
// not depend on R: the same kernel on another clock, and turned back. That is what rate and shift say, so a filter
// learned on some columns holds for others. w starts evenly spread over all frequencies with a decay of e^{-1/2} over
// the M samples, C at zero: learning begins as linear regression on a Fourier basis. Where the spectrum's centroid is
// known, frequencies start around it, so that none of a kernel's is taken for another one 2 pi away. The factor 4 keeps
// C of a filter of unit gain near 1/4, in reach of the learning rates that w is content with.
// With residual, y is added to u. Two-sided streams are M samples late: step's result belongs to the sample that came
// M steps before.
#pragma once

#include <cmath>
#include <numbers>
#include <string>

#include "longwave/autograd/functions/fft_conv.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/models/sar_filter_maps.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"
#include "longwave/state_space/ssm_forms.hpp"

namespace longwave {

struct SarFilterOptions {
  index_t modes = 512;  // N
  index_t taps = 512;   // M
  bool bidirectional = true;
  bool residual = false;
  double position_first = 0, position_last = 1;
  double centroid = 0;  // of the lines' spectrum, in cycles per sample: frequencies spread around it
};

template <class T, device D = Host>
struct SarFilter {
  using Options = SarFilterOptions;

  Options options;
  Parameter<T, 3, D> C;
  Parameter<T, 2, D> log_w_real, w_imag;
  Parameter<T, 1, D> rate, shift;

  struct State {
    Tensor<T, 3, D> window, taps;  // (B, W, 2), W = S M
    Tensor<T, 1, D> position;      // (B): that taps are for
    Tensor<index_t, 1, D> next;    // (1): where the window takes the next sample

    void reset() {
      window.zero();
      detail::fill(next.view(), index_t(0));
    }
  };

  explicit SarFilter(const Options& o) : options(checked(o)) {
    const index_t S = sides(), N = o.modes;
    const ParameterGroup undecayed{.weight_decay = 0};
    C = Parameter<T, 3, D>(Extents<3>{S, N, 2});
    log_w_real = Parameter<T, 2, D>(Extents<2>{S, N}, undecayed);
    w_imag = Parameter<T, 2, D>(Extents<2>{S, N}, undecayed);
    rate = Parameter<T, 1, D>(Extents<1>{1}, undecayed);
    shift = Parameter<T, 1, D>(Extents<1>{S}, undecayed);
    init::constant(log_w_real.value.view(), static_cast<T>(std::log(0.5)));
    init::on_host(w_imag.value.view(), [&](TensorView<T, 2> to) {
      for (index_t s = 0; s < S; ++s)
        for (index_t n = 0; n < N; ++n)
          to(s, n) = static_cast<T>(
              std::numbers::pi * static_cast<double>(o.taps) *
              ((2 * static_cast<double>(n) + 1) / static_cast<double>(N) - 1 + (s == 0 ? 2 : -2) * o.centroid));
    });
  }

  index_t sides() const { return options.bidirectional ? 2 : 1; }
  // Samples that a stream's output is late.
  index_t delay() const { return options.bidirectional ? options.taps : 0; }

  template <class F>
  void for_each_parameter(F&& f) {
    f("C", C);
    f("log_w_real", log_w_real);
    f("w_imag", w_imag);
    f("rate", rate);
    f("shift", shift);
  }

  // Kernels of the lines: (2 S, B, M), the real and the imaginary part of K0, then of K1.
  Var<T, 3, D> kernel(Tape<T, D>& tape, TensorView<const T, 1, D> position, index_t M) {
    const index_t S = sides(), B = position.size(0), N = options.modes;
    const auto c = C.on(tape, "C");
    const auto log_re = log_w_real.on(tape, "log_w_real"), im = w_imag.on(tape, "w_imag");
    const auto r = rate.on(tape, "rate"), sh = shift.on(tape, "shift");
    const impl::SarFilterScale scale = scales();
    const auto x = tape.template keep<complex<double>>(Extents<3>{S, B, N});
    const auto v = tape.template keep<complex<double>>(Extents<4>{S, 2, B, N});
    const impl::SarFilterParameters<const T, D> p = values();
    for_each_index<D>(S * B * N, impl::SarModesForward<T, D>{x, v, p, position, scale}, 100);
    const Var<T, 3, D> K = tape.make(Extents<3>{2 * S, B, M}, true);
    for (index_t s = 0; s < S; ++s)
      impl::modes_kernel_forward(K.output().slice(0, 2 * s, 2 * s + 2), TensorView<const complex<double>, 2, D>(x[s]),
                                 TensorView<const complex<double>, 3, D>(v[s]), false);
    tape.record("sar_kernel", K, [=, &tape] {
      const auto dx = tape.template keep<complex<double>>(x.sizes());
      const auto dv = tape.template keep<complex<double>>(v.sizes());
      for (index_t s = 0; s < S; ++s)
        impl::modes_kernel_backward<T>(dx[s], dv[s], K.grad().slice(0, 2 * s, 2 * s + 2), x[s], v[s], false);
      const impl::SarFilterParameters<T, D> to{tape.grad_to_add(c), tape.grad_to_add(log_re), tape.grad_to_add(im),
                                               tape.grad_to_add(r), tape.grad_to_add(sh)};
      const auto rates = tape.template keep<T>(Extents<1>{S});
      for_each_row<D>(S * N, B, impl::SarModesBackward<T, D>{to, dx, dv, p, position, scale}, 20);
      for_each_row<D>(S, B * N, impl::SarSharedBackward<T, D>{to, rates, dx, p, position, scale}, 40);
      for (index_t s = 0; s < S; ++s)
        if (wanted(to.rate)) detail::add_to(to.rate, TensorView<const T, 1, D>(rates.slice(0, s, s + 1)));
    });
    return K;
  }

  // u (2, B, L) -> (2, B, L). position (B) must stay until backward has run; it has no gradient.
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> u, TensorView<const T, 1, D> position) {
    const index_t B = u.size(1), L = u.size(2);
    check_shape("SarFilter", "u", u.value(), Extents<3>{2, B, L});
    check_shape("SarFilter", "position", position, Extents<1>{B}, "B");
    if (B * L == 0) return tape.make(u.sizes(), false);
    const Var<T, 3, D> K = kernel(tape, position, std::min(options.taps, L));
    const Var<T, 4, D> Y = options.bidirectional ? fft_conv_bidirectional(u, K) : fft_conv(u, K);
    const Var<T, 3, D> y = tape.make(u.sizes(), u.needs_grad() || Y.needs_grad());
    const bool residual = options.residual;
    for_each_index<D>(
        B * L, impl::SarCombine<T, D>{y.output(), Y.value(), residual ? u.value() : TensorView<const T, 3, D>()}, 4);
    tape.record("sar_combine", y, [=] {
      {
        const Grad dY(Y);
        if (wanted(dY.view())) for_each_index<D>(B * L, impl::SarCombineBackward<T, D>{dY.view(), y.grad()}, 4);
      }
      const Grad du(residual ? u : Var<T, 3, D>());
      if (wanted(du.view())) copy(du.view(), y.grad());
    });
    return y;
  }

  State make_state(index_t B) {
    if (B < 0) throw_value_error("SarFilter::make_state: a batch of " + std::to_string(B));
    const index_t W = sides() * options.taps;
    State state{Tensor<T, 3, D>(B, W, 2), Tensor<T, 3, D>(B, W, 2), Tensor<T, 1, D>(Extents<1>{B}),
                Tensor<index_t, 1, D>(Extents<1>{1})};
    detail::fill(state.position.view(), std::numeric_limits<T>::quiet_NaN());  // equal to none
    return state;
  }

  // One sample of every stream: u, y (B, 2), in place if they are one. A stream whose position changed pays for its new
  // kernel, N W exponentials.
  void step(TensorView<const T, 2, D> u, TensorView<const T, 1, D> position, State& s, TensorView<T, 2, D> y) const
      noexcept(std::is_same_v<D, Host>) {
    const index_t B = u.size(0), W = s.window.size(1);
    const impl::SarFilterParameters<const T, D> p = values();
    for_each_index<D>(2 * B, impl::SarInsert<T, D>{s.window.view(), u, s.next.view()}, 4);
    for_each_index<D>(B * W, impl::SarTaps<T, D>{s.taps.view(), s.position.view(), p, position, scales()}, 4);
    for_each_row<D>(
        B, W, impl::SarConvolve<T, D>{y, s.window.view(), s.taps.view(), s.next.view(), delay(), options.residual}, 8);
    for_each_index<D>(std::max<index_t>(B, 1), impl::SarAdvance<T, D>{s.position.view(), s.next.view(), position, W},
                      2);
  }

  // The next L samples of the streams, u (2, B, L) -> (2, B, L), as late as those of step.
  Var<T, 3, D> forward_stream(Tape<T, D>& tape, Var<T, 3, D> u, TensorView<const T, 1, D> position, State& s) {
    const index_t B = u.size(1), L = u.size(2), W = s.window.size(1);
    check_shape("SarFilter::forward_stream", "u", u.value(), Extents<3>{2, s.window.size(0), L});
    const auto before = tape.template keep<T>(Extents<3>{2, B, W});
    for_each_index<D>(B * W, impl::SarWindow<T, D>{before, s.window.view(), s.next.view(), false}, 8);
    const Var<T, 3, D> all = concat(2, tape.input(before), u);
    const TensorView<T, 3, D> last = all.output().slice(2, L, L + W);
    for_each_index<D>(B * W, impl::SarWindow<T, D>{last, s.window.view(), s.next.view(), true}, 8);
    detail::fill(s.next.view(), index_t(0));
    return slice((*this)(tape, all, position), 2, W - delay(), W - delay() + L);
  }

 private:
  impl::SarFilterScale scales() const {
    return {options.position_first, options.position_last, 1 / static_cast<double>(options.taps),
            4 / static_cast<double>(options.modes)};
  }
  impl::SarFilterParameters<const T, D> values() const {
    return {C.value.view(), log_w_real.value.view(), w_imag.value.view(), rate.value.view(), shift.value.view()};
  }

  static const Options& checked(const Options& o) {
    detail::check_at_least("SarFilter", "modes", o.modes, 1);
    detail::check_at_least("SarFilter", "taps", o.taps, 1);
    if (!(o.position_first < o.position_last && std::isfinite(o.position_last - o.position_first)))
      throw_value_error("SarFilter: position_first is " + std::to_string(o.position_first) + " and position_last " +
                        std::to_string(o.position_last) + ", expected position_first < position_last");
    return o;
  }
};

}  // namespace longwave
