// ssm_bfloat16.hpp - a diagonal state-space layer on a tape whose u and y are stored in bfloat16: ssm.hpp with half of
// the bytes. Modes, skip weights and the gradients of parameters are float or wider, sums are carried in float.
//
//   u (B, H, L) -> y (B, C H, L), both bfloat16, as are dL/dy and dL/du
//
// One causal kernel per feature over the whole sequence runs in bfloat16; other kernels (channels, two-sided, cut,
// anchored) and states run in float, between casts where it is this function that is called.
#pragma once

#include "longwave/autograd/functions/cast.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

namespace detail {

// One kernel of given modes, m.x and v (1, H, N). finish(d) takes their gradients: d.x, and that of v in d.c.
template <device D, class Finish>
Var<bfloat16, 3, D> ssm_of_modes(Var<bfloat16, 3, D> u, const DiagonalModes<D>& m,
                                 TensorView<const complex<double>, 3, D> v, Var<float, 2, D> skip, Algorithm there,
                                 Algorithm back, bool modes_need_grad, Finish finish) {
  Tape<float, D>& tape = u.tape();
  const Extents<2> modes = m.x.sizes();
  if (skip) check_shape("ssm", "D", skip.value(), Extents<2>{1, modes[0]}, "CH");
  DiagonalInputs<float, D, bfloat16> in{
      u.value(), m.x, v[0], skip ? skip.value()[0] : TensorView<const float, 1, D>(), {}};
  const bool needs = u.needs_grad() || modes_need_grad || skip.needs_grad();
  if (needs && tape.recording() && there == back)
    if (const index_t n = impl::kept_numbers(in, there)) in.kept = tape.template keep<float>(Extents<1>{n});
  const auto y = tape.template make_as<bfloat16>(u.sizes(), needs);
  const TensorView<float, 1, D> kept(const_cast<float*>(in.kept.data()), in.kept.sizes());
  Diagonal::forward(DiagonalOutputs<float, D, bfloat16>{y.output(), {}, kept}, in, there);

  const bool weights = m.b.data() != nullptr;
  tape.record("ssm", y, [=, &tape] {
    const DiagonalModes<D> d{tape.template keep<complex<double>>(modes),
                             weights ? tape.template keep<complex<double>>(modes) : TensorView<complex<double>, 2, D>(),
                             tape.template keep<complex<double>>(v.sizes())};
    const Grad du(u);
    const auto dskip = tape.grad_to_add(skip);
    Diagonal::backward(
        DiagonalGradients<float, D, bfloat16>{
            du, d.x, d.c[0], wanted(dskip) ? dskip[0] : TensorView<float, 1, D>(), {}},
        DiagonalCotangents<float, D, bfloat16>{y.grad(), {}}, in, back);
    finish(d);
  });
  return y;
}

}  // namespace detail

template <device D, diagonal_vars V>
Var<bfloat16, 3, D> ssm(Var<bfloat16, 3, D> u, const V& vars, std::type_identity_t<Var<float, 2, D>> skip,
                        const SsmCall& call = {}) {
  Tape<float, D>& tape = u.tape();
  const ModeSizes s = vars.sizes();
  const index_t B = u.size(0), L = u.size(2);
  const bool cut = call.kernel_length > 0 && call.kernel_length < L;
  if (s.C != 1 || call.bidirectional || cut || detail::is_anchored(vars))
    return cast<bfloat16>(ssm(cast<float>(u), vars, skip, call).y);
  detail::check_ssm(u.sizes(), s, call, false);

  const ModeCall mode_call{L, call.rate};
  const DiagonalModes<D> m = detail::make_modes(tape, vars, s);
  const TensorView<complex<double>, 3, D> v = detail::weighted_modes(tape, vars, m, mode_call);
  const bool choose = call.algorithm == Algorithm::auto_;
  const Algorithm there = choose ? impl::chosen_forward<float, D>(B, s.N, L) : call.algorithm;
  const Algorithm back = choose ? impl::chosen_backward<float, D>(B, s.N, L) : call.algorithm;
  return detail::ssm_of_modes<D>(u, m, v, skip, there, back, vars.needs_grad(),
                                 [=](const DiagonalModes<D>& d) { detail::backward_modes(vars, d, m, mode_call); });
}

}  // namespace longwave
