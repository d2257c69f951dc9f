// sequence_classifier.hpp - a stack of S4D layers between a linear encoder and a pooled linear decoder.
//
//   x (B, d_input, L) -> encoder -> n_layers times [S4D, dropout, residual, LayerNorm] -> pool over L -> decoder
//
//   post-norm   x = LayerNorm(x + dropout(S4D(x)))
//   pre-norm    x = x + dropout(S4D(LayerNorm(x)))
//
// LayerNorm runs over features. Parameter names: encoder.*, s4_layers.i.*, norms.i.*, decoder.*, as in the example of
// the S4 repository. `step` is the same model one sample at a time: its logits after sample t are those of the whole
// model on the first t samples. `forward_stream` takes a whole piece of a stream.
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
    std::vector<S4DState<T, D>> layers;
    Tensor<T, 2, D> pooled;  // (B, H): sum over the samples so far, or the last one
    impl::SampleCount<D> samples = impl::no_samples(D());
    Tensor<T, 2, D> x, v;  // (B, H): a step's intermediate values

    void reset() {
      for (auto& layer : layers) layer.reset();
      pooled.zero();
      impl::set_samples(samples, 0);
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
    check_input(x);
    Var<T, 3, D> h = encoder(tape, x);
    for (std::size_t i = 0; i < s4_layers.size(); ++i) {
      const Var<T, 3, D> in = options.prenorm ? norms[i](tape, h) : h;
      const Var<T, 3, D> v = s4_layers[i](tape, in);
      h = options.prenorm ? dropout_sum(h, v, WeightedSumRule{1, 1}, options.dropout, /*tied=*/true)
                          : norms[i].of_sum(tape, h, v, options.dropout);
    }
    return decoder(tape, options.pooling == Pooling::mean ? mean(h, 2) : select_last_axis(h, -1));
  }

  State make_state(index_t B) {
    State state;
    for (auto& layer : s4_layers) state.layers.push_back(layer.make_state(B));
    for (Tensor<T, 2, D>* t : {&state.pooled, &state.x, &state.v}) *t = Tensor<T, 2, D>(B, options.d_model);
    return state;
  }

  // The next sample of every stream, x (B, d_input), and the prediction so far, logits (B, d_output). No allocation; on
  // the device queued on the current stream.
  void step(TensorView<const T, 2, D> x, State& state, TensorView<T, 2, D> logits) const
      noexcept(std::is_same_v<D, Host>) {
    const TensorView<T, 2, D> h = state.x.view(), v = state.v.view();
    encoder.step(x, h);
    for (std::size_t i = 0; i < s4_layers.size(); ++i) {
      const LayerNorm<T, D>& norm = norms[i];
      const auto weight = norm.weight.value.view(), bias = norm.bias.value.view();
      if (options.prenorm) {
        impl::layer_norm_step(v, h, weight, bias, norm.options.eps);
        s4_layers[i].step(v, state.layers[i], v);
        impl::add_step(h, v);
      } else {
        s4_layers[i].step(h, state.layers[i], v);
        impl::add_layer_norm_step(h, h, v, weight, bias, norm.options.eps);
      }
    }
    impl::pool_step(state.pooled.view(), v, h, state.samples,
                    options.pooling == Pooling::mean ? StepPool::mean : StepPool::last);
    impl::affine_step(logits, v, decoder.weight.value.view(), decoder.bias.value.view());
  }

  // x (B, d_input, L) from the streams' state, which becomes that after the last sample -> the prediction then: a fast
  // start for step. No gradient flows from one call to the next.
  Var<T, 2, D> forward_stream(Tape<T, D>& tape, Var<T, 3, D> x, State& state) {
    check_input(x);
    Var<T, 3, D> h = encoder(tape, x);
    for (std::size_t i = 0; i < s4_layers.size(); ++i) {
      const auto before = kept(tape, state.layers[i].x);
      const auto out = s4_layers[i].forward(tape, options.prenorm ? norms[i](tape, h) : h, before);
      copy(state.layers[i].x.view(), out.state.value());
      h = h + dropout(out.y, options.dropout, /*tied=*/true);
      if (!options.prenorm) h = norms[i](tape, h);
    }
    const bool averages = options.pooling == Pooling::mean;
    const index_t samples = impl::samples_so_far(state.samples) + x.size(2);
    impl::set_samples(state.samples, samples);
    const Var<T, 2, D> pooled = averages ? kept(tape, state.pooled) + sum(h, 2) : select_last_axis(h, -1);
    copy(state.pooled.view(), pooled.value());
    return decoder(tape, averages ? scale(pooled, 1.0 / static_cast<double>(samples)) : pooled);
  }

 private:
  void check_input(Var<T, 3, D> x) const {
    if (x.size(1) != options.d_input || x.size(2) < 1)
      throw_shape_error("SequenceClassifier: x is " + to_string(x.sizes(), "BIL") +
                        ", expected I = d_input = " + std::to_string(options.d_input) + " and L of at least 1");
  }

  // A state's values as they are now: what backward needs stays as it is.
  template <int N>
  static Var<T, N, D> kept(Tape<T, D>& tape, const Tensor<T, N, D>& state) {
    const auto values = tape.template keep<T>(state.sizes());
    copy(values, state.view());
    return tape.input(values);
  }

  static const Options& checked(const Options& o) {
    for (const auto& [name, value] :
         {std::pair("d_input", o.d_input), std::pair("d_output", o.d_output), std::pair("n_layers", o.n_layers)})
      if (value < 1)
        throw_value_error("SequenceClassifier: " + std::string(name) + " is " + std::to_string(value) +
                          ", expected at least 1");
    return o;
  }
};

}  // namespace longwave
