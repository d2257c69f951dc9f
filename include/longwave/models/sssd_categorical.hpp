// sssd_categorical.hpp - SSSD's network for events: classes in place of numbers, by masked (absorbing-state) diffusion.
//
// Each position holds one of V events or the token V, "hidden". Noise hides: at step t = 0 .. T-1 an event that is to
// be imputed is hidden with probability g = (t + 1) / T, known events never are. The network sees all tokens and
// predicts each hidden event's distribution; so it trains with cross entropy at the hidden places,
//   loss = - mean over hidden l of log p_l(event_l | tokens, t),     t uniform per sample
// which is the bound of the absorbing diffusion with its weights 1 / g left out (Austin et al. 2021, "D3PM", section
// 3.1 and appendix A.3; the same objective as Chang et al. 2022, "MaskGIT"). At least one event of a sample with
// missing ones is hidden: that with the smallest random number.
//
//   x (B, 1, L): events as whole numbers 0 .. V-1 in T   mask (B, 1, L): 1 = known, 0 = to impute   scores (B, V, L)
//   tokens -> embedding (V + 1, R) -> blocks of sssd_block.hpp, their cond (B, 1, L) being 1 where a token is an event
//   -> SssdExit, which starts at 0: an untrained network predicts every event alike
//
// Filling in takes any number of rounds (categorical_sampler.hpp); with nothing known it generates.
#pragma once

#include "longwave/autograd/functions/loss.hpp"
#include "longwave/models/event_tokens.hpp"
#include "longwave/models/sssd.hpp"
#include "longwave/nn/embedding.hpp"

namespace longwave {

struct SssdCategoricalOptions {
  SssdOptions network = {};  // in_channels and out_channels are not looked at
  index_t classes = 0;       // V
  index_t steps = 200;       // T
  double smoothing = 0;      // of the targets, in training
};

template <class Block>
struct CategoricalNetwork {
  using T = typename Block::value_type;
  using Dev = typename Block::device_type;
  using value_type = T;
  using device_type = Dev;
  using Options = SssdCategoricalOptions;

  Options options;
  Embedding<T, Dev> embedding;
  SssdTrunk<Block> residual_layer;
  SssdExit<T, Dev> final_conv;

  CategoricalNetwork(const Options& o, Generator& gen)
      : options(checked(o)),
        embedding({.vocabulary = o.classes + 1, .dim = o.network.res_channels}, gen),
        residual_layer(o.network, 1, gen),
        final_conv(o.network.skip_channels, o.classes, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("embedding.", embedding, f);
    visit("residual_layer.", residual_layer, f);
    visit("final_conv.", final_conv, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("residual_layer.", residual_layer, f);
  }

  // As SssdNetwork::hold().
  void hold(index_t L) {
    residual_layer.hold(L);
    final_conv.hold(L);
  }

  // Scores (B, V, L) of the events, for tokens (B, L) and steps (B), which must stay until backward has run.
  Var<T, 3, Dev> operator()(Tape<T, Dev>& tape, TensorView<const index_t, 2, Dev> tokens,
                            TensorView<const index_t, 1, Dev> steps) {
    check_shape("SssdCategorical", "steps", steps, Extents<1>{tokens.size(0)}, "B");
    const index_t B = tokens.size(0), L = tokens.size(1);
    const auto shown = tape.template keep<T>(Extents<3>{B, 1, L});
    for_each_index<Dev>(B * L, detail::ShownTokens<T, Dev>{shown, tokens, options.classes}, 4);
    const Var<T, 3, Dev> h = transpose(embedding(tape, tokens), 1, 2);
    return final_conv(tape, residual_layer(tape, h, tape.input(shown), steps));
  }

  // The loss above; which events are hidden, and the steps, are drawn from `gen`.
  Var<T, 0, Dev> loss(Tape<T, Dev>& tape, TensorView<const T, 3, Dev> x, TensorView<const T, 3, Dev> mask,
                      Generator& gen) {
    const index_t B = x.size(0), L = x.size(2);
    check_shape("SssdCategorical", "x", x, Extents<3>{B, 1, L}, "BCL");
    check_shape("SssdCategorical", "mask", mask, x.sizes(), "BCL");
    const auto u = tape.template keep<T>(Extents<1>{B});
    const auto v = tape.template keep<T>(Extents<2>{B, L});
    const auto steps = tape.template keep<index_t>(Extents<1>{B});
    const auto tokens = tape.template keep<index_t>(Extents<2>{B, L});
    const auto targets = tape.template keep<index_t>(Extents<2>{B, L});
    gen.uniform(u);
    gen.uniform(v);
    for_each_index<Dev>(B, detail::DrawStep<T, Dev>{steps, u, options.steps}, 4);
    for_each_index<Dev>(
        B * L, detail::HideEvents<T, Dev>{tokens, targets, x, mask, v, steps, options.steps, options.classes}, 2 * L);
    const Var<T, 3, Dev> scores = (*this)(tape, tokens, steps);
    return cross_entropy(scores, TensorView<const index_t, 2, Dev>(targets),
                         {.smoothing = options.smoothing, .ignore = detail::no_target});
  }

 private:
  static const Options& checked(const Options& o) {
    detail::check_sssd(o.network);
    detail::check_at_least("SssdCategorical", "classes", o.classes, 1);
    detail::check_at_least("SssdCategorical", "steps", o.steps, 1);
    return o;
  }
};

template <class T, device D = Host>
using SssdCategorical = CategoricalNetwork<SssdBlock<SssdS4<T, D>>>;

}  // namespace longwave
