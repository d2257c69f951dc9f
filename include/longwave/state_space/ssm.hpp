// ssm.hpp - a state-space layer with any diagonal kernel, on a tape: what a kernel has to bring, and what it gets.
//
//   s_t = e^x s_{t-1} + b u_t,   y_t[c] = 2 Re sum_n c s_t + D u_t          per feature h, mode n and channel c
//   K_l[c] = 2 Re sum_n c b e^{x l}                                         the same as a convolution
//
//   u (B, H, L) -> y (B, C H, L), index c H + h      x, b (H, N)   c (C, H, N)   D (C, H)   states (B, 2, N, H)
//
// A kernel is its parameters and the map from them to modes (x, b, c), forward and backward: the concept
// diagonal_vars. Everything else is here and common: the choice of the form (recurrence.hpp), channels, two-sided
// kernels, states, the ends of truncated kernels. Kernels that are not diagonal overload ssm() (kernel_s4.hpp).
//
// Two-sided: c holds 2C channels, first all causal ones, then the anti-causal ones, whose sum starts one later
// (fft_conv). Anchored kernels (DSS's softmax) scale modes with Re x > 0 to their last sample: e^{x (l - (L-1))}; those
// modes are evaluated backwards, so that nothing overflows, and have no recurrence.
#pragma once

#include <concepts>

#include "longwave/autograd/tape.hpp"
#include "longwave/state_space/ssm_forms.hpp"

namespace longwave {

struct ModeSizes {
  index_t C, H, N;  // kernels per feature, features, modes
};

// A kernel's parameters on a tape. forward assigns the modes, backward adds to the parameters' gradients; b of both has
// data exactly if input_weights. `bool anchored() const`, if there is one, says whether modes are anchored as above.
template <class V, class D>
concept diagonal_vars_on = requires(const V& vars, const DiagonalModes<D>& modes, const ModeCall& call) {
  { vars.sizes() } -> std::same_as<ModeSizes>;
  { vars.needs_grad() } -> std::same_as<bool>;
  { V::input_weights } -> std::convertible_to<bool>;
  vars.forward(modes, call);
  vars.backward(modes, call);
};
template <class V>
concept diagonal_vars = diagonal_vars_on<V, Host> || diagonal_vars_on<V, Cuda>;

template <class T, device D = Host>
struct SequenceOutput {
  Var<T, 3, D> y;
  Var<T, 4, D> state;  // no value unless it was asked for
};

namespace detail {

template <class V>
bool is_anchored(const V& vars) {
  if constexpr (requires { vars.anchored(); })
    return vars.anchored();
  else
    return false;
}

// Whether a mode grows. Looking at modes on the device would wait for it, so all kernels that may have such modes are
// taken to, unless a state hangs on it.
template <device D>
bool may_grow(const DiagonalModes<D>& m, bool must_know) {
  return (std::is_same_v<D, Cuda> && !must_know) || impl::any_growing(TensorView<const complex<double>, 2, D>(m.x));
}

template <class T, device D, diagonal_vars V>
DiagonalModes<D> make_modes(Tape<T, D>& tape, const V&, const ModeSizes& s) {
  const Extents<2> modes{s.H, s.N};
  return {tape.template keep<complex<double>>(modes),
          V::input_weights ? tape.template keep<complex<double>>(modes) : TensorView<complex<double>, 2, D>(),
          tape.template keep<complex<double>>(Extents<3>{s.C, s.H, s.N})};
}

// Makes the modes of a kernel and v = c b, which is c itself where b is folded in. Kernels that can make both at once
// have forward_weighted and backward_weighted besides forward and backward.
template <class T, device D, diagonal_vars V>
TensorView<complex<double>, 3, D> weighted_modes(Tape<T, D>& tape, const V& vars, const DiagonalModes<D>& m,
                                                 const ModeCall& call) {
  if constexpr (!V::input_weights) {
    vars.forward(m, call);
    return m.c;
  } else {
    const auto v = tape.template keep<complex<double>>(m.c.sizes());
    if constexpr (requires { vars.forward_weighted(m, v, call); }) {
      vars.forward_weighted(m, v, call);
    } else {
      vars.forward(m, call);
      impl::weight_modes(v, m);
    }
    return v;
  }
}

// Gradients of modes from those of x and v, which d.c holds. b_given: d.b holds what else its gradient has.
template <diagonal_vars V, device D>
void backward_modes(const V& vars, const DiagonalModes<D>& d, const DiagonalModes<D>& m, const ModeCall& call,
                    bool b_given = false) {
  if constexpr (requires { vars.backward_weighted(d, m, call, b_given); }) {
    vars.backward_weighted(d, m, call, b_given);
  } else {
    if constexpr (V::input_weights) impl::weight_modes_backward(d, d.c, m, b_given);
    vars.backward(d, call);
  }
}

inline void check_ssm(const Extents<3>& u, const ModeSizes& s, const SsmCall& call, bool states) {
  if (u[1] != s.H)
    throw_shape_error("ssm: u and the kernel disagree on H: u is " + to_string(u, "BHL") +
                      ", the kernel has H = " + std::to_string(s.H));
  if (call.bidirectional && s.C % 2 != 0)
    throw_shape_error("ssm: two-sided kernels come in pairs, the kernel has " + std::to_string(s.C) + " channels");
  if (!(call.rate > 0)) throw_value_error("ssm: rate is " + std::to_string(call.rate) + ", expected more than 0");
  if (call.kernel_length < 0)
    throw_value_error("ssm: kernel_length is " + std::to_string(call.kernel_length) + ", expected at least 0");
  if (!states) return;
  if (call.bidirectional) throw_value_error("ssm: a two-sided layer has no state");
  if (call.kernel_length > 0 && call.kernel_length < u[2])
    throw_value_error("ssm: a kernel cut to " + std::to_string(call.kernel_length) + " samples has no state");
}

}  // namespace detail

// The kernels themselves: K (C, H, L).
template <class T, device D, diagonal_vars V>
Var<T, 3, D> ssm_kernel(Tape<T, D>& tape, const V& vars, index_t L, double rate = 1) {
  if (L < 0) throw_value_error("ssm_kernel: L is " + std::to_string(L));
  const ModeCall call{L, rate};
  const ModeSizes s = vars.sizes();
  const DiagonalModes<D> m = detail::make_modes(tape, vars, s);
  const TensorView<complex<double>, 3, D> v = detail::weighted_modes(tape, vars, m, call);
  const bool anchored = detail::is_anchored(vars);
  const auto K = tape.make(Extents<3>{s.C, s.H, L}, vars.needs_grad());
  impl::modes_kernel_forward(K.output(), TensorView<const complex<double>, 2, D>(m.x),
                             TensorView<const complex<double>, 3, D>(v), anchored);
  tape.record("ssm_kernel", K, [=, &tape] {
    const DiagonalModes<D> d = detail::make_modes(tape, vars, s);
    impl::modes_kernel_backward<T>(d.x, d.c, K.grad(), m.x, v, anchored);
    detail::backward_modes(vars, d, m, call);
  });
  return K;
}

// y = ssm(u) + D u from state_in (left out: zero), and the state after the last sample if want_state.
// skip: D (C, H), may be left out.
template <class T, device D, diagonal_vars V>
SequenceOutput<T, D> ssm(Var<T, 3, D> u, const V& vars, Var<T, 2, D> skip, const SsmCall& call = {},
                         Var<T, 4, D> state_in = {}, bool want_state = false) {
  Tape<T, D>& tape = u.tape();
  const ModeSizes s = vars.sizes();
  const index_t B = u.size(0), H = s.H, L = u.size(2);
  const index_t C = call.bidirectional ? s.C / 2 : s.C;
  const DiagonalModes<D> m = detail::make_modes(tape, vars, s);
  const ModeCall mode_call{call.kernel_length > 0 ? std::min(call.kernel_length, L) : L, call.rate};
  detail::check_ssm(u.sizes(), s, call, bool(state_in) || want_state);
  const TensorView<complex<double>, 3, D> v = detail::weighted_modes(tape, vars, m, mode_call);
  const bool states_asked = bool(state_in) || want_state;
  const bool anchored = detail::is_anchored(vars) && detail::may_grow(m, states_asked);
  if (anchored && states_asked)
    throw_value_error("ssm: modes that grow (Re x > 0) and are anchored at the last sample have no state");
  const Extents<4> states{B, 2, s.N, H};
  if (state_in) check_shape("ssm", "state_in", state_in.value(), states);
  if (skip) check_shape("ssm", "D", skip.value(), Extents<2>{C, H}, "CH");

  const impl::InputWeight<D> b{m.b};
  const impl::InverseInputWeight<D> inverse_b{m.b};
  TensorView<const T, 4, D> start = value_or_none(state_in);
  if (V::input_weights && state_in) {
    const auto scaled = tape.template keep<T>(states);
    impl::scale_states(scaled, start, inverse_b);
    start = scaled;
  }
  impl::SsmInputs<T, D> in{u.value(), m.x, v, value_or_none(skip), start, call, anchored};
  const bool needs = u.needs_grad() || vars.needs_grad() || skip.needs_grad() || state_in.needs_grad();
  if (needs && tape.recording() && !want_state)
    if (const index_t n = in.kept_numbers()) in.kept = tape.template keep<T>(Extents<1>{n});
  const auto y = tape.make(Extents<3>{B, C * H, L}, needs);
  const auto state = want_state ? tape.make(states, needs) : Var<T, 4, D>();
  const Extents<4> channels{B, C, H, L};
  const auto end = want_state && V::input_weights ? tape.template keep<T>(states)
                                                  : (want_state ? state.output() : TensorView<T, 4, D>());
  impl::ssm_forward(y.output().reshape(channels), end, in);
  if (want_state && V::input_weights) impl::scale_states(state.output(), end, b);

  auto backward = [=, &tape] {
    const DiagonalModes<D> d = detail::make_modes(tape, vars, s);
    const TensorView<const T, 3, D> dy = tape.grad_to_add(y);  // zero if only the state was used
    TensorView<const T, 4, D> dend = state && state.node()->has_grad ? state.grad() : TensorView<const T, 4, D>();
    const bool rescale = V::input_weights && bool(state_in);
    const bool b_given = V::input_weights && (rescale || dend.data() != nullptr);
    if (b_given) detail::fill(d.b, complex<double>());
    if (V::input_weights && dend.data() != nullptr) {
      const auto scaled = tape.template keep<T>(states);
      impl::scale_states_backward(scaled, dend, end, b, d.b);
      dend = scaled;
    }
    const Grad du(u, !want_state && in.adds_du());
    const Grad dstate(state_in);
    const auto dstart = rescale ? tape.template keep<T>(states) : dstate.view();
    impl::ssm_backward(impl::SsmGradients<T, D>{du, d.x, d.c, tape.grad_to_add(skip), dstart, {}, du.adds()},
                       dy.reshape(channels), dend, in);
    if (rescale) {
      // d(1/b) = -db / b^2
      const auto dinverse = tape.template keep<complex<double>>(Extents<2>{H, s.N});
      detail::fill(dinverse, complex<double>());
      impl::scale_states_backward(dstate.view(), dstart, state_in.value(), inverse_b, dinverse);
      for_each_index<D>(H * s.N, impl::InverseWeightGradient<D>{d.b, dinverse, inverse_b}, 20);
    }
    detail::backward_modes(vars, d, m, mode_call, b_given);
  };
  if (want_state)
    tape.record("ssm", y, state, backward);
  else
    tape.record("ssm", y, backward);
  return {y, state};
}

}  // namespace longwave
