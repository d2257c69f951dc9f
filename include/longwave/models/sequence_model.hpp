// sequence_model.hpp - the deep backbone of the S4 papers: residual blocks (nn/residual_block.hpp) one after the other.
//
//   u (B, d_model, L) -> dropout -> blocks 0 .. n - 1 -> norm (pre-norm only) -> (B, d_output(), L')
//
// Layers... is the list of layer types, such as <S4D<float>, FeedForward<float>>; blocks take them in turn, the whole
// list n_layers n_repeat times. Every n_repeat-th block ends with the pool, so with pools the width changes on the way.
// With pre-norm the last value is normalised once more; with post-norm it has been.
//
// Parameters: layers.{i}.layer.*, layers.{i}.norm.norm.*, .. (see the block), norm.norm.*: the S4 repository's names.
// `forward` runs a piece of a sequence from a state, `step` one sample; both give what the whole sequence gives.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "longwave/nn/residual_block.hpp"
#include "longwave/nn/sequential.hpp"

namespace longwave {

template <sequence_layer... Layers>
struct SequenceModel {
  static_assert(sizeof...(Layers) > 0, "SequenceModel needs a layer");

  using value_type = typename detail::FirstTypes<Layers...>::value_type;
  using device_type = typename detail::FirstTypes<Layers...>::device_type;
  using T = value_type;
  using D = device_type;
  static constexpr index_t kinds = sizeof...(Layers);

  struct Options {
    index_t d_model = 64;
    index_t n_layers = 1;  // how often the list of layers comes
    index_t n_repeat = 1;  // the whole is repeated; every n_repeat-th block pools
    bool prenorm = true;
    bool bidirectional = false;
    double dropout = 0;          // after every layer, in training; and in layers that ask for none of their own
    bool dropout_inside = true;  // false: layers keep the dropout that their options say, also 0
    bool tie_dropout = false;    // one draw per feature and sequence
    double dropinp = 0;          // of the input
    NormKind norm = NormKind::layer;
    ResidualOptions residual = {};
    PoolOptions pool = {};
    std::tuple<typename Layers::Options...> layers = {};  // d_model is set by the blocks
  };

  Options options;
  std::tuple<std::vector<ResidualBlock<Layers>>...> blocks;  // block i: number i / kinds of kind i % kinds
  Normalization<T, D> norm;                                  // after the last block

  SequenceModel(Options o, Generator& gen) : options(checked(o)), norm(NormKind::none, o.d_model) {
    index_t width = o.d_model;
    for (index_t i = 0; i < count(); ++i)
      at_kind(i, [&]<std::size_t K>() {
        auto& list = std::get<K>(blocks);
        list.emplace_back(block_options(i, width), layer_options<K>(), gen);
        width = list.back().d_output();
      });
    if (o.prenorm) norm = Normalization<T, D>(o.norm, width);
    d_output_ = width;
  }

  // Number of blocks.
  index_t count() const { return kinds * options.n_layers * options.n_repeat; }
  index_t d_output() const { return d_output_; }

  template <class F>
  void for_each_parameter(F&& f) {
    for_each_block([&](index_t i, auto& block) { visit("layers." + std::to_string(i) + ".", block, f); });
    visit("norm.", norm, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    for_each_block([&](index_t i, auto& block) { visit_buffers("layers." + std::to_string(i) + ".", block, f); });
    visit_buffers("norm.", norm, f);
  }

  // f(i, block) for every block in order.
  template <class F>
  void for_each_block(F&& f) {
    for (index_t i = 0; i < count(); ++i) at_kind(i, [&]<std::size_t K>() { f(i, std::get<K>(blocks)[number(i)]); });
  }

  // run: what layers may take besides, such as SsmRun{.lengths, .rate}: every layer that takes it gets it. lengths
  // count positions of every block, so that they do not go together with a pool that changes the rate.
  template <class... Run>
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> u, const Run&... run) {
    check_input(u);
    (check_lengths(run), ...);
    Var<T, 3, D> x = dropout(u, options.dropinp, options.tie_dropout);
    for_each_block([&](index_t, auto& block) { x = block(tape, x, run...); });
    return norm(tape, x);
  }

  // --- in pieces ----------------------------------------------------------------------------------------------

  // A state per block, on a tape; zero at first. Void once the tape is rewound.
  using StateVars = std::tuple<std::vector<layer_state_var<Layers>>...>;

  StateVars make_state_vars() const {
    StateVars states;
    for_each_list([&]<std::size_t K>() { std::get<K>(states).resize(std::get<K>(blocks).size()); });
    return states;
  }

  // u (B, d_model, L) from `states`, which become those after the last sample; gradients flow through both.
  Var<T, 3, D> forward(Tape<T, D>& tape, Var<T, 3, D> u, StateVars& states) {
    check_input(u);
    Var<T, 3, D> x = dropout(u, options.dropinp, options.tie_dropout);
    for (index_t i = 0; i < count(); ++i)
      at_kind(i, [&]<std::size_t K>() {
        x = std::get<K>(blocks)[number(i)].forward(tape, x, std::get<K>(states)[number(i)]);
      });
    return norm(tape, x);
  }

  // --- sample by sample ---------------------------------------------------------------------------------------

  template <class... BlockStates>
  struct StateOf {
    std::tuple<std::vector<BlockStates>...> blocks;
    index_t streams = 0;  // B

    void reset() {
      std::apply([](auto&... lists) { (reset_list(lists), ...); }, blocks);
    }

   private:
    static void reset_list(auto& list) {
      for (auto& state : list) state.reset();
    }
  };

  // Zero states of B streams, with the tables of the present weights. how: what layers may take besides, such as
  // StepOptions{.rate, .length}; every layer that takes it gets it.
  template <class... How>
    requires((stepping_layer<Layers> && ...))
  auto make_state(index_t B, const How&... how) {
    if (B < 0) throw_value_error("SequenceModel::make_state: a batch of " + std::to_string(B));
    StateOf<typename ResidualBlock<Layers>::template StateOf<typename Layers::State>...> state;
    state.streams = B;
    for_each_list([&]<std::size_t K>() {
      for (auto& block : std::get<K>(blocks)) std::get<K>(state.blocks).push_back(block.make_state(B, how...));
    });
    return state;
  }

  // One sample of every stream, u (B, d_model) -> y (B, d_output). No allocation, no lock, no exception; the state must
  // come from this model's make_state with the same B.
  template <class State>
  void step(TensorView<const T, 2, D> u, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    TensorView<const T, 2, D> x = u;
    for (index_t i = 0; i < count(); ++i)
      at_kind(i, [&]<std::size_t K>() {
        auto& inside = std::get<K>(state.blocks)[number(i)];
        std::get<K>(blocks)[number(i)].step(x, inside);
        x = inside.output.view();
      });
    norm.step(x, y);
  }

  // u (B, d_model, L) from the streams' state, which becomes that after the last sample: a fast start for step, or
  // training on pieces of long sequences. No gradient flows from one call to the next.
  template <class State>
  Var<T, 3, D> forward_stream(Tape<T, D>& tape, Var<T, 3, D> u, State& state) {
    check_input(u);
    if (u.size(0) != state.streams)
      throw_shape_error("SequenceModel: u is " + to_string(u.sizes(), "BHL") +
                        ", the state is for B=" + std::to_string(state.streams));
    Var<T, 3, D> x = dropout(u, options.dropinp, options.tie_dropout);
    for (index_t i = 0; i < count(); ++i)
      at_kind(i, [&]<std::size_t K>() {
        auto& block = std::get<K>(blocks)[number(i)];
        auto& inside = std::get<K>(state.blocks)[number(i)].layer;
        if constexpr (requires { inside.x; }) {
          const auto before = tape.template keep<T>(inside.x.sizes());  // what backward needs stays as it is
          copy(before, inside.x.view());
          auto at = tape.input(before);
          x = block.forward(tape, x, at);
          copy(inside.x.view(), at.value());
        } else {
          NoState none;
          x = block.forward(tape, x, none);
        }
      });
    return norm(tape, x);
  }

 private:
  static constexpr auto indices = std::index_sequence_for<Layers...>();

  static void check_share(const char* name, double p) {
    if (!(p >= 0 && p < 1))
      throw_value_error("SequenceModel: " + std::string(name) + " is " + std::to_string(p) + ", expected [0, 1)");
  }

  static const Options& checked(const Options& o) {
    detail::check_at_least("SequenceModel", "d_model", o.d_model, 1);
    detail::check_at_least("SequenceModel", "n_layers", o.n_layers, 1);
    detail::check_at_least("SequenceModel", "n_repeat", o.n_repeat, 1);
    check_share("dropout", o.dropout);
    check_share("dropinp", o.dropinp);
    return o;
  }

  void check_input(const Var<T, 3, D>& u) const {
    if (u.size(1) != options.d_model)
      throw_shape_error("SequenceModel: u is " + to_string(u.sizes(), "BHL") +
                        ", expected H = d_model = " + std::to_string(options.d_model));
  }

  template <class Run>
  void check_lengths(const Run& run) const {
    if constexpr (requires { run.lengths.data(); })
      if (run.lengths.data() != nullptr && options.pool.kind != PoolKind::none && options.pool.stride > 1)
        throw_value_error("SequenceModel: lengths and a pool of stride " + std::to_string(options.pool.stride) +
                          " do not go together; mask the padding before the model");
  }

  static std::size_t number(index_t i) { return static_cast<std::size_t>(i / kinds); }

  // f.operator()<K>() with K the kind of block i.
  template <class F>
  static void at_kind(index_t i, F&& f) {
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      (void)((i % kinds == K && (f.template operator()<K>(), true)) || ...);
    }
    (std::index_sequence_for<Layers...>());
  }
  template <class F>
  static void for_each_list(F&& f) {
    [&]<std::size_t... K>(std::index_sequence<K...>) { (f.template operator()<K>(), ...); }
    (std::index_sequence_for<Layers...>());
  }

  ResidualBlockOptions block_options(index_t i, index_t width) const {
    const Options& o = options;
    return {.d_input = width,
            .i_layer = i + 1,
            .prenorm = o.prenorm,
            .bidirectional = o.bidirectional,
            .dropout = o.dropout,
            .tie_dropout = o.tie_dropout,
            .norm = o.norm,
            .residual = o.residual,
            .pool = (i + 1) % o.n_repeat == 0 ? o.pool : PoolOptions()};
  }

  template <std::size_t K>
  auto layer_options() const {
    auto layer = std::get<K>(options.layers);
    if constexpr (requires { layer.dropout; })
      if (options.dropout_inside && layer.dropout == 0) layer.dropout = options.dropout;
    return layer;
  }

  index_t d_output_ = 0;
};

}  // namespace longwave
