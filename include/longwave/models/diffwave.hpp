// diffwave.hpp - DiffWave as an imputer: the network of sssd.hpp whose blocks have dilated convolutions in place of S4.
//
//   h = conv3(x + fc_t(e); dilation 2^(n mod cycle)) + cond_conv(cond)          n = 0..: number of the block
//   g = tanh(h_1) sigmoid(h_2),   x_next = (x + res_conv(g)) / sqrt 2,   skip = skip_conv(g)
//
//   DiffWave<float> net({.in_channels = 12, .out_channels = 12, .num_res_layers = 36, ...}, gen);
//
// Of the options those of S4 are not looked at; a block sees 2^(n mod cycle) samples to each side. Names of the
// official state dict. Sources: Kong et al. 2021 (DiffWave); as imputer: Lopez Alcaraz and Strodthoff 2023 (SSSD).
#pragma once

#include "longwave/models/sssd.hpp"

namespace longwave {

template <class T_, device D = Host>
struct DiffWaveBlock {
  using T = T_;
  using Dev = D;
  using value_type = T;
  using device_type = Dev;
  using Conv = WeightNormConv1d<T, Dev>;

  Linear<T, Dev> fc_t;
  Conv conv_layer, cond_conv, res_conv, skip_conv;

  DiffWaveBlock(const SssdOptions& o, index_t cond_channels, index_t n, Generator& gen)
      : fc_t({.in = o.diffusion_step_embed_dim_out, .out = o.res_channels}, gen),
        conv_layer({.in = o.res_channels,
                    .out = 2 * o.res_channels,
                    .kernel = 3,
                    .padding = dilation(o, n),
                    .dilation = dilation(o, n)},
                   gen),
        cond_conv({.in = cond_channels, .out = 2 * o.res_channels}, gen),
        res_conv({.in = o.res_channels, .out = o.res_channels}, gen),
        skip_conv({.in = o.res_channels, .out = o.skip_channels}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("fc_t.", fc_t, f);
    visit("conv_layer.conv.", conv_layer, f);
    visit("cond_conv.conv.", cond_conv, f);
    visit("res_conv.", res_conv, f);
    visit("skip_conv.", skip_conv, f);
  }

  void hold(index_t L) {
    for (Conv* conv : {&conv_layer, &cond_conv, &res_conv, &skip_conv}) conv->hold(L > 0);
  }

  // x (B, R, L), cond (B, K, L), embedding (B, E); total (B, S, L): skips of earlier blocks, or none.
  SssdBlockOutput<T, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> x, Var<T, 3, Dev> cond,
                                     Var<T, 2, Dev> embedding, Var<T, 3, Dev> total = {}) {
    const Var<T, 3, Dev> h = conv_layer(tape, add_at_all_times(x, fc_t(tape, embedding)));
    const Var<T, 3, Dev> told =
        add_projection(h, cond, cond_conv.weight(tape), cond_conv.bias.on(tape, "cond_conv.bias"));
    return finish_block(tape, x, told, total, res_conv, skip_conv);
  }

 private:
  static index_t dilation(const SssdOptions& o, index_t n) { return index_t(1) << (n % o.dilation_cycle); }
};

template <class T, device D = Host>
using DiffWave = SssdNetwork<DiffWaveBlock<T, D>>;

}  // namespace longwave
