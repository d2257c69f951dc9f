// sequence_classifier.hpp - a stack of S4D layers between a linear encoder and a pooled linear decoder.
//
//   x (B, d_input, L) -> encoder -> n_layers times [S4D, dropout, residual, LayerNorm] -> pool over L -> decoder
//
//   post-norm   x = LayerNorm(x + dropout(S4D(x)))
//   pre-norm    x = x + dropout(S4D(LayerNorm(x)))
//
// LayerNorm runs over features. Parameter names: encoder.*, s4_layers.i.*, norms.i.*, decoder.*, as in the example of
// the S4 repository. `step` is the same model one sample at a time: its logits after sample t are those of the whole
// model on the first t samples.
#pragma once

#include <string>
#include <vector>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/norm.hpp"
#include "longwave/autograd/functions/reduce.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/layer_norm.hpp"
#include "longwave/nn/pointwise_linear.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/nn/step_ops.hpp"

namespace longwave {

enum class Pooling { mean, last };

struct SequenceClassifierOptions {
  index_t d_input = 1;
  index_t d_output = 10;
  index_t d_model = 64;
  index_t d_state = 64;
  index_t n_layers = 4;
  double dropout = 0.1;  // inside and after every S4D layer, tied over time
  bool prenorm = false;
  Pooling pooling = Pooling::mean;
  double dt_min = 1e-3;
  double dt_max = 1e-1;
  double ssm_lr = ParameterGroup::unset;  // learning rate of the S4D layers' dt and A; unset: the optimiser's
  Algorithm algorithm = Algorithm::auto_;
};

template <class T, device D = Host>
struct SequenceClassifier {
  using Options = SequenceClassifierOptions;

  Options options;
  PointwiseLinear<T, D> encoder;
  std::vector<S4D<T, D>> s4_layers;
  std::vector<LayerNorm<T, D>> norms;
  Linear<T, D> decoder;

  // Everything a stream needs between samples; made by make_state.
  struct State {
    std::vector<S4DState<T>> layers;
    Tensor<T, 2> pooled;  // (B, H): sum over the samples so far, or the last one
    index_t samples = 0;
    Tensor<T, 2> x, v;  // (B, H): a step's intermediate values

    void reset() {
      for (auto& layer : layers) layer.reset();
      pooled.zero();
      samples = 0;
    }
  };

  SequenceClassifier(Options o, Generator& gen)
      : options(checked(o)),
        encoder({.in = o.d_input, .out = o.d_model}, gen),
        decoder({.in = o.d_model, .out = o.d_output}, gen) {
    for (index_t i = 0; i < o.n_layers; ++i) {
      s4_layers.emplace_back(S4DOptions{.d_model = o.d_model,
                                        .d_state = o.d_state,
                                        .dropout = o.dropout,
                                        .dt_min = o.dt_min,
                                        .dt_max = o.dt_max,
                                        .lr = o.ssm_lr,
                                        .algorithm = o.algorithm},
                             gen);
      norms.emplace_back(typename LayerNorm<T, D>::Options{.features = o.d_model, .axis = 1});
    }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("encoder.", encoder, f);
    for (std::size_t i = 0; i < s4_layers.size(); ++i) visit("s4_layers." + std::to_string(i) + ".", s4_layers[i], f);
    for (std::size_t i = 0; i < norms.size(); ++i) visit("norms." + std::to_string(i) + ".", norms[i], f);
    visit("decoder.", decoder, f);
  }

  // x (B, d_input, L) -> logits (B, d_output)
  Var<T, 2, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    if (x.size(1) != options.d_input || x.size(2) < 1)
      throw_shape_error("SequenceClassifier: x is " + to_string(x.sizes(), "BIL") +
                        ", expected I = d_input = " + std::to_string(options.d_input) + " and L of at least 1");
    Var<T, 3, D> h = encoder(tape, x);
    for (std::size_t i = 0; i < s4_layers.size(); ++i) {
      const Var<T, 3, D> in = options.prenorm ? norms[i](tape, h) : h;
      h = h + dropout(s4_layers[i](tape, in), options.dropout, /*tied=*/true);
      if (!options.prenorm) h = norms[i](tape, h);
    }
    return decoder(tape, options.pooling == Pooling::mean ? mean(h, 2) : select_last_axis(h, -1));
  }

  State make_state(index_t B) {
    State state;
    for (auto& layer : s4_layers) state.layers.push_back(layer.make_state(B));
    for (Tensor<T, 2>* t : {&state.pooled, &state.x, &state.v}) *t = Tensor<T, 2>(B, options.d_model);
    return state;
  }

  // The next sample of every stream, x (B, d_input), and the prediction so far, logits (B, d_output). No allocation.
  void step(TensorView<const T, 2> x, State& state, TensorView<T, 2> logits) const noexcept {
    const index_t B = state.pooled.size(0), H = options.d_model;
    encoder.step(x, state.x.view());
    for (std::size_t i = 0; i < s4_layers.size(); ++i) {
      if (options.prenorm) {
        normalise(norms[i], state.x.view(), state.v.view());
        s4_layers[i].step(state.v.view(), state.layers[i], state.v.view());
      } else {
        s4_layers[i].step(state.x.view(), state.layers[i], state.v.view());
      }
      for (index_t k = 0; k < B * H; ++k) state.x.data()[k] += state.v.data()[k];
      if (!options.prenorm) normalise(norms[i], state.x.view(), state.x.view());
    }
    ++state.samples;
    const bool mean = options.pooling == Pooling::mean;
    const T weight = T(1) / static_cast<T>(mean ? state.samples : 1);
    for (index_t k = 0; k < B * H; ++k) {
      T& pooled = state.pooled.data()[k];
      pooled = mean ? pooled + state.x.data()[k] : state.x.data()[k];
      state.v.data()[k] = pooled * weight;
    }
    impl::affine_step(logits, state.v.view(), decoder.weight.value.view(), decoder.bias.value.view());
  }

 private:
  static const Options& checked(const Options& o) {
    for (const auto& [name, value] :
         {std::pair("d_input", o.d_input), std::pair("d_output", o.d_output), std::pair("n_layers", o.n_layers)})
      if (value < 1)
        throw_value_error("SequenceClassifier: " + std::string(name) + " is " + std::to_string(value) +
                          ", expected at least 1");
    return o;
  }

  // y may be x.
  static void normalise(const LayerNorm<T, D>& norm, TensorView<const T, 2> x, TensorView<T, 2> y) noexcept {
    impl::layer_norm_step(y, x, norm.weight.value.view(), norm.bias.value.view(), norm.options.eps);
  }
};

}  // namespace longwave
