// sssd_block.hpp - the residual block of SSSD around any sequence layer, and the sequence layers it comes with.
//
//   h = conv3(x + fc_t(e))          x (B, R, L), e (B, E)            -> (B, 2R, L)
//   h = S41(h),   h = h + cond_conv(cond)       cond (B, K, L),   h = S42(h)
//   g = tanh(h_1) sigmoid(h_2)      the halves of the channels       -> (B, R, L)
//   x_next = (x + res_conv(g)) / sqrt 2,   skip = skip_conv(g)       (B, R, L), (B, S, L)
//
//   S4Layer(u) = norm(dropout(S4(u)) + u)       norm over the features, S4 any SsmLayer of width 2R
//
// All convolutions have weight norm. Names of the official state dict. Source: Lopez Alcaraz and Strodthoff 2023
// (SSSD), figure 1 and appendix.
#pragma once

#include <optional>

#include "longwave/autograd/functions/residual_mix.hpp"
#include "longwave/models/sssd_kernel.hpp"
#include "longwave/nn/layer_norm.hpp"
#include "longwave/nn/linear.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/weight_norm_conv1d.hpp"

namespace longwave {

// The fields of wavenet_config in the official configurations, and what is ours below the line.
struct SssdOptions {
  index_t in_channels = 1, out_channels = 1;
  index_t num_res_layers = 24;
  index_t res_channels = 128, skip_channels = 128;
  index_t diffusion_step_embed_dim_in = 128, diffusion_step_embed_dim_mid = 512, diffusion_step_embed_dim_out = 512;
  index_t s4_lmax = 200;
  index_t s4_d_state = 64;
  double s4_dropout = 0;
  bool s4_bidirectional = true;
  bool s4_layernorm = true;
  // ---
  double s4_lr = 1e-3;          // SssdS4d: learning rate of its A and dt, which do not decay
  index_t dilation_cycle = 12;  // DiffWave: block n has dilation 2^(n mod cycle)
};

namespace detail {

inline void check_sssd(const SssdOptions& o) {
  const auto at_least = [](const char* option, index_t value, index_t low = 1) {
    check_at_least("Sssd", option, value, low);
  };
  at_least("in_channels", o.in_channels);
  at_least("out_channels", o.out_channels);
  at_least("num_res_layers", o.num_res_layers);
  at_least("res_channels", o.res_channels);
  at_least("skip_channels", o.skip_channels);
  at_least("diffusion_step_embed_dim_in", o.diffusion_step_embed_dim_in, 2);
  if (o.diffusion_step_embed_dim_in % 2 != 0)
    throw_value_error("Sssd: diffusion_step_embed_dim_in is " + std::to_string(o.diffusion_step_embed_dim_in) +
                      ", expected an even number: half are sines, half cosines");
  at_least("diffusion_step_embed_dim_mid", o.diffusion_step_embed_dim_mid);
  at_least("diffusion_step_embed_dim_out", o.diffusion_step_embed_dim_out);
  check_share("Sssd", "s4_dropout", o.s4_dropout);
  if (o.dilation_cycle < 1 || o.dilation_cycle > 32)
    throw_value_error("Sssd: dilation_cycle is " + std::to_string(o.dilation_cycle) + ", expected 1 to 32");
}

}  // namespace detail

// How a sequence layer is set up inside the block: specialise it for a layer of one's own.
template <class Layer>
struct SssdLayerSetup;

template <class T, device D>
struct SssdLayerSetup<SssdS4<T, D>> {  // the faithful one
  static typename SssdS4<T, D>::Options options(const SssdOptions& o) {
    return {.d_model = 2 * o.res_channels,
            .d_state = o.s4_d_state,
            .bidirectional = o.s4_bidirectional,
            .kernel = {.l_max = o.s4_lmax}};
  }
};

// S4 of the block with a diagonal kernel, A and dt trained: no length it is made for, and no table.
struct SssdS4dFlavour : SssdFlavour {
  static constexpr const char* name = "SssdS4d";
};
template <class T, device D = Host>
struct SssdS4dKernel : DiagKernel<T, D> {
  using Flavour = SssdS4dFlavour;
  using DiagKernel<T, D>::DiagKernel;

  template <class F>
  void for_each_parameter(F&& f) {
    visit("kernel.", static_cast<DiagKernel<T, D>&>(*this), f);
  }
};
template <class T, device D = Host>
using SssdS4dLayer = SsmLayer<SssdS4dKernel<T, D>>;

template <class T, device D>
struct SssdLayerSetup<SssdS4dLayer<T, D>> {
  static typename SssdS4dLayer<T, D>::Options options(const SssdOptions& o) {
    typename SssdS4dLayer<T, D>::Options to{
        .d_model = 2 * o.res_channels, .d_state = o.s4_d_state, .bidirectional = o.s4_bidirectional};
    to.kernel.lr_dt = to.kernel.lr_A = to.kernel.lr_B = o.s4_lr;
    return to;
  }
};

// norm(dropout(S4(u)) + u)
template <class Layer>
struct SssdLayer {
  using T = typename Layer::value_type;
  using Dev = typename Layer::device_type;

  Layer s4_layer;
  std::optional<LayerNorm<T, Dev>> norm_layer;
  double dropout_share;
  Tensor<T, 3, Dev> held_kernel;            // (C, H, L), or empty: see hold()
  Tensor<complex<T>, 3, Dev> held_spectra;  // of that, on the device

  SssdLayer(const SssdOptions& o, Generator& gen)
      : s4_layer(SssdLayerSetup<Layer>::options(o), gen), dropout_share(o.s4_dropout) {
    if (o.s4_layernorm) norm_layer.emplace(typename LayerNorm<T, Dev>::Options{.features = 2 * o.res_channels});
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("s4_layer.", s4_layer, f);
    if (norm_layer) visit("norm_layer.", *norm_layer, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("s4_layer.", s4_layer, f);
  }

  // Works the kernel for L samples out once, for passes over L samples whose parameters stay as they are. L = 0: no
  // more.
  void hold(index_t L) {
    held_kernel = Tensor<T, 3, Dev>();
    held_spectra = Tensor<complex<T>, 3, Dev>();
    if constexpr (requires(Tape<T, Dev> & tape) { ssm_kernel(tape, s4_layer.kernel.on(tape), L); }) {
      if (L == 0) return;
      if constexpr (requires { s4_layer.kernel.prepare(L, 1.0); }) s4_layer.kernel.prepare(L, 1.0);
      Tape<T, Dev> tape;
      tape.set_recording(false);
      const auto K = ssm_kernel(tape, s4_layer.kernel.on(tape), L);
      held_kernel = Tensor<T, 3, Dev>::uninitialized(K.sizes());
      copy(held_kernel.view(), K.value());
      const auto spectra = detail::kernel_spectra(tape, K.value(), s4_layer.D.value.size(0), L);
      if (!wanted(spectra)) return;
      held_spectra = Tensor<complex<T>, 3, Dev>::uninitialized(spectra.sizes());
      Memory<Dev>::copy(held_spectra.data(), spectra.data(), held_spectra.bytes());
    }
  }

  // The kernel for L samples, where it is a product of parameters alone: it may be formed ahead of its use.
  struct Kernel {
    Var<T, 3, Dev> K;
    TensorView<complex<T>, 3, Dev> spectra;
  };
  Kernel kernel_ahead(Tape<T, Dev>& tape, index_t L) {
    if constexpr (std::is_same_v<typename Layer::Vars, SssdVars<T, Dev>>) {
      if (!norm_layer || (dropout_share > 0 && tape.training())) return {};
      if (held_kernel.count() > 0 && held_kernel.size(2) == L) return {tape.input(held_kernel), held_spectra.view()};
      s4_layer.kernel.prepare(L, 1.0);
      const Var<T, 3, Dev> K = ssm_kernel(tape, s4_layer.kernel.on(tape), L);
      return {K, detail::kernel_spectra(tape, K.value(), s4_layer.D.value.size(0), L)};
    } else {
      return {};
    }
  }

  // ahead: what kernel_ahead gave, or nothing.
  Var<T, 3, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> u, const Kernel& ahead = {}) {
    if (!norm_layer) return dropped(tape, s4_layer(tape, u)) + u;
    const Var<T, 1, Dev> weight = norm_layer->weight.on(tape, "norm_layer.weight");
    const Var<T, 1, Dev> bias = norm_layer->bias.on(tape, "norm_layer.bias");
    if (dropout_share > 0 && tape.training())
      return add_layer_norm(dropped(tape, s4_layer(tape, u)), u, weight, bias, {.axis = 1}).second;
    auto& linear = s4_layer.output_linear;
    const Extents<3> taps{linear.options.out, linear.options.in, 1};
    // Where the device convolves within a block, it applies gelu there too.
    const auto activated = wanted(ahead.spectra) ? tape.template keep<T>(u.sizes()) : TensorView<T, 3, Dev>();
    const Var<T, 3, Dev> z = convolution(tape, u, ahead, activated);
    return residual_mix(z, u, linear.weight.on(tape, taps, "output_linear.weight"),
                        linear.bias.on(tape, "output_linear.bias"), weight, bias, 1e-5, activated);
  }

 private:
  Var<T, 3, Dev> dropped(Tape<T, Dev>&, Var<T, 3, Dev> y) const { return dropout(y, dropout_share, /*tied=*/true); }

  // K * u + D u: the layer without what residual_mix does with it.
  Var<T, 3, Dev> convolution(Tape<T, Dev>& tape, Var<T, 3, Dev> u, const Kernel& ahead,
                             TensorView<T, 3, Dev> activated) {
    const index_t features = s4_layer.options.d_model;
    check_shape("SssdLayer", "u", u.value(), Extents<3>{u.size(0), features, u.size(2)}, "BHL");
    auto& kernel = s4_layer.kernel;
    const Var<T, 2, Dev> skip = s4_layer.D.on(tape, "D");
    if (ahead.K) return detail::convolve_channels(u, ahead.K, skip, skip.size(0), ahead.spectra, activated);
    if constexpr (requires { kernel.prepare(u.size(2), 1.0); }) kernel.prepare(u.size(2), 1.0);
    const SsmCall call{.algorithm = s4_layer.options.algorithm, .bidirectional = s4_layer.options.bidirectional};
    if (held_kernel.count() > 0 && held_kernel.size(2) == u.size(2))
      return detail::convolve_channels(u, tape.input(held_kernel), skip, skip.size(0));
    return ssm(u, kernel.on(tape), skip, call).y;
  }
};

template <class T, device D = Host>
struct SssdBlockOutput {
  Var<T, 3, D> x_next, skip;  // skip: with those of earlier blocks, if they were passed
};

// The way out of a block, from h (B, 2R, L), R and S the normed weights if they are there; the skip is added to
// `total`, if there is one, which is void then.
template <class T, device D>
SssdBlockOutput<T, D> finish_block(Tape<T, D>& tape, Var<T, 3, D> x, Var<T, 3, D> h,
                                   std::type_identity_t<Var<T, 3, D>> total, WeightNormConv1d<T, D>& res,
                                   WeightNormConv1d<T, D>& skip, std::type_identity_t<Var<T, 3, D>> R = {},
                                   std::type_identity_t<Var<T, 3, D>> S = {}) {
  const GatedExitOutput<T, D> out =
      gated_exit(h, x, total, R ? R : res.weight(tape), res.bias.on(tape, "res_conv.bias"), S ? S : skip.weight(tape),
                 skip.bias.on(tape, "skip_conv.bias"), 0.5 * std::numbers::sqrt2);
  return {out.x_next, out.total};
}

template <class Layer>
struct SssdBlock {
  using T = typename Layer::value_type;
  using Dev = typename Layer::device_type;
  using value_type = T;
  using device_type = Dev;
  using Conv = WeightNormConv1d<T, Dev>;

  Linear<T, Dev> fc_t;
  SssdLayer<Layer> S41;
  Conv conv_layer;
  SssdLayer<Layer> S42;
  Conv cond_conv, res_conv, skip_conv;

  // cond_channels: K. The index of the block makes no difference here.
  SssdBlock(const SssdOptions& o, index_t cond_channels, index_t, Generator& gen)
      : fc_t({.in = o.diffusion_step_embed_dim_out, .out = o.res_channels}, gen),
        S41(o, gen),
        conv_layer({.in = o.res_channels, .out = 2 * o.res_channels, .kernel = 3, .padding = 1}, gen),
        S42(o, gen),
        cond_conv({.in = cond_channels, .out = 2 * o.res_channels}, gen),
        res_conv({.in = o.res_channels, .out = o.res_channels}, gen),
        skip_conv({.in = o.res_channels, .out = o.skip_channels}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("fc_t.", fc_t, f);
    visit("S41.", S41, f);
    visit("conv_layer.conv.", conv_layer, f);
    visit("S42.", S42, f);
    visit("cond_conv.conv.", cond_conv, f);
    visit("res_conv.", res_conv, f);
    visit("skip_conv.", skip_conv, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("S41.", S41, f);
    visit_buffers("S42.", S42, f);
  }

  void hold(index_t L) {
    S41.hold(L);
    S42.hold(L);
    for (Conv* conv : {&conv_layer, &cond_conv, &res_conv, &skip_conv}) conv->hold(L > 0);
  }

  // What a block makes of parameters and of the step alone.
  struct Ahead {
    Var<T, 2, Dev> step;                   // fc_t(e)
    Var<T, 3, Dev> conv, cond, res, skip;  // normed weights
    typename SssdLayer<Layer>::Kernel kernels[2];
    cuda::Ticket ready = 0;  // 0: nothing to wait for
  };
  Ahead ahead(Tape<T, Dev>& tape, Var<T, 2, Dev> embedding, index_t L) {
    Ahead a;
    a.ready = tape.beside().run(Lane::kernels, [&] {
      a.step = fc_t(tape, embedding);
      a.conv = conv_layer.weight(tape);
      a.kernels[0] = S41.kernel_ahead(tape, L);
      a.cond = cond_conv.weight(tape);
      a.kernels[1] = S42.kernel_ahead(tape, L);
      a.res = res_conv.weight(tape);
      a.skip = skip_conv.weight(tape);
    });
    return a;
  }

  // x (B, R, L), cond (B, K, L), embedding (B, E); total (B, S, L): skips of earlier blocks, or none.
  SssdBlockOutput<T, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> x, Var<T, 3, Dev> cond,
                                     Var<T, 2, Dev> embedding, Var<T, 3, Dev> total = {}, const Ahead& made = {}) {
    const Var<T, 3, Dev> shifted = add_at_all_times(x, made.step ? made.step : fc_t(tape, embedding));
    Var<T, 3, Dev> h = S41(tape, conv_layer(tape, shifted, made.conv), made.kernels[0]);
    h = S42(tape,
            add_projection(h, cond, made.cond ? made.cond : cond_conv.weight(tape),
                           cond_conv.bias.on(tape, "cond_conv.bias")),
            made.kernels[1]);
    return finish_block(tape, x, h, total, res_conv, skip_conv, made.res, made.skip);
  }
};

}  // namespace longwave
