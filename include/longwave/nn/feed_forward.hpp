// feed_forward.hpp - the transformer's position-wise layer, as a sequence layer without a memory.
//
//   y = W2 dropout(act(W1 u + b1)) + b2      u (B, d_model, L), W1 (floor(expand d_model), d_model), W2 (d_output, ..)
//
// act: the exact GELU unless another one is asked for; with glu W1 has twice the rows. Parameters carry the names of
// the S4 repository: ff.0.0.{weight, bias}, or ff.0.* without an activation, and ff.2.*.
#pragma once

#include <cmath>

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/nn/linear_activation.hpp"
#include "longwave/nn/sequence_layer.hpp"

namespace longwave {

struct FeedForwardOptions {
  index_t d_model = 64;
  double expand = 4;
  index_t d_output = 0;  // 0: d_model
  Activation activation = Activation::gelu;
  double dropout = 0;  // of the hidden values, in training
  bool tie_dropout = false;
};

template <class T, device D = Host>
struct FeedForward {
  using Options = FeedForwardOptions;
  using StateVar = NoState;

  // What a step needs: the present weights, and room for the hidden values before the activation.
  struct State {
    LinearStep<T, D> in, out;
    Tensor<T, 2, D> hidden;  // (B, rows of W1); on the device, where a product is not made in place, (2 B, ..)

    void reset() {}
  };

  Options options;
  LinearActivation<T, D> in, out;

  FeedForward(Options o, Generator& gen)
      : options(checked(o)),
        in({.in = o.d_model, .out = hidden(o), .activation = o.activation}, gen),
        out({.in = hidden(o), .out = o.d_output > 0 ? o.d_output : o.d_model}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit(options.activation == Activation::none ? "ff.0." : "ff.0.0.", in, f);
    visit("ff.2.", out, f);
  }

  index_t d_output() const { return out.options.out; }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> u) {
    return out(tape, dropout(in(tape, u), options.dropout, options.tie_dropout));
  }

  StatelessOutput<T, D> forward(Tape<T, D>& tape, Var<T, 3, D> u, NoState) { return {(*this)(tape, u), {}}; }

  State make_state(index_t B) {
    if (B < 0) throw_value_error("FeedForward::make_state: a batch of " + std::to_string(B));
    State state{in.step(), out.step(), {}};
    state.hidden = Tensor<T, 2, D>(std::is_same_v<D, Host> ? B : 2 * B, state.in.bias.size(0));
    return state;
  }

  // u, y (B, features) with unit stride. No allocation; the state must come from this layer's make_state.
  void step(TensorView<const T, 2, D> u, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    if constexpr (std::is_same_v<D, Cuda>) {
      const index_t B = u.size(0), width = state.hidden.size(1);
      const TensorView<T, 2, D> hidden(state.hidden.data(), Extents<2>{B, state.out.W.size(0)});
      impl::linear_step(hidden, state.hidden.data() + B * width, u, state.in);
      impl::linear_step(y, state.hidden.data() + B * width, hidden, state.out);
    } else {
      for (index_t b = 0; b < state.hidden.size(0); ++b) {
        T* hidden = state.hidden.data() + b * state.hidden.size(1);
        T* to = y.data() + b * y.stride(0);
        state.in(hidden, hidden, u.data() + b * u.stride(0));
        state.out(to, to, hidden);
      }
    }
  }

 private:
  static index_t hidden(const Options& o) {
    return static_cast<index_t>(std::floor(o.expand * static_cast<double>(o.d_model)));
  }

  static const Options& checked(const Options& o) {
    detail::check_at_least("FeedForward", "d_model", o.d_model, 1);
    detail::check_at_least("FeedForward", "d_output", o.d_output, 0);
    if (!(o.expand < 1e9 && hidden(o) >= 1))
      throw_value_error(
          "FeedForward: expand is " + std::to_string(o.expand) +
          ", expected a number that leaves at least one hidden feature of d_model = " + std::to_string(o.d_model));
    if (!(o.dropout >= 0 && o.dropout < 1))
      throw_value_error("FeedForward: dropout is " + std::to_string(o.dropout) + ", expected [0, 1)");
    return o;
  }
};

}  // namespace longwave
