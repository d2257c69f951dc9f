// sequence_layer.hpp - what a layer must be to stand in a residual block (nn/residual_block.hpp).
//
//   struct Layer {
//     using Options = ...;                                        // with a member d_model, which the block sets
//     Layer(Options, Generator&);
//     Var<T, 3> operator()(Tape<T>&, Var<T, 3> u);                // (B, d_model, L) -> (B, d_output, L)
//     index_t d_output() const;                                   // may be left out: d_model
//   };
//
// and, to be run in pieces and sample by sample as well:
//
//     SequenceOutput<T> forward(Tape<T>&, Var<T, 3> u, Var<T, 4> state_in);     // or StateVar, if the layer names one
//     State make_state(index_t B);
//     void step(TensorView<const T, 2> u, State&, TensorView<T, 2> y) const noexcept;      // on the host
//
// Layers without a memory name StateVar = NoState. IdentityLayer is the smallest one.
#pragma once

#include <concepts>
#include <string>

#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"
#include "longwave/nn/step_ops.hpp"

namespace longwave {

template <class Layer>
concept sequence_layer = module_like<Layer> &&
    requires(Layer& layer, Tape<detail::module_value<Layer>, detail::module_device<Layer>>& tape,
             Var<detail::module_value<Layer>, 3, detail::module_device<Layer>> u) {
  typename Layer::Options;
  { layer(tape, u) } -> std::convertible_to<decltype(u)>;
};

template <class Layer>
concept stepping_layer = sequence_layer<Layer> &&
    requires(Layer& layer, const Layer& trained, index_t B,
             TensorView<const detail::module_value<Layer>, 2, detail::module_device<Layer>> u,
             TensorView<detail::module_value<Layer>, 2, detail::module_device<Layer>> y, typename Layer::State& state) {
  { layer.make_state(B) } -> std::same_as<typename Layer::State>;
  trained.step(u, state, y);
};

// The state of a layer without a memory.
struct NoState {
  void reset() {}
};

template <class T, device D = Host>
struct StatelessOutput {
  Var<T, 3, D> y;
  NoState state;
};

namespace detail {

template <class Layer>
struct StateVarOf {
  using type = Var<module_value<Layer>, 4, module_device<Layer>>;
};
template <class Layer>
  requires requires { typename Layer::StateVar; }
struct StateVarOf<Layer> {
  using type = typename Layer::StateVar;
};

template <class Layer>
index_t layer_width(const Layer& layer) {
  if constexpr (requires { layer.d_output(); })
    return layer.d_output();
  else
    return layer.options.d_model;
}

}  // namespace detail

// The state of a layer on a tape; without a value it is zero.
template <class Layer>
using layer_state_var = typename detail::StateVarOf<Layer>::type;

struct IdentityOptions {
  index_t d_model = 64;
};

// y = u. No parameters.
template <class T, device D = Host>
struct IdentityLayer {
  using Options = IdentityOptions;
  using State = NoState;
  using StateVar = NoState;

  Options options;

  IdentityLayer(Options o, Generator&) : options(o) {
    detail::check_at_least("IdentityLayer", "d_model", o.d_model, 1);
  }

  template <class F>
  void for_each_parameter(F&&) {}

  Var<T, 3, D> operator()(Tape<T, D>&, Var<T, 3, D> u) { return u; }
  StatelessOutput<T, D> forward(Tape<T, D>&, Var<T, 3, D> u, NoState) { return {u, {}}; }
  State make_state(index_t) { return {}; }
  void step(TensorView<const T, 2, D> u, State&, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    impl::copy_step(y, u);
  }
};

}  // namespace longwave
