// residual_mix_device.hpp - the ends of a residual block on the device, in passes that only big products part (formulas
// and sizes: functions/residual_mix.hpp). Bias and residual are added where the norm reads W gelu(z); those of the
// exits are laid down first and the product is added to them, so neither R g nor S g is ever stored. gelu(z) is worked
// out again for its gradient, unless the convolution before applied it and it was kept; the gradient of a residual is
// handed on without a copy.
//
// Passes over tensors of u's size: residual_mix 8 forward and 13 backward instead of 13 and 20; bytes kept for the
// backward pass: z, the sum and y instead of these and two more.
#pragma once

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/core/add_rows.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/ops/conv1d.hpp"
#include "longwave/ops/gate.hpp"
#include "longwave/ops/norm.hpp"

namespace longwave {

template <class T, device D = Host>
struct GatedExitOutput {
  Var<T, 3, D> x_next, total;
};

namespace detail {

// A weight (O, I, 1) as the matrix that it is.
template <class T, device D>
TensorView<T, 2, D> tap_matrix(const TensorView<T, 3, D>& W) {
  return wanted(W) ? W.reshape(Extents<2>{W.size(0), W.size(1)}) : TensorView<T, 2, D>();
}

template <class... V>
bool all_dense(const V&... views) {
  return (views.contiguous() && ...);
}

// y (B, O, L) += factor W x, or with = instead of +=; W (O, I, 1).
template <class T>
void tap_product(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> W, TensorView<const T, 3, Cuda> x,
                 bool accumulate, double factor = 1) {
  const TensorView<const T, 2, Cuda> matrix(W.data(), Extents<2>{W.size(0), W.size(1)},
                                            Extents<2>{W.stride(0), W.stride(1)});
  cuda::gemm<T>(y, cuda::repeated(matrix, y.size(0)), x, accumulate, factor);
}
template <class T>
void add_product(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> W, TensorView<const T, 3, Cuda> x) {
  tap_product<T>(y, W, x, true);
}

// sum = u + W v + bias and y = norm(sum); sum, mean and rstd may be left out. In one pass after the product, whose
// result is then in working memory; else both summands are laid down first and the product is added to them.
template <class T>
void add_product_and_norm(TensorView<T, 3, Cuda> y, TensorView<T, 3, Cuda> sum, TensorView<T, 2, Cuda> mean,
                          TensorView<T, 2, Cuda> rstd, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> W,
                          TensorView<const T, 3, Cuda> v, TensorView<const T, 1, Cuda> bias,
                          TensorView<const T, 1, Cuda> weight, TensorView<const T, 1, Cuda> shift,
                          LayerNormOptions norm) {
  ScratchOn<Cuda> scratch;
  const auto room = scratch.tensor<T>(u.sizes());
  const cuda::Lines<T, 6> lines(1, u.size(1), y, u, impl::along_axis<T, 3>(mean, 1), impl::along_axis<T, 3>(rstd, 1),
                                sum, TensorView<const T, 3, Cuda>(room));
  if (cuda::ChannelTiles<T, 6>(lines).fits) {
    tap_product<T>(room, W, v, false);
    return cuda::layer_norm_forward(
        lines, cuda::NormParameters<T>{weight, shift, nullptr, static_cast<double>(norm.eps), 0, bias});
  }
  if (!wanted(sum)) sum = room;
  impl::add_rows(sum, u, impl::for_all_entries(bias, u.size(0)));
  add_product<T>(sum, W, v);
  ops::LayerNorm::forward(y, mean, rstd, TensorView<const T, 3, Cuda>(sum), weight, shift, norm);
}

// Gradient of the sum that was normed, assigned to dsum; those of weight and shift are added up beside the pass.
template <class T>
void norm_gradients(TensorView<T, 3, Cuda> dsum, Var<T, 1, Cuda> weight, Var<T, 1, Cuda> shift,
                    TensorView<const T, 3, Cuda> dy, TensorView<const T, 2, Cuda> mean,
                    TensorView<const T, 2, Cuda> rstd, TensorView<const T, 3, Cuda> sum, LayerNormOptions norm) {
  Tape<T, Cuda>& tape = weight.tape();
  const TensorView<const T, 3, Cuda> none;
  const cuda::ChannelTiles<T, 7> tiles(cuda::Lines<T, 6>(1, sum.size(1), sum.sizes(), dsum, dy, sum,
                                                         impl::along_axis<const T, 3>(mean, 1),
                                                         impl::along_axis<const T, 3>(rstd, 1), none));
  if (!tiles.fits || (!weight.needs_grad() && !shift.needs_grad()))
    return ops::LayerNorm::backward(dsum, tape.grad_to_add(weight), tape.grad_to_add(shift), dy, mean, rstd, sum,
                                    weight.value(), norm);
  const auto parts = tape.template keep<double>(Extents<3>{cuda::layer_norm_parts(tiles), 2, sum.size(1)});
  cuda::layer_norm_backward_in_parts(tiles, cuda::NormParameters<T>{weight.value(), {}, nullptr, 0, 0}, parts);
  tape.beside().run(Lane::sums,
                    [&] { cuda::add_layer_norm_parts<T>(tape.grad_to_add(weight), tape.grad_to_add(shift), parts); });
}

// dbias += sums of dy (B, O, L) over B and L, beside the pass; dy was formed by an op that got an x and a W of one tap.
template <class T>
void add_bias_aside(Var<T, 1, Cuda> bias, TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x,
                    TensorView<const T, 3, Cuda> W) {
  if (!bias.needs_grad()) return;
  Tape<T, Cuda>& tape = bias.tape();
  tape.beside().run(Lane::sums, [&] {
    tape.beside().only_reads(dy.data());
    ops::Conv1d::backward<T, Cuda>({}, {}, tape.grad_to_add(bias), dy, x, W);
  });
}

template <class T>
Var<T, 3, Cuda> residual_mix_fused(Var<T, 3, Cuda> z, Var<T, 3, Cuda> u, Var<T, 3, Cuda> W, Var<T, 1, Cuda> bias,
                                   Var<T, 1, Cuda> weight, Var<T, 1, Cuda> shift, LayerNormOptions norm,
                                   TensorView<const T, 3, Cuda> activated) {
  Tape<T, Cuda>& tape = z.tape();
  const Var<T, 3, Cuda> y = tape.make(u.sizes(), z.needs_grad() || u.needs_grad() || W.needs_grad() ||
                                                     bias.needs_grad() || weight.needs_grad() || shift.needs_grad());
  const Extents<2> positions{u.size(0), u.size(2)};
  ScratchOn<Cuda> scratch;
  const bool kept = y.needs_grad();
  const auto sum = kept ? tape.template keep<T>(u.sizes()) : TensorView<T, 3, Cuda>();
  const auto mean = kept ? tape.template keep<T>(positions) : TensorView<T, 2, Cuda>();
  const auto rstd = kept ? tape.template keep<T>(positions) : TensorView<T, 2, Cuda>();
  TensorView<const T, 3, Cuda> v = activated;
  if (!wanted(v)) {
    const auto room = scratch.template tensor<T>(z.sizes());
    ops::Gelu::forward(room, z.value());
    v = room;
  }
  add_product_and_norm<T>(y.output(), sum, mean, rstd, u.value(), W.value(), v, bias.value(), weight.value(),
                          shift.value(), norm);
  tape.record("residual_mix", y, [=, &tape] {
    const TensorView<T, 3, Cuda> dsum = tape.template keep<T>(u.sizes());
    norm_gradients<T>(dsum, weight, shift, y.grad(), mean, rstd, sum, norm);
    tape.beside().run(Lane::products, [&] {
      tape.beside().only_reads(dsum.data());
      ScratchOn<Cuda> room;
      TensorView<const T, 3, Cuda> again = activated;
      if (!wanted(again)) {
        const auto made = room.template tensor<T>(z.sizes());
        ops::Gelu::forward(made, z.value());
        again = made;
      }
      ops::Conv1d::backward<T, Cuda>({}, tape.grad_to_add(W), {}, dsum, again, W.value());
    });
    add_bias_aside<T>(bias, dsum, z.value(), W.value());
    if (z.needs_grad()) {
      const Grad dz(z);
      ScratchOn<Cuda> room;
      const auto dv = room.template tensor<T>(z.sizes());
      ops::Conv1d::backward<T, Cuda>(dv, {}, {}, dsum, z.value(), W.value());
      ops::Gelu::backward(dz.view(), TensorView<const T, 3, Cuda>(dv), z.value());
    }
    if (u.needs_grad()) tape.hand_over(u, dsum);
  });
  return y;
}

template <class T>
GatedExitOutput<T, Cuda> gated_exit_fused(Var<T, 3, Cuda> h, Var<T, 3, Cuda> x, Var<T, 3, Cuda> total,
                                          Var<T, 3, Cuda> R, Var<T, 1, Cuda> r, Var<T, 3, Cuda> S, Var<T, 1, Cuda> s,
                                          double scale) {
  Tape<T, Cuda>& tape = h.tape();
  const bool inner = h.needs_grad();
  const index_t B = h.size(0);
  const Extents<3> sizes{B, S.size(0), h.size(2)}, gated = ops::Gate::output_sizes(h.sizes());
  const Var<T, 3, Cuda> x_next = tape.make(x.sizes(), inner || x.needs_grad() || R.needs_grad() || r.needs_grad());
  const bool needs = inner || S.needs_grad() || s.needs_grad() || total.needs_grad();
  const Var<T, 3, Cuda> sum = total ? tape.alias(total.output(), needs) : tape.make(sizes, needs);
  ScratchOn<Cuda> scratch;
  const bool kept = x_next.needs_grad() || sum.needs_grad();
  const bool ahead = tape.beside().open();  // then the sum of skips is joined later
  const auto g = kept || ahead ? tape.template keep<T>(gated) : scratch.template tensor<T>(gated);
  ops::Gate::forward(g, h.value());
  const auto add_skip = [&] {
    impl::add_rows(sum.output(), value_or_none(total), impl::for_all_entries(s.value(), B));
    add_product<T>(sum.output(), S.value(), g);
  };
  if (ahead)
    tape.beside().run(Lane::products, add_skip);
  else
    add_skip();
  impl::add_rows(x_next.output(), x.value(), impl::for_all_entries(r.value(), B), {}, {}, static_cast<T>(scale));
  tap_product<T>(x_next.output(), R.value(), g, true, scale);
  tape.record("gated_exit", x_next, sum, [=, &tape] {
    const TensorView<T, 3, Cuda> dsum = sum.node()->grad;
    const TensorView<const T, 3, Cuda> dnext = x_next.grad();
    {
      const Grad dh(h), dx(x);
      ScratchOn<Cuda> room;
      const auto dg = room.template tensor<T>(gated);
      const auto to = wanted(dx.view()) || !wanted(dnext) ? dx.view() : tape.template keep<T>(x.sizes());
      if (wanted(dnext))
        ops::Unary<ScaleRule>::forward(to, dnext, ScaleRule{scale, 0});
      else if (wanted(to))
        detail::fill(to, T(0));
      tape.beside().run(Lane::products, [&] {
        if (wanted(dnext)) {
          tape.beside().only_reads(to.data());
          ops::Conv1d::backward<T, Cuda>({}, tape.grad_to_add(R), {}, to, g, R.value());
        }
        if (wanted(dsum)) {
          tape.beside().only_reads(dsum.data());
          ops::Conv1d::backward<T, Cuda>({}, tape.grad_to_add(S), {}, dsum, g, S.value());
        }
      });
      if (wanted(dnext)) add_bias_aside<T>(r, to, g, R.value());
      if (wanted(dsum)) add_bias_aside<T>(s, dsum, g, S.value());
      if (wanted(dnext))
        ops::Conv1d::backward<T, Cuda>(dg, {}, {}, to, g, R.value());
      else
        detail::fill(dg, T(0));
      if (wanted(dsum)) add_product<T>(dg, S.value().transpose(0, 1), dsum);
      if (wanted(dh.view())) ops::Gate::backward(dh.view(), TensorView<const T, 3, Cuda>(dg), h.value());
    }
    if (total.needs_grad() && wanted(dsum)) tape.hand_over(total, dsum);
  });
  return {x_next, sum};
}

// h + W c + bias, for c of few channels; h's gradient is that of the result, in the same memory.
template <class T>
Var<T, 3, Cuda> add_projection_fused(Var<T, 3, Cuda> h, Var<T, 3, Cuda> c, Var<T, 3, Cuda> W, Var<T, 1, Cuda> bias) {
  Tape<T, Cuda>& tape = h.tape();
  const Var<T, 3, Cuda> y =
      tape.make(h.sizes(), h.needs_grad() || c.needs_grad() || W.needs_grad() || bias.needs_grad());
  impl::add_rows(y.output(), h.value(), impl::for_all_entries(bias.value(), h.size(0)), c.value(),
                 tap_matrix(W.value()));
  tape.record("add_projection", y, [=, &tape] {
    tape.beside().run(Lane::sums, [&] {
      tape.beside().only_reads(y.grad().data());
      ops::Conv1d::backward<T, Cuda>({}, tape.grad_to_add(W), tape.grad_to_add(bias), y.grad(), c.value(), W.value());
    });
    if (c.needs_grad()) {
      const Grad dc(c);
      ops::Conv1d::backward<T, Cuda>(dc.view(), {}, {}, y.grad(), c.value(), W.value());
    }
    if (h.needs_grad()) tape.hand_over(h, y.node()->grad);
  });
  return y;
}

// x (B, R, L) + v (B, R) at every position, likewise.
template <class T>
Var<T, 3, Cuda> add_at_all_times_fused(Var<T, 3, Cuda> x, Var<T, 2, Cuda> v) {
  Tape<T, Cuda>& tape = x.tape();
  const Extents<3> column{v.size(0), v.size(1), 1};
  const Var<T, 3, Cuda> y = tape.make(x.sizes(), x.needs_grad() || v.needs_grad());
  impl::add_rows(y.output(), x.value(), v.value());
  tape.record("add_at_all_times", y, [=, &tape] {
    if (v.needs_grad())
      tape.beside().run(Lane::sums, [&] {
        tape.beside().only_reads(y.grad().data());
        const Grad dv(v);
        ops::Binary<AddRule>::backward(TensorView<T, 3, Cuda>(), dv.view().reshape(column), y.grad(), x.value(),
                                       v.value().reshape(column), AddRule());
      });
    if (x.needs_grad()) tape.hand_over(x, y.node()->grad);
  });
  return y;
}

}  // namespace detail
}  // namespace longwave
