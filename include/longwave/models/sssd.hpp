// sssd.hpp - SSSD: a network that predicts the noise in a partly known series, for imputation, forecasting and
// generation by diffusion.
//
//   cond = [cond m; m]                              m = 1: known, 0: to impute              (B, 2C, L)
//   e = swish(fc_t2(swish(fc_t1(embed(t)))))        diffusion/step_embedding.hpp            (B, E)
//   h = relu(init_conv(x))                                                                  (B, R, L)
//   h, skip_n = block_n(h, cond, e)                 n = 1..N, sssd_block.hpp
//   eps = final_2(relu(final_0(sum_n skip_n sqrt(1/N))))                                    (B, C', L)
//
//   Sssd<T, D>       S4 with constant A, B, P, dt: the published network, its names and its checkpoints
//   SssdS4d<T, D>    the same with a diagonal kernel whose A and dt are trained
//
//   Sssd<float> net({.in_channels = 1, .out_channels = 1, .s4_lmax = 200}, gen);
//   Var<float, 3> eps = net(tape, x, cond, mask, steps);
//
// The last convolution starts at 0, so an untrained network predicts exactly 0. Everything may be trained on one length
// and used on another. Source: Lopez Alcaraz and Strodthoff 2023 (SSSD).
#pragma once

#include <memory>
#include <vector>

#include "longwave/diffusion/step_embedding.hpp"
#include "longwave/models/sssd_block.hpp"
#include "longwave/nn/conv1d.hpp"

namespace longwave {

// The step's embedding and the blocks: what every network of this family has between its first and last convolution.
template <class Block>
struct SssdTrunk {
  using T = typename Block::value_type;
  using Dev = typename Block::device_type;

  index_t embed_dim;
  Linear<T, Dev> fc_t1, fc_t2;
  std::vector<std::unique_ptr<Block>> blocks;

  SssdTrunk(const SssdOptions& o, index_t cond_channels, Generator& gen)
      : embed_dim(o.diffusion_step_embed_dim_in),
        fc_t1({.in = o.diffusion_step_embed_dim_in, .out = o.diffusion_step_embed_dim_mid}, gen),
        fc_t2({.in = o.diffusion_step_embed_dim_mid, .out = o.diffusion_step_embed_dim_out}, gen) {
    for (index_t n = 0; n < o.num_res_layers; ++n) blocks.push_back(std::make_unique<Block>(o, cond_channels, n, gen));
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("fc_t1.", fc_t1, f);
    visit("fc_t2.", fc_t2, f);
    for (std::size_t n = 0; n < blocks.size(); ++n) visit("residual_blocks." + std::to_string(n) + ".", *blocks[n], f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    for (std::size_t n = 0; n < blocks.size(); ++n)
      visit_buffers("residual_blocks." + std::to_string(n) + ".", *blocks[n], f);
  }

  void hold(index_t L) {
    for (const std::unique_ptr<Block>& block : blocks) block->hold(L);
  }

  // h (B, R, L), cond (B, K, L), steps (B) -> sum of the skips times sqrt(1/N), (B, S, L).
  Var<T, 3, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> h, Var<T, 3, Dev> cond,
                            TensorView<const index_t, 1, Dev> steps) {
    const Var<T, 2, Dev> embedding = embed(tape, steps);
    Var<T, 3, Dev> sum;
    const auto follow = [&](const SssdBlockOutput<T, Dev>& out) {
      h = out.x_next;
      sum = out.skip;
    };
    // On the device parameters' part of a block runs beside the block before, the sum of the skips beside all.
    if constexpr (std::is_same_v<Dev, Cuda> && requires(Block & block) { block.ahead(tape, embedding, 1); }) {
      Beside<Dev>& beside = tape.beside();
      beside.set_open(true);
      auto next = blocks[0]->ahead(tape, embedding, h.size(2));
      for (std::size_t n = 0; n < blocks.size(); ++n) {
        const auto now = next;
        if (n + 1 < blocks.size()) next = blocks[n + 1]->ahead(tape, embedding, h.size(2));
        beside.wait(now.ready);
        follow((*blocks[n])(tape, h, cond, embedding, sum, now));
      }
      beside.join();
    } else {
      for (const std::unique_ptr<Block>& block : blocks) follow((*block)(tape, h, cond, embedding, sum));
    }
    return scale(sum, std::sqrt(1 / static_cast<double>(blocks.size())));
  }

  Var<T, 2, Dev> embed(Tape<T, Dev>& tape, TensorView<const index_t, 1, Dev> steps) {
    const auto waves = tape.template keep<T>(Extents<2>{steps.size(0), embed_dim});
    step_embedding(waves, steps);
    return silu(fc_t2(tape, silu(fc_t1(tape, tape.input(waves)))));
  }
};

// What every network of this family ends with, (B, S, L) -> (B, K, L): final_2(relu(final_0(h))); final_2 starts at 0.
template <class T, device D = Host>
struct SssdExit {
  WeightNormConv1d<T, D> hidden;
  Conv1d<T, D> zero_conv;

  SssdExit(index_t skip_channels, index_t out, Generator& gen)
      : hidden({.in = skip_channels, .out = skip_channels}, gen), zero_conv({.in = skip_channels, .out = out}, gen) {
    init::constant(zero_conv.weight.value.view(), 0);
    init::constant(zero_conv.bias.value.view(), 0);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("0.conv.", hidden, f);
    visit("2.conv.", zero_conv, f);
  }

  void hold(index_t L) { hidden.hold(L > 0); }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> h) { return zero_conv(tape, relu(hidden(tape, h))); }
};

template <class Block>
struct SssdNetwork {
  using T = typename Block::value_type;
  using Dev = typename Block::device_type;
  using value_type = T;
  using device_type = Dev;
  using Options = SssdOptions;

  Options options;
  WeightNormConv1d<T, Dev> init_conv;
  SssdTrunk<Block> residual_layer;
  SssdExit<T, Dev> final_conv;

  SssdNetwork(const Options& o, Generator& gen)
      : options((detail::check_sssd(o), o)),
        init_conv({.in = o.in_channels, .out = o.res_channels}, gen),
        residual_layer(o, 2 * o.in_channels, gen),
        final_conv(o.skip_channels, o.out_channels, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("init_conv.0.conv.", init_conv, f);
    visit("residual_layer.", residual_layer, f);
    visit("final_conv.", final_conv, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("residual_layer.", residual_layer, f);
  }

  // Works kernels and normed weights out once, for passes over L samples whose parameters stay as they are: those of a
  // sampler. hold(0): from here on each pass does that again, as training must.
  void hold(index_t L) {
    residual_layer.hold(L);
    init_conv.hold(L > 0);
    final_conv.hold(L);
  }

  // x: noisy, cond: known values (looked at where mask is 1), mask: all (B, C, L); steps (B), 0-based. -> (B, C', L)
  Var<T, 3, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> x, Var<T, 3, Dev> cond, Var<T, 3, Dev> mask,
                            TensorView<const index_t, 1, Dev> steps) {
    check(x, cond, mask, steps);
    const Var<T, 3, Dev> known = concat(1, cond * mask, mask);
    const Var<T, 3, Dev> sum = residual_layer(tape, relu(init_conv(tape, x)), known, steps);
    return final_conv(tape, sum);
  }

 private:
  void check(Var<T, 3, Dev> x, Var<T, 3, Dev> cond, Var<T, 3, Dev> mask,
             const TensorView<const index_t, 1, Dev>& steps) const {
    check_shape("Sssd", "x", x.value(), Extents<3>{x.size(0), options.in_channels, x.size(2)}, "BCL");
    check_shape("Sssd", "cond", cond.value(), x.sizes(), "BCL");
    check_shape("Sssd", "mask", mask.value(), x.sizes(), "BCL");
    check_shape("Sssd", "steps", steps, Extents<1>{x.size(0)}, "B");
  }
};

template <class T, device D = Host>
using Sssd = SssdNetwork<SssdBlock<SssdS4<T, D>>>;
template <class T, device D = Host>
using SssdS4d = SssdNetwork<SssdBlock<SssdS4dLayer<T, D>>>;

}  // namespace longwave
