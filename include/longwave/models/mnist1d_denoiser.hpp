// mnist1d_denoiser.hpp - the "point U-Net" of the MNIST-1D diffusion experiments: a small network that predicts the
// noise in x, given a condition c and the number t of the diffusion step.
//
//   h      = W x + b + MLP_t(step embedding of t) + MLP_c(c)                        x, c (B, P), h (B, H)
//   levels   h = block(h), kept                     block: Linear-ReLU-Linear-ReLU
//   middle   h = block(h), 2 H wide inside
//   levels   h = block([h, what was kept, last first])
//   y      = W h + b                                                                y (B, P)
//
// "Point": the P numbers of a sample are one vector, there is no convolution. 76,521 parameters for P = 41, H = 64.
//
// MLP_t sees one of T steps only, so it runs once over a table of all T of them and rows are taken from its result;
// MLP_c sees the condition, which does not change along the steps of sampling: prepare() once, then denoise() per step.
// On the device, denoise() is one launch where nothing is recorded and the network is small (cuda/row_network.hpp).
#pragma once

#include <string>
#include <vector>

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/embedding.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/cuda/row_network.hpp"
#include "longwave/diffusion/step_embedding.hpp"
#include "longwave/nn/linear.hpp"

namespace longwave {

struct Mnist1dDenoiserOptions {
  index_t points = 41;    // P
  index_t hidden = 64;    // H
  index_t step_dim = 32;  // of the step embedding
  index_t levels = 2;
  index_t steps = 20;  // T: t is 0 .. T-1
};

// What the network makes of the condition and of the steps, apart from x.
template <class T, device D>
struct PreparedCondition {
  Var<T, 2, D> condition, steps;  // (B, H), (T, H)

  // The same numbers on another tape, without gradients.
  PreparedCondition on(Tape<T, D>& tape) const { return {tape.input(condition.value()), tape.input(steps.value())}; }
};

namespace detail {

// Linear-ReLU-Linear, and another ReLU where it is a block of the U-Net.
template <class T, device D>
struct TwoLinear {
  Linear<T, D> first, second;
  bool relu_after;

  TwoLinear(index_t in, index_t inner, index_t out, bool relu_after_, Generator& gen)
      : first({.in = in, .out = inner}, gen), second({.in = inner, .out = out}, gen), relu_after(relu_after_) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("0.", first, f);
    visit("2.", second, f);
  }

  Var<T, 2, D> operator()(Tape<T, D>& tape, Var<T, 2, D> x) {
    const Var<T, 2, D> y = first.with_relu(tape, x);
    return relu_after ? second.with_relu(tape, y) : second(tape, y);
  }
};

// The embeddings of the steps 0 .. T-1, as a table (T, dim).
template <class T, device D>
Tensor<T, 2, D> step_table(index_t steps, index_t dim) {
  Tensor<index_t, 1> all(steps);
  for (index_t t = 0; t < steps; ++t) all(t) = t;
  Tensor<T, 2, D> table(steps, dim);
  init::on_host(table.view(), [&](TensorView<T, 2> to) { step_embedding(to, all); });
  return table;
}

}  // namespace detail

template <class T, device D = Host>
struct Mnist1dDenoiser {
  Mnist1dDenoiserOptions options;
  Tensor<T, 2, D> table;  // (T, step_dim)
  Linear<T, D> input;
  detail::TwoLinear<T, D> step_mlp, condition_mlp;
  std::vector<detail::TwoLinear<T, D>> encoder;
  detail::TwoLinear<T, D> middle;
  std::vector<detail::TwoLinear<T, D>> decoder;
  Linear<T, D> output;

  Mnist1dDenoiser(const Mnist1dDenoiserOptions& o, Generator& gen)
      : options(checked(o)),
        table(detail::step_table<T, D>(o.steps, o.step_dim)),
        input({.in = o.points, .out = o.hidden}, gen),
        step_mlp(o.step_dim, o.hidden, o.hidden, false, gen),
        condition_mlp(o.points, o.hidden, o.hidden, false, gen),
        encoder(blocks(o, o.hidden, gen)),
        middle(o.hidden, 2 * o.hidden, o.hidden, true, gen),
        decoder(blocks(o, 2 * o.hidden, gen)),
        output({.in = o.hidden, .out = o.points}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("input.", input, f);
    visit("step_mlp.", step_mlp, f);
    visit("condition_mlp.", condition_mlp, f);
    for (std::size_t i = 0; i < encoder.size(); ++i) visit("encoder." + std::to_string(i) + ".", encoder[i], f);
    visit("middle.", middle, f);
    for (std::size_t i = 0; i < decoder.size(); ++i) visit("decoder." + std::to_string(i) + ".", decoder[i], f);
    visit("output.", output, f);
  }

  // c (B, P)
  PreparedCondition<T, D> prepare(Tape<T, D>& tape, Var<T, 2, D> c) {
    return {condition_mlp(tape, c), step_mlp(tape, tape.input(table))};
  }

  // x (B, P), t (B): must stay until backward has run.
  Var<T, 2, D> denoise(Tape<T, D>& tape, Var<T, 2, D> x, const PreparedCondition<T, D>& prepared,
                       TensorView<const index_t, 1, D> t) {
    if constexpr (std::is_same_v<D, Cuda>)
      if (!tape.recording() && one_launch(prepared, x.size(0))) return denoise_at_once(tape, x, prepared, t);
    Var<T, 2, D> h = input(tape, x) + embedding(prepared.steps, t) + prepared.condition;
    std::vector<Var<T, 2, D>>& kept = kept_;
    kept.clear();
    for (auto& block : encoder) kept.push_back(h = block(tape, h));
    h = middle(tape, h);
    for (auto& block : decoder) {
      h = block(tape, concat(1, h, kept.back()));
      kept.pop_back();
    }
    return output(tape, h);
  }

  Var<T, 2, D> operator()(Tape<T, D>& tape, Var<T, 2, D> x, Var<T, 2, D> c, TensorView<const index_t, 1, D> t) {
    return denoise(tape, x, prepare(tape, c), t);
  }

 private:
  static const Mnist1dDenoiserOptions& checked(const Mnist1dDenoiserOptions& o) {
    detail::check_at_least("Mnist1dDenoiser", "points", o.points, 1);
    detail::check_at_least("Mnist1dDenoiser", "hidden", o.hidden, 1);
    detail::check_at_least("Mnist1dDenoiser", "levels", o.levels, 0);
    detail::check_at_least("Mnist1dDenoiser", "steps", o.steps, 1);
    return o;
  }

  static std::vector<detail::TwoLinear<T, D>> blocks(const Mnist1dDenoiserOptions& o, index_t in, Generator& gen) {
    std::vector<detail::TwoLinear<T, D>> made;
    for (index_t i = 0; i < o.levels; ++i) made.emplace_back(in, o.hidden, o.hidden, true, gen);
    return made;
  }

  // Whether layers and memory of a row fit, and rows and weights are few.
  bool one_launch(const PreparedCondition<T, D>& prepared, index_t B) const {
    const index_t H = options.hidden, K = options.levels, layers = 4 * K + 4;
    const index_t weights = 2 * options.points * H + (5 * K + 4) * H * H;
    return layers <= cuda::row_layers && B <= cuda::row_batch && weights <= cuda::row_weights &&
           options.points + (K + 3) * H + 8 <= cuda::row_width && prepared.condition.value().contiguous() &&
           prepared.steps.value().contiguous();
  }

  // A row's memory: x, K + 1 places of H numbers, and 2 H inside of a block. What level k of the encoder keeps is at
  // place K - k, so that level k of the decoder finds its h at place k and beside it what it is joined with.
  Var<T, 2, D> denoise_at_once(Tape<T, D>& tape, Var<T, 2, D> x, const PreparedCondition<T, D>& prepared,
                               TensorView<const index_t, 1, D> t) requires(std::same_as<D, Cuda>) {
    const auto round = [](index_t n) { return static_cast<int>((n + 3) / 4 * 4); };
    const int K = static_cast<int>(options.levels), first = round(options.points);
    const Var<T, 2, D> y = tape.make(Extents<2>{x.size(0), options.points}, false);
    cuda::RowNetwork<T> net{y.output(), x.value(), t};
    const auto layer = [&](const Linear<T, D>& l, int from, int to, bool relu) {
      net.add({l.weight.value.data(), l.bias.value.data(), static_cast<int>(l.options.in),
               static_cast<int>(l.options.out), from, to, relu});
    };
    const int H = static_cast<int>(options.hidden), inside = first + (K + 1) * H;
    const auto place = [=](int k) { return first + k * H; };
    const auto block = [&](const detail::TwoLinear<T, D>& b, int from, int to) {
      layer(b.first, from, inside, true);
      layer(b.second, inside, to, true);
    };
    layer(input, 0, place(0), false);
    net.layers[0].add = prepared.condition.value().data();
    net.layers[0].table = prepared.steps.value().data();
    net.layers[0].table_rows = prepared.steps.size(0);
    for (int k = 0; k < K; ++k)
      block(encoder[static_cast<std::size_t>(k)], place(k == 0 ? 0 : K - k + 1), place(K - k));
    block(middle, place(K == 0 ? 0 : 1), place(0));
    for (int k = 0; k < K; ++k) block(decoder[static_cast<std::size_t>(k)], place(k), place(k + 1));
    layer(output, place(K), 0, false);
    net.width = round(inside + 2 * options.hidden);
    cuda::run_rows(net);
    tape.record("denoise", y, [] {});
    return y;
  }

  std::vector<Var<T, 2, D>> kept_;  // during one pass; its memory is reused
};

}  // namespace longwave
