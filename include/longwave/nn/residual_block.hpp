// residual_block.hpp - a residual block around any sequence layer.
//
//   y = layer(norm(x))  or  layer(x)          pre-norm, post-norm
//   y = residual(x, dropout(y))               nn/residual.hpp; tied: one draw per feature and sequence
//   y = norm(y)                               post-norm
//   y = pool(y)                               nn/pool.hpp
//
// bidirectional: y = W [layer(u); flip(reverse_layer(flip u))] with W (d, 2 d) at every position: two layers with
// weights of their own, one on reversed time. (The S4 repository names them so but does not reverse; with layers that
// are two-sided themselves the difference is a relabelling.)
//
// x (B, d_input, L) -> (B, d_output(), L or, with a pool, less). Parameters: layer.*, reverse_layer.*,
// bidirectional_linear.*, residual.*, norm.norm.*, pool.*, as in the S4 repository.
// A block runs in pieces and sample by sample if its layer does, unless it is bidirectional, its norm looks at all of
// time or its pool changes the rate.
#pragma once

#include <optional>
#include <string>

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/nn/normalization.hpp"
#include "longwave/nn/pool.hpp"
#include "longwave/nn/residual.hpp"
#include "longwave/nn/sequence_layer.hpp"

namespace longwave {

struct ResidualBlockOptions {
  index_t d_input = 64;
  index_t i_layer = 1;  // the block's number, from 1: what some residuals scale with
  bool prenorm = true;
  bool bidirectional = false;
  double dropout = 0;  // of the layer's output, in training
  bool tie_dropout = false;
  NormKind norm = NormKind::layer;
  ResidualOptions residual = {};
  PoolOptions pool = {};
};

template <sequence_layer Layer>
struct ResidualBlock {
  using value_type = detail::module_value<Layer>;
  using device_type = detail::module_device<Layer>;
  using T = value_type;
  using D = device_type;
  using Options = ResidualBlockOptions;

  Options options;
  Layer layer;
  std::optional<Layer> reverse_layer;
  std::optional<PointwiseLinear<T, D>> bidirectional_linear;
  Residual<T, D> residual;
  Normalization<T, D> norm;
  Pool<T, D> pool;

  // The layer's d_model is the block's d_input.
  ResidualBlock(Options o, typename Layer::Options layer_options, Generator& gen)
      : options(checked(o)),
        layer(sized(layer_options, o), gen),
        residual(o.residual, o.i_layer, o.d_input, detail::layer_width(layer), gen),
        norm(o.norm, o.prenorm ? o.d_input : detail::layer_width(layer)),
        pool(o.pool, detail::layer_width(layer), gen) {
    if (!o.bidirectional) return;
    const index_t width = detail::layer_width(layer);
    reverse_layer.emplace(sized(layer_options, o), gen);
    bidirectional_linear.emplace(typename Linear<T, D>::Options{.in = 2 * width, .out = width}, gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("layer.", layer, f);
    if (reverse_layer) visit("reverse_layer.", *reverse_layer, f);
    if (bidirectional_linear) visit("bidirectional_linear.", *bidirectional_linear, f);
    visit("residual.", residual, f);
    visit("norm.", norm, f);
    visit("pool.", pool, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("layer.", layer, f);
    if (reverse_layer) visit_buffers("reverse_layer.", *reverse_layer, f);
    visit_buffers("norm.", norm, f);
  }

  index_t d_output() const { return pool.d_output(); }

  // run: what layers may take besides, such as the lengths and the rate of SsmRun; layers that do not are not told.
  template <class... Run>
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, const Run&... run) {
    static_assert(sizeof...(Run) <= 1, "one argument besides");
    return around(tape, x, [&](Var<T, 3, D> u) {
      const Var<T, 3, D> y = apply(layer, tape, u, run...);
      if (!reverse_layer) return y;
      (check_lengths(run), ...);
      return (*bidirectional_linear)(tape, concat(1, y, flip(apply(*reverse_layer, tape, flip(u, 2), run...), 2)));
    });
  }

  // The same from `state`, which becomes the state after the last sample; gradients flow through both.
  Var<T, 3, D> forward(Tape<T, D>& tape, Var<T, 3, D> x, layer_state_var<Layer>& state) {
    check_causal();
    return around(tape, x, [&](Var<T, 3, D> u) {
      const auto out = layer.forward(tape, u, state);
      state = out.state;
      return out.y;
    });
  }

  // The layer's state and a step's intermediate values. `input` (B, d_input), `layer_output` (B, width of the layer).
  template <class LayerState>
  struct StateOf {
    LayerState layer;
    Tensor<T, 2, D> input, layer_output, output;

    void reset() { layer.reset(); }
  };

  // how: what layers may take besides, such as StepOptions.
  template <class... How>
    requires(stepping_layer<Layer>)
  auto make_state(index_t B, const How&... how) {
    static_assert(sizeof...(How) <= 1, "one argument besides");
    check_causal();
    const index_t width = detail::layer_width(layer);
    return StateOf<typename Layer::State>{layer_state(B, how...), Tensor<T, 2, D>(B, options.d_input),
                                          Tensor<T, 2, D>(B, width), Tensor<T, 2, D>(B, d_output())};
  }

  // One sample of every stream, u (B, d_input) with unit stride; the result is state.output (B, d_output).
  template <class State>
  void step(TensorView<const T, 2, D> u, State& state) const noexcept(std::is_same_v<D, Host>) {
    const bool before = options.prenorm && options.norm != NormKind::none;
    const TensorView<T, 2, D> v = state.layer_output.view(), y = state.output.view();
    if (before) norm.step(u, state.input.view());
    layer.step(before ? TensorView<const T, 2, D>(state.input.view()) : u, state.layer, v);
    const bool pools = options.pool.kind != PoolKind::none;
    // A highway cannot write where it reads: the input's room is free again, and as wide as the layer's output.
    const bool highway = options.residual.kind == ResidualKind::highway;
    const TensorView<T, 2, D> joined = !pools ? y : highway ? state.input.view() : v;
    if (!options.prenorm && norm.takes_sums() && residual.is_sum()) {
      norm.sum_step(u, v, joined);
    } else {
      residual.step(u, v, joined);
      if (!options.prenorm) norm.step(joined, joined);
    }
    if (pools) pool.step(joined, y);
  }

 private:
  static const Options& checked(const Options& o) {
    detail::check_at_least("ResidualBlock", "d_input", o.d_input, 1);
    if (!(o.dropout >= 0 && o.dropout < 1))
      throw_value_error("ResidualBlock: dropout is " + std::to_string(o.dropout) + ", expected [0, 1)");
    return o;
  }

  static typename Layer::Options sized(typename Layer::Options layer_options, const Options& o) {
    layer_options.d_model = o.d_input;
    return layer_options;
  }

  template <class... Run>
  static Var<T, 3, D> apply(Layer& layer, Tape<T, D>& tape, Var<T, 3, D> u, const Run&... run) {
    if constexpr (requires { layer(tape, u, run...); })
      return layer(tape, u, run...);
    else
      return layer(tape, u);
  }

  template <class... How>
  auto layer_state(index_t B, const How&... how) {
    if constexpr (requires { layer.make_state(B, how...); })
      return layer.make_state(B, how...);
    else
      return layer.make_state(B);
  }

  // On reversed time the padding comes first.
  template <class Run>
  void check_lengths(const Run& run) const {
    if constexpr (requires { run.lengths.data(); })
      if (run.lengths.data() != nullptr)
        throw_value_error("ResidualBlock " + std::to_string(options.i_layer) +
                          ": bidirectional and lengths do not go together; use a layer that is two-sided itself");
  }

  template <class F>
  Var<T, 3, D> around(Tape<T, D>& tape, Var<T, 3, D> x, F&& apply_layer) {
    Var<T, 3, D> y = apply_layer(options.prenorm ? norm(tape, x) : x);
    const bool drops = tape.training() && options.dropout > 0;
    if (!options.prenorm && norm.takes_sums() && residual.is_sum() && (options.tie_dropout || !drops))
      return pool(tape, norm.of_sum(tape, x, y, options.dropout));
    y = residual.is_sum() ? dropout_sum(x, y, residual.weights, options.dropout, options.tie_dropout)
                          : residual(tape, x, dropout(y, options.dropout, options.tie_dropout));
    if (!options.prenorm) y = norm(tape, y);
    return pool(tape, y);
  }

  void check_causal() const {
    const std::string name = "ResidualBlock " + std::to_string(options.i_layer) + ": no state and no step with ";
    if (options.bidirectional) throw_value_error(name + "bidirectional, which needs the whole sequence");
    if (!norm.causal())
      throw_value_error(name + "the norm " + std::string(name_of_value(options.norm, norm_names)) +
                        ", which looks at all of time; use layer, transposed_layer, batch or none");
    if (!pool.keeps_rate())
      throw_value_error(name + "a pool of stride " + std::to_string(options.pool.stride) +
                        ", which changes the rate; run whole sequences");
  }
};

}  // namespace longwave
