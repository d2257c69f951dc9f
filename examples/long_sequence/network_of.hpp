// network_of.hpp - a network with layers of one kind; what each kind takes from the options.
#pragma once

#include <optional>
#include <string>

#include "long_sequence/network.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/retrieval_decoder.hpp"
#include "longwave/nn/sequence_decoder.hpp"
#include "longwave/nn/sequence_encoder.hpp"
#include "longwave/nn/ssm_options.hpp"

namespace longwave::examples {

// What all state-space layers take. Dropout comes from the backbone.
template <class Options>
void set_ssm_options(Options& o, const RunOptions& options) {
  o.d_state = options.model.d_state;
  o.dt_min = options.model.dt_min;
  o.dt_max = options.model.dt_max;
  o.channels = options.model.channels;
  o.swap_channels = options.model.swap_channels;
  o.gate = options.model.gate;
  o.gate_act = parse_activation(options.model.gate_act);
  o.mult_act = parse_activation(options.model.mult_act);
  if (options.model.hyper_act != "off") o.hyper_act = parse_activation(options.model.hyper_act);
  o.bottleneck = options.model.bottleneck;
  o.weight_norm = options.model.weight_norm;
  o.drop_kernel = options.model.drop_kernel;
  o.l_max = options.model.l_max;
  o.tie_dropout = options.model.tie_dropout;
  if (options.model.activation != "default") o.activation = parse_activation(options.model.activation);
  if (options.model.final_act == "glu") o.final_act = Activation::glu;
  if (options.model.final_act == "id") o.final_act = Activation::none;
}

inline DecodeMode pooling_of(const RunOptions& options) { return parse_decode_mode(options.decoder.pool); }

// Throws ValueError where pools do not go together with what is to be predicted: they leave fewer positions.
void check_pools(const RunOptions& options, const NetworkShape& shape);

// More: of blocks that follow each of the Layer's.
template <device D, class Layer, class... More>
class NetworkOf final : public Network<D> {
 public:
  using Model = SequenceModel<Layer, More...>;

  // two_sided: layers look both ways by themselves; else the backbone runs a second one on reversed time.
  NetworkOf(const RunOptions& options, const NetworkShape& shape, typename Layer::Options layer, bool two_sided,
            Generator& gen)
      : modules_(options, shape, layer, two_sided, gen),
        shape_(shape),
        looks_ahead_(options.model.bidirectional),
        by_step_(options.model.disc == "dss") {}

  Var<float, 3, D> operator()(Tape<float, D>& tape, const NetworkInput<D>& input, double rate) override {
    const SsmRunOn<D> run{.lengths = shape_.variable ? input.lengths : TensorView<const index_t, 1, D>(), .rate = rate};
    const Var<float, 3, D> y = modules_.model(tape, encode(tape, input), run);
    if (modules_.pair_decoder) {
      const Var<float, 2, D> scores = (*modules_.pair_decoder)(tape, y, run.lengths);
      return reshape(scores, Extents<3>{scores.size(0), scores.size(1), 1});
    }
    return (*modules_.decoder)(tape, y, run.lengths);
  }

  bool holds() const override {
    return requires(Layer & layer) { layer.hold(1, 1); };
  }
  void hold(index_t B, index_t L) override {
    for_each_layer([=](auto& layer) {
      if constexpr (requires { layer.hold(B, L); }) layer.hold(B, L);
    });
  }
  void release() override {
    for_each_layer([](auto& layer) {
      if constexpr (requires { layer.release(); }) layer.release();
    });
  }

  std::vector<ParameterRef<float, D>> trained() override { return longwave::parameters<float, D>(modules_); }
  std::vector<ParameterRef<float, D>> state() override { return longwave::state<float, D>(modules_); }

  std::unique_ptr<NetworkState<D>> make_state(index_t B) override {
    check_stream("has no state");
    if constexpr (steps)
      return std::make_unique<State>(*this, B);
    else
      throw_value_error("this kind of layer has a state on the host only; leave out --device");
  }
  Var<float, 3, D> forward(Tape<float, D>& tape, const NetworkInput<D>& input, NetworkState<D>& state) override {
    if constexpr (steps)
      return (*modules_.decoder)(
          tape, modules_.model.forward_stream(tape, encode(tape, input), static_cast<State&>(state).of), {});
    else
      throw_value_error("this kind of layer has a state on the host only; leave out --device");
  }

  std::unique_ptr<NetworkStream<D>> make_stream(index_t B, const StepOptions& how) override {
    check_stream("cannot take sample by sample");
    if constexpr (steps)
      return std::make_unique<Stream>(*this, B, how);
    else
      throw_value_error("this kind of layer takes sample by sample on the host only; leave out --device");
  }

 private:
  static constexpr bool steps = (stepping_layer<Layer> && ... && stepping_layer<More>);

  void check_stream(const std::string& what) const {
    if (looks_ahead_) throw_value_error("model.bidirectional: the network looks ahead and " + what);
    if (modules_.pair_decoder) throw_value_error("a network for pairs of sequences " + what);
  }

  struct Modules {
    std::optional<LinearEncoder<float, D>> linear;
    std::optional<EmbeddingEncoder<float, D>> embedding;
    Model model;
    std::optional<SequenceDecoder<float, D>> decoder;
    std::optional<RetrievalDecoder<float, D>> pair_decoder;

    Modules(const RunOptions& o, const NetworkShape& shape, typename Layer::Options layer, bool two_sided,
            Generator& gen)
        : linear(make_linear(o, shape, gen)),
          embedding(make_embedding(o, shape, gen)),
          model(model_options(o, layer, two_sided), gen) {
      if (shape.pairs)
        pair_decoder.emplace(RetrievalDecoderOptions{.d_model = model.d_output(),
                                                     .d_output = shape.outputs,
                                                     .nli = o.decoder.nli,
                                                     .mode = pooling_of(o),
                                                     .use_lengths = shape.variable},
                             gen);
      else
        decoder.emplace(SequenceDecoderOptions{.d_model = model.d_output(),
                                               .d_output = shape.outputs,
                                               .l_output = shape.one_each ? 0 : shape.output_length,
                                               .mode = shape.one_each ? pooling_of(o) : DecodeMode::last,
                                               .use_lengths = shape.variable && shape.one_each},
                        gen);
    }

    template <class F>
    void for_each_parameter(F&& f) {
      if (linear) visit("encoder.", *linear, f);
      if (embedding) visit("encoder.", *embedding, f);
      visit("model.", model, f);
      if (decoder) visit("decoder.", *decoder, f);
      if (pair_decoder) visit("decoder.", *pair_decoder, f);
    }
    template <class F>
    void for_each_buffer(F&& f) {
      visit_buffers("model.", model, f);
    }

   private:
    static std::optional<LinearEncoder<float, D>> make_linear(const RunOptions& o, const NetworkShape& s,
                                                              Generator& gen) {
      if (s.vocabulary > 0) return std::nullopt;
      return LinearEncoder<float, D>({.in = s.channels, .out = o.model.d_model}, gen);
    }
    static std::optional<EmbeddingEncoder<float, D>> make_embedding(const RunOptions& o, const NetworkShape& s,
                                                                    Generator& gen) {
      if (s.vocabulary == 0) return std::nullopt;
      return EmbeddingEncoder<float, D>({.vocabulary = s.vocabulary, .dim = o.model.d_model}, gen);
    }
    static typename Model::Options model_options(const RunOptions& o, typename Layer::Options layer, bool two_sided) {
      typename Model::Options m;
      m.d_model = o.model.d_model;
      m.n_layers = o.model.n_layers;
      m.prenorm = o.model.prenorm;
      m.bidirectional = o.model.bidirectional && !two_sided;
      m.dropout = o.model.dropout;
      m.tie_dropout = o.model.tie_dropout;
      m.dropinp = o.encoder.dropout;
      m.norm = value_of_name("model.norm", o.model.norm, norm_names);
      m.residual.kind = value_of_name("model.residual", o.model.residual, residual_names);
      m.n_repeat = o.model.n_repeat;
      m.pool = {.kind = parse_pool(o.model.pool), .stride = o.model.pool_stride, .expand = o.model.pool_expand};
      std::get<0>(m.layers) = layer;
      if constexpr (sizeof...(More) > 0) {
        std::get<1>(m.layers).expand = o.model.feed_forward;
        std::get<1>(m.layers).tie_dropout = o.model.tie_dropout;
      }
      return m;
    }
  };

  // Kernels that depend on their length keep that of training, in time.
  StepOptions with_length(StepOptions how) const {
    how.length = static_cast<index_t>(std::ceil(static_cast<double>(shape_.length) / how.rate));
    return how;
  }

  template <class F>
  void for_each_layer(F&& f) {
    modules_.model.for_each_block([&](index_t, auto& block) {
      f(block.layer);
      if (block.reverse_layer) f(*block.reverse_layer);
    });
  }

  Var<float, 3, D> encode(Tape<float, D>& tape, const NetworkInput<D>& input) {
    if (modules_.embedding) return (*modules_.embedding)(tape, input.tokens);
    return (*modules_.linear)(tape, tape.input(input.x));
  }

  class State final : public NetworkState<D> {
   public:
    State(NetworkOf& network, index_t B) : of(network.modules_.model.make_state(B, network.with_length({}))) {}

    void reset() override { of.reset(); }
    std::vector<ParameterRef<float, D>> state() override {
      std::vector<ParameterRef<float, D>> refs;
      const auto add = [&](auto& list) {
        for (auto& block : list)
          if constexpr (requires { block.layer.x; })
            refs.push_back(longwave::detail::parameter_ref("state." + std::to_string(refs.size()), block.layer.x,
                                                           static_cast<float*>(nullptr), {.trainable = false}));
      };
      std::apply([&](auto&... lists) { (add(lists), ...); }, of.blocks);
      return refs;
    }

    decltype(std::declval<Model&>().make_state(1, StepOptions())) of;
  };

  class Stream final : public NetworkStream<D> {
   public:
    Stream(NetworkOf& network, index_t B, const StepOptions& how)
        : modules_(network.modules_),
          state_(modules_.model.make_state(B, network.with_length(how))),
          decoder_(modules_.decoder->make_state(B)),
          by_step_(network.by_step_),
          x_(B, modules_.model.options.d_model),
          y_(B, modules_.model.d_output()) {}

    void reset() override {
      state_.reset();
      decoder_.reset();
    }
    void step(TensorView<const float, 2, D> x, TensorView<float, 2, D> scores) override {
      modules_.linear->step(x, x_.view());
      finish(scores);
    }
    void step_tokens(TensorView<const index_t, 1, D> x, TensorView<float, 2, D> scores) override {
      if constexpr (std::is_same_v<D, Host>)
        modules_.embedding->step(x, x_.view());
      else
        ops::Embedding::forward(x_.view(), modules_.embedding->weight.value.view(), x);
      finish(scores);
    }
    void prefill(const NetworkInput<D>& piece, TensorView<float, 2, D> scores) override {
      if (modules_.decoder->options.mode != DecodeMode::last)
        throw_value_error("prefill: the network pools over time, which it does sample by sample only");
      if (by_step_) return step_through(piece, scores);
      tape_.rewind();
      tape_.evaluate();
      tape_.set_recording(false);
      const Var<float, 3, D> u = modules_.embedding ? (*modules_.embedding)(tape_, piece.tokens)
                                                    : (*modules_.linear)(tape_, tape_.input(piece.x));
      const Var<float, 3, D> y = modules_.model.forward_stream(tape_, u, state_);
      modules_.decoder->step(contiguous(select_last_axis(y, -1)).value(), decoder_, scores);
    }

   private:
    // Where the kernel is one of training's length, and that of a piece of another length another one.
    void step_through(const NetworkInput<D>& piece, TensorView<float, 2, D> scores) {
      if (piece.tokens.data() == nullptr)
        throw_value_error("prefill: model.disc = dss depends on the length, so that numbers go sample by sample only");
      const auto by_position = piece.tokens.transpose(0, 1);
      for (index_t l = 0; l < by_position.size(0); ++l) step_tokens(by_position[l], scores);
    }

    void finish(TensorView<float, 2, D> scores) {
      modules_.model.step(x_.view(), state_, y_.view());
      modules_.decoder->step(y_.view(), decoder_, scores);
    }

    Modules& modules_;
    decltype(std::declval<Model&>().make_state(1, StepOptions())) state_;
    typename SequenceDecoder<float, D>::State decoder_;
    bool by_step_;
    Tensor<float, 2, D> x_, y_;  // (B, d_model), (B, H)
    Tape<float, D> tape_;
  };

  Modules modules_;
  NetworkShape shape_;
  bool looks_ahead_;
  bool by_step_;  // no prefill in one pass
};

// With the feed-forward blocks that the options ask for.
template <class Layer>
std::unique_ptr<Network<detail::module_device<Layer>>> network_of(const RunOptions& options, const NetworkShape& shape,
                                                                  const typename Layer::Options& layer, bool two_sided,
                                                                  Generator& gen) {
  using D = detail::module_device<Layer>;
  check_pools(options, shape);
  if (options.model.feed_forward > 0)
    return std::make_unique<NetworkOf<D, Layer, FeedForward<float, D>>>(options, shape, layer, two_sided, gen);
  return std::make_unique<NetworkOf<D, Layer>>(options, shape, layer, two_sided, gen);
}

}  // namespace longwave::examples
