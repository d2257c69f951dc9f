// mnist1d_s4d_denoiser.hpp - a denoiser for the MNIST-1D diffusion experiments that knows its points are a sequence:
// bidirectional state-space layers in place of the point U-Net, behind the same calls (mnist1d_denoiser.hpp).
//
//   h = Conv1x1([x; c]) + MLP_t(step embedding of t) + MLP_c(c)          x, c (B, P) as two channels, h (B, H, P)
//   h = h + layer(h), as often as asked                                  layer: S4 block with a diagonal kernel
//   y = Conv1x1(h)                                                       (B, P)
//
// MLP_t and MLP_c are the same at every position. MLP_c carries what the last number of c says (which of two sets a
// sample belongs to) to all positions.
#pragma once

#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/nn/conv1d.hpp"
#include "longwave/nn/s4_diag.hpp"

namespace longwave {

struct Mnist1dS4dDenoiserOptions {
  index_t points = 41;    // P
  index_t hidden = 32;    // H
  index_t d_state = 32;   // N
  index_t step_dim = 32;  // of the step embedding
  index_t layers = 2;
  index_t steps = 20;  // T
};

template <class T, device D>
struct PreparedSequenceCondition {
  Var<T, 2, D> condition, steps;  // (B, H), (T, H)
  Var<T, 3, D> sequence;          // c as (B, 1, P)

  PreparedSequenceCondition on(Tape<T, D>& tape) const {
    return {tape.input(condition.value()), tape.input(steps.value()), tape.input(sequence.value())};
  }
};

template <class T, device D = Host>
struct Mnist1dS4dDenoiser {
  Mnist1dS4dDenoiserOptions options;
  Tensor<T, 2, D> table;  // (T, step_dim)
  Conv1d<T, D> input;
  detail::TwoLinear<T, D> step_mlp, condition_mlp;
  std::vector<S4Diag<T, D>> layers;
  Conv1d<T, D> output;

  Mnist1dS4dDenoiser(const Mnist1dS4dDenoiserOptions& o, Generator& gen)
      : options(checked(o)),
        table(detail::step_table<T, D>(o.steps, o.step_dim)),
        input({.in = 2, .out = o.hidden}, gen),
        step_mlp(o.step_dim, o.hidden, o.hidden, false, gen),
        condition_mlp(o.points, o.hidden, o.hidden, false, gen),
        output({.in = o.hidden, .out = 1}, gen) {
    S4DiagOptions block{.d_model = o.hidden, .d_state = o.d_state, .bidirectional = true};
    for (index_t i = 0; i < o.layers; ++i) layers.emplace_back(block, gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("input.", input, f);
    visit("step_mlp.", step_mlp, f);
    visit("condition_mlp.", condition_mlp, f);
    for (std::size_t i = 0; i < layers.size(); ++i) visit("layers." + std::to_string(i) + ".", layers[i], f);
    visit("output.", output, f);
  }

  // c (B, P), dense
  PreparedSequenceCondition<T, D> prepare(Tape<T, D>& tape, Var<T, 2, D> c) {
    return {condition_mlp(tape, c), step_mlp(tape, tape.input(table)), one_channel(c)};
  }

  // x (B, P), t (B): must stay until backward has run.
  Var<T, 2, D> denoise(Tape<T, D>& tape, Var<T, 2, D> x, const PreparedSequenceCondition<T, D>& prepared,
                       TensorView<const index_t, 1, D> t) {
    const index_t B = x.size(0);
    const Var<T, 2, D> rows = embedding(prepared.steps, t) + prepared.condition;
    Var<T, 3, D> h =
        input(tape, concat(1, one_channel(x), prepared.sequence)) + reshape(rows, Extents<3>{B, options.hidden, 1});
    for (auto& layer : layers) h = h + layer(tape, h);
    return reshape(output(tape, h), Extents<2>{B, options.points});
  }

  Var<T, 2, D> operator()(Tape<T, D>& tape, Var<T, 2, D> x, Var<T, 2, D> c, TensorView<const index_t, 1, D> t) {
    return denoise(tape, x, prepare(tape, c), t);
  }

 private:
  static const Mnist1dS4dDenoiserOptions& checked(const Mnist1dS4dDenoiserOptions& o) {
    detail::check_at_least("Mnist1dS4dDenoiser", "points", o.points, 1);
    detail::check_at_least("Mnist1dS4dDenoiser", "hidden", o.hidden, 1);
    detail::check_at_least("Mnist1dS4dDenoiser", "layers", o.layers, 1);
    detail::check_at_least("Mnist1dS4dDenoiser", "steps", o.steps, 1);
    return o;
  }

  static Var<T, 3, D> one_channel(Var<T, 2, D> x) { return reshape(x, Extents<3>{x.size(0), 1, x.size(1)}); }
};

}  // namespace longwave
