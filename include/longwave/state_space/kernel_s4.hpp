// kernel_s4.hpp - S4 on a tape: parameters (ssm_parameters.hpp) -> system -> kernel (dplr.hpp) -> convolution.
//
//   y = K * u + D u,   and from a state s:  y_l += 2 Re(C A_bar^{l+1} s),   s_out by the recurrence (dplr_scan.hpp)
//
// The state's part is the kernel of another input, x = s / dt + A s / 2, for B_bar of it is A_bar s; so one piece of
// code gives all gradients. The trained C is C~ for a length: with C~ held fixed, A, B, P and dt have the gradients
// here. The parameters must be prepared for at least the length asked for (nn/s4.hpp does it before a pass). Source:
// Gu, Goel, Re 2022 (S4); names and meaning of C~ as in version 4 of the official code.
#pragma once

#include <cmath>

#include "longwave/state_space/convolve.hpp"
#include "longwave/state_space/dplr_scan.hpp"
#include "longwave/state_space/ssm_parameters.hpp"

namespace longwave {

namespace detail {

// Halves to even, as in the official code: at rates that do not divide the length, the choice is part of the model.
inline index_t rounded(double x) { return static_cast<index_t>(std::nearbyint(x)); }

}  // namespace detail

template <class T, device D = Host>
struct DplrVars {
  SsmVars<T, D> parameters;
  index_t length = 0;  // samples that C~ was made for, at rate 1

  ModeSizes sizes() const { return parameters.sizes(); }
  bool needs_grad() const { return parameters.needs_grad(); }
  Tape<T, D>& tape() const { return parameters.tape(); }

  // Roots of unity of the generating function.
  index_t nodes(double rate) const { return detail::rounded(static_cast<double>(length) / rate); }
};

namespace detail {

template <device D>
DplrSystemOn<D> dplr_system(const ContinuousSystem<D>& s) {
  const Extents<2> modes = s.A.sizes();
  return {TensorView<const double, 1, D>(s.dt.data(), Extents<1>{modes[0]}, Extents<1>{s.dt.stride(0)}), s.A,
          s.B.reshape(Extents<3>{1, modes[0], modes[1]}), s.P, s.C};
}
template <device D>
DplrGradientsOn<D> dplr_gradients(const ContinuousSystem<D>& s) {
  const Extents<2> modes = s.A.sizes();
  return {TensorView<double, 1, D>(s.dt.data(), Extents<1>{modes[0]}, Extents<1>{s.dt.stride(0)}), s.A,
          s.B.reshape(Extents<3>{1, modes[0], modes[1]}), s.P, s.C};
}

template <class T, device D>
ContinuousSystem<D> zero_system(const SsmVars<T, D>& p) {
  const ContinuousSystem<D> s = p.make_system();
  fill(s.dt, 0.0);
  fill(s.A, complex<double>());
  fill(s.B, complex<double>());
  fill(s.C, complex<double>());
  if (wanted(s.P)) fill(s.P, complex<double>());
  return s;
}

template <class T, device D>
void check_dplr(const DplrVars<T, D>& vars, index_t L, double rate) {
  const SsmVars<T, D>& p = vars.parameters;
  if (!p.P) throw_value_error("s4: the parameters have no P; a diagonal system takes kernel_diag.hpp");
  if (p.transforms.is_real) throw_value_error("s4: real modes have no diagonal-plus-low-rank form");
  if (p.inv_dt.size(1) != 1)
    throw_value_error("s4: dt must be shared by the modes of a feature, inv_dt is " +
                      to_string(p.inv_dt.sizes(), "HN"));
  if (!(rate > 0)) throw_value_error("s4: rate is " + std::to_string(rate) + ", expected more than 0");
  if (L > 0 && L > vars.nodes(rate))
    throw_value_error("s4: a kernel of " + std::to_string(L) + " samples at rate " + std::to_string(rate) +
                      ", but C is prepared for a length of " + std::to_string(vars.length));
}

// x (B, H, N) = s / dt + A s / 2 of the states s (B, 2, N, H).
template <class T, device D>
void state_inputs(TensorView<complex<double>, 3, D> x, TensorView<const T, 4, D> s, const DplrSystemOn<D>& system) {
  for_each_index<D>(x.size(0) * x.size(1), impl::DplrStateInputs<T, D>{x, s, system}, 20 * x.size(2));
}

// Adds to the gradients of dt, A, P and of the states, which may be left out.
template <class T, device D>
void state_inputs_backward(const DplrGradientsOn<D>& d, TensorView<T, 4, D> ds,
                           TensorView<const complex<double>, 3, D> dx, TensorView<const T, 4, D> s,
                           const DplrSystemOn<D>& system) {
  const index_t B = dx.size(0), H = dx.size(1), N = dx.size(2);
  ScratchOn<D> scratch;
  const Extents<3> projections{B, H, system.P.size(0)};
  const auto rho = scratch.template tensor<double>(projections), drho = scratch.template tensor<double>(projections);
  for_each_index<D>(B * H, impl::DplrStateProjections<T, D>{rho, drho, ds, dx, s, system}, 20 * N);
  for_each_index<D>(H * N, impl::DplrStateModes<T, D>{d, rho, drho, dx, s}, 20 * B);
  for_each_index<D>(H, impl::DplrStateSteps<T, D>{d, dx, s, system}, 10 * B * N);
}

template <class T, device D>
DplrStepOn<D> make_step(Tape<T, D>& tape, const DplrSystemOn<D>& s) {
  const Extents<2> modes = s.A.sizes();
  const Extents<3> ranks{s.P.size(0), modes[0], modes[1]};
  using Complex = complex<double>;
  return {tape.template keep<Complex>(modes), tape.template keep<Complex>(modes), tape.template keep<Complex>(ranks),
          tape.template keep<Complex>(ranks)};
}

}  // namespace detail

// The kernels themselves: K (C, H, L).
template <class T, device D>
Var<T, 3, D> ssm_kernel(Tape<T, D>& tape, const DplrVars<T, D>& vars, index_t L, double rate = 1) {
  detail::check_dplr(vars, L, rate);
  const ModeSizes s = vars.sizes();
  const auto K = tape.make(Extents<3>{s.C, s.H, L}, vars.needs_grad());
  if (L == 0) return K;
  const ContinuousSystem<D> system = vars.parameters.system(rate);
  const index_t n = vars.nodes(rate);
  const Extents<4> one{1, s.C, s.H, L};  // input
  Dplr::forward(K.output().reshape(one), detail::dplr_system(system), n);
  tape.record("s4_kernel", K, [=] {
    const ContinuousSystem<D> d = detail::zero_system(vars.parameters);
    Dplr::backward(detail::dplr_gradients(d), K.grad().reshape(one), detail::dplr_system(system), n);
    vars.parameters.backward(d, rate);
  });
  return K;
}

namespace detail {

// y (B, C H, L) with the state's part added.
template <class T, device D>
Var<T, 3, D> add_state_response(Var<T, 3, D> y, const DplrVars<T, D>& vars, Var<T, 4, D> state, double rate) {
  Tape<T, D>& tape = y.tape();
  const ModeSizes s = vars.sizes();
  const index_t B = y.size(0), L = y.size(2), n = vars.nodes(rate);
  const ContinuousSystem<D> continuous = vars.parameters.system(rate);
  DplrSystemOn<D> system = dplr_system(continuous);
  const auto x = tape.template keep<complex<double>>(Extents<3>{B, s.H, s.N});
  state_inputs(x, state.value(), system);
  system.B = x;
  const auto out = tape.make(y.sizes(), y.needs_grad() || vars.needs_grad() || state.needs_grad());
  const Extents<4> channels{B, s.C, s.H, L};
  Dplr::forward(out.output().reshape(channels), system, n, y.value().reshape(channels));
  tape.record("s4_state", out, [=, &tape] {
    const ContinuousSystem<D> d = zero_system(vars.parameters);
    const auto dx = tape.template keep<complex<double>>(x.sizes());
    fill(dx, complex<double>());
    DplrGradientsOn<D> to = dplr_gradients(d);
    to.B = dx;
    Dplr::backward(to, out.grad().reshape(channels), system, n);
    state_inputs_backward<T, D>(to, tape.grad_to_add(state), dx, state.value(), system);
    vars.parameters.backward(d, rate);
    if (y.needs_grad()) add_to(tape.grad_to_add(y), out.grad());
  });
  return out;
}

// The state after u, from state_in or zero.
template <class T, device D>
Var<T, 4, D> end_state(Var<T, 3, D> u, const DplrVars<T, D>& vars, Var<T, 4, D> state_in, double rate) {
  Tape<T, D>& tape = u.tape();
  const ModeSizes s = vars.sizes();
  const ContinuousSystem<D> system = vars.parameters.system(rate);
  const DplrStepOn<D> step = make_step(tape, dplr_system(system));
  DplrScan::discretise(step, dplr_system(system));
  const auto end =
      tape.make(Extents<4>{u.size(0), 2, s.N, s.H}, u.needs_grad() || vars.needs_grad() || state_in.needs_grad());
  impl::dplr_scan_forward(end.output(), u.value(), step, value_or_none(state_in));
  tape.record("s4_end_state", end, [=, &tape] {
    const ContinuousSystem<D> d = zero_system(vars.parameters);
    const DplrStepOn<D> dstep = make_step(tape, dplr_system(system));
    impl::dplr_scan_backward<T>(tape.grad_to_add(u), tape.grad_to_add(state_in), dstep, end.grad(), u.value(), step,
                                value_or_none(state_in));
    DplrScan::discretise_backward(dplr_gradients(d), dstep, dplr_system(system));
    vars.parameters.backward(d, rate);
  });
  return end;
}

}  // namespace detail

// As the ssm() of diagonal kernels; the form is always the convolution, `algorithm` is not looked at.
template <class T, device D>
SequenceOutput<T, D> ssm(Var<T, 3, D> u, const DplrVars<T, D>& vars, Var<T, 2, D> skip, const SsmCall& call = {},
                         Var<T, 4, D> state_in = {}, bool want_state = false) {
  const ModeSizes s = vars.sizes();
  const index_t L = u.size(2), M = call.kernel_length > 0 ? std::min(call.kernel_length, L) : L;
  detail::check_ssm(u.sizes(), s, call, bool(state_in) || want_state);
  detail::check_dplr(vars, M, call.rate);
  if (state_in) check_shape("ssm", "state_in", state_in.value(), Extents<4>{u.size(0), 2, s.N, s.H});
  const index_t C = call.bidirectional ? s.C / 2 : s.C;
  if (skip) check_shape("ssm", "D", skip.value(), Extents<2>{C, s.H}, "CH");
  const Var<T, 3, D> K = ssm_kernel(u.tape(), vars, M, call.rate);
  Var<T, 3, D> y = detail::convolve_channels(u, K, skip, C);
  if (state_in && L > 0) y = detail::add_state_response(y, vars, state_in, call.rate);
  return {y, want_state ? detail::end_state(u, vars, state_in, call.rate) : Var<T, 4, D>()};
}

}  // namespace longwave
