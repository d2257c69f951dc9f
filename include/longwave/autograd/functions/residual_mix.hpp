// functions/residual_mix.hpp - two ends of a residual block on the tape, in one op each.
//
//   residual_mix   y = norm(u + W gelu(z) + bias)                              z (B, I, L), u, y (B, H, L), W (H, I)
//   gated_exit     g = gate(h),   x_next = scale (x + R g + r),   total' = total + S g + s
//                  h (B, 2K, L), x (B, K', L), R (K', K), total (B, O, L) or left out, S (O, K)
//
//   add_projection y = h + W c + bias                                          c (B, K, L), h, y (B, H, L), W (H, K)
//   add_at_all_times  y = x + v                                                x, y (B, R, L), v (B, R)
//
// norm is that over the features, axis 1. On the host, for batches of 8 and more, the batch entries go through the
// first two one by one (ops/residual_mix.hpp): neither gelu(z), nor W gelu(z), nor g is kept. On the device all have
// fewer passes than their ops (autograd/residual_mix_device.hpp). Both add to total in place, so the Var that is passed
// for it is void afterwards, as is the gradient of a result of the last two. Otherwise they are compositions of the ops
// they stand for.
#pragma once

#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/gate.hpp"
#include "longwave/autograd/functions/norm.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/autograd/residual_mix_device.hpp"
#include "longwave/ops/residual_mix.hpp"

namespace longwave {

inline constexpr index_t residual_mix_batch = 8;  // batch entries from which they are worth threads of their own

namespace detail {

template <class T>
Var<T, 3> residual_mix_fused(Var<T, 3> z, Var<T, 3> u, Var<T, 3> W, Var<T, 1> bias, Var<T, 1> weight, Var<T, 1> shift,
                             LayerNormOptions norm) {
  Tape<T>& tape = z.tape();
  const bool needs = z.needs_grad() || u.needs_grad() || W.needs_grad() || bias.needs_grad() || weight.needs_grad() ||
                     shift.needs_grad();
  const Var<T, 3> y = tape.make(u.sizes(), needs);
  const Extents<2> positions{u.size(0), u.size(2)};
  const impl::ResidualMix<T> m{.z = z.value(),
                               .u = u.value(),
                               .W = tap_matrix(W.value()),
                               .bias = bias.value(),
                               .weight = weight.value(),
                               .shift = shift.value(),
                               .sum = tape.template keep<T>(u.sizes()),
                               .mean = tape.template keep<T>(positions),
                               .rstd = tape.template keep<T>(positions),
                               .norm = norm};
  impl::residual_mix_forward(y.output(), m);
  tape.record("residual_mix", y, [=, &tape] {
    const Grad dz(z), du(u);
    Scratch scratch;
    impl::residual_mix_backward<T>({.dz = dz.view(),
                                    .du = wanted(du.view()) ? du.view() : scratch.tensor<T>(u.sizes()),
                                    .dW = tap_matrix(tape.grad_to_add(W)),
                                    .dbias = tape.grad_to_add(bias),
                                    .dweight = tape.grad_to_add(weight),
                                    .dshift = tape.grad_to_add(shift)},
                                   y.grad(), m);
  });
  return y;
}

}  // namespace detail

// W (H, I, 1). activated: gelu(z), if it is there already, on this tape; only what records then reads z itself.
template <class T, device D>
Var<T, 3, D> residual_mix(Var<T, 3, D> z, Var<T, 3, D> u, Var<T, 3, D> W, Var<T, 1, D> bias, Var<T, 1, D> weight,
                          Var<T, 1, D> shift, double eps = 1e-5,
                          std::type_identity_t<TensorView<const T, 3, D>> activated = {}) {
  const LayerNormOptions norm{.axis = 1, .eps = eps};
  check_shape("residual_mix", "W", W.value(), Extents<3>{u.size(1), z.size(1), 1}, "OIk");
  check_shape("residual_mix", "z", z.value(), Extents<3>{u.size(0), z.size(1), u.size(2)}, "BIL");
  check_shape("residual_mix", "bias", bias.value(), Extents<1>{u.size(1)}, "H");
  if constexpr (std::is_same_v<D, Host>)
    if (u.size(0) >= residual_mix_batch && detail::all_dense(z.value(), u.value(), W.value()))
      return detail::residual_mix_fused(z, u, W, bias, weight, shift, norm);
  if constexpr (std::is_same_v<D, Cuda>)
    if (detail::all_dense(z.value(), u.value(), W.value()))
      return detail::residual_mix_fused(z, u, W, bias, weight, shift, norm, activated);
  if (wanted(activated)) throw_value_error("residual_mix: an activated z is for dense operands on the device");
  return add_layer_norm(conv1d(gelu(z), W, bias), u, weight, shift, norm).second;
}

namespace detail {

template <class T>
GatedExitOutput<T> gated_exit_fused(Var<T, 3> h, Var<T, 3> x, Var<T, 3> total, Var<T, 3> R, Var<T, 1> r, Var<T, 3> S,
                                    Var<T, 1> s, double scale) {
  Tape<T>& tape = h.tape();
  const bool inner = h.needs_grad();
  const Var<T, 3> x_next = tape.make(x.sizes(), inner || x.needs_grad() || R.needs_grad() || r.needs_grad());
  const bool needs = inner || S.needs_grad() || s.needs_grad() || total.needs_grad();
  const Extents<3> sizes{h.size(0), S.size(0), h.size(2)};
  const Var<T, 3> sum = total ? tape.alias(total.output(), needs) : tape.make(sizes, needs);
  const impl::GatedExit<T> m{.h = h.value(),
                             .x = x.value(),
                             .R = tap_matrix(R.value()),
                             .S = tap_matrix(S.value()),
                             .r = r.value(),
                             .s = s.value(),
                             .scale = static_cast<T>(scale)};
  impl::gated_exit_forward(x_next.output(), sum.output(), bool(total), m);
  tape.record("gated_exit", x_next, sum, [=, &tape] {
    {
      const Grad dh(h), dx(x);
      impl::gated_exit_backward<T>({.dh = dh.view(),
                                    .dx = dx.view(),
                                    .dR = tap_matrix(tape.grad_to_add(R)),
                                    .dS = tap_matrix(tape.grad_to_add(S)),
                                    .dr = tape.grad_to_add(r),
                                    .ds = tape.grad_to_add(s)},
                                   x_next.grad(), sum.grad(), m);
    }
    const auto dsum = sum.node()->grad;
    if (total.needs_grad() && wanted(dsum)) tape.hand_over(total, dsum);
  });
  return {x_next, sum};
}

}  // namespace detail

// R (K', K, 1), S (O, K, 1); total may be left out: then the result is S g + s.
template <class T, device D>
GatedExitOutput<T, D> gated_exit(Var<T, 3, D> h, Var<T, 3, D> x, std::type_identity_t<Var<T, 3, D>> total,
                                 Var<T, 3, D> R, Var<T, 1, D> r, Var<T, 3, D> S, Var<T, 1, D> s, double scale) {
  const index_t K = ops::Gate::output_sizes(h.sizes())[1];
  check_shape("gated_exit", "R", R.value(), Extents<3>{x.size(1), K, 1}, "OIk");
  check_shape("gated_exit", "S", S.value(), Extents<3>{S.size(0), K, 1}, "OIk");
  check_shape("gated_exit", "x", x.value(), Extents<3>{h.size(0), R.size(0), h.size(2)}, "BKL");
  if (total) check_shape("gated_exit", "total", total.value(), Extents<3>{h.size(0), S.size(0), h.size(2)}, "BOL");
  if constexpr (std::is_same_v<D, Host>)
    if (h.size(0) >= residual_mix_batch && detail::all_dense(h.value(), x.value(), R.value(), S.value()))
      return detail::gated_exit_fused(h, x, total, R, r, S, s, scale);
  if constexpr (std::is_same_v<D, Cuda>)
    if (detail::all_dense(h.value(), x.value(), R.value(), S.value()) && (!total || total.value().contiguous()))
      return detail::gated_exit_fused(h, x, total, R, r, S, s, scale);
  const Var<T, 3, D> g = gate(h), skip = conv1d(g, S, s);
  return {binary(x, conv1d(g, R, r), WeightedSumRule{scale, scale}), total ? total + skip : skip};
}

// W (H, K, 1).
template <class T, device D>
Var<T, 3, D> add_projection(Var<T, 3, D> h, Var<T, 3, D> c, Var<T, 3, D> W, Var<T, 1, D> bias) {
  check_shape("add_projection", "W", W.value(), Extents<3>{h.size(1), c.size(1), 1}, "OIk");
  check_shape("add_projection", "c", c.value(), Extents<3>{h.size(0), c.size(1), h.size(2)}, "BKL");
  check_shape("add_projection", "bias", bias.value(), Extents<1>{h.size(1)}, "H");
  if constexpr (std::is_same_v<D, Cuda>)
    if (detail::all_dense(h.value(), W.value())) return detail::add_projection_fused(h, c, W, bias);
  return h + conv1d(c, W, bias);
}

template <class T, device D>
Var<T, 3, D> add_at_all_times(Var<T, 3, D> x, Var<T, 2, D> v) {
  check_shape("add_at_all_times", "v", v.value(), Extents<2>{x.size(0), x.size(1)}, "BR");
  if constexpr (std::is_same_v<D, Cuda>)
    if (x.value().contiguous()) return detail::add_at_all_times_fused(x, v);
  return x + reshape(v, Extents<3>{v.size(0), v.size(1), 1});
}

}  // namespace longwave
