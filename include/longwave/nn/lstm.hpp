// lstm.hpp - LSTM layers over sequences, with the parameters, the gate order and the state of torch.nn.LSTM with
// batch_first (one direction of one layer: ops/lstm.hpp).
//
// x (B, L, I) -> y (B, L, H), or (B, L, 2 H) if bidirectional: features of the forward direction first. Time comes
// before features; where the rest of a model is (B, features, L), transpose(x, 1, 2) is the way in and out.
// State: h, c (layers * directions, B, H), the direction running fastest. forward on a piece of a sequence gives the
// state that the next piece starts from, gradients flow through it, and step moves the same state by one sample.
// Parameters of layer k: weight_ih_l<k> (4 H, I or H * directions), weight_hh_l<k> (4 H, H), bias_ih_l<k>, bias_hh_l<k>
// (4 H); the backward direction's end in _reverse. All start uniform within 1 / sqrt(H).
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/autograd/functions/lstm.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

struct LstmOptions {
  index_t in = 0;
  index_t hidden = 0;
  index_t layers = 1;
  bool bidirectional = false;
  bool bias = true;
  double dropout = 0;  // on the output of every layer but the last
};

// What a stream needs between samples; made by Lstm::make_state.
template <class T, device D = Host>
struct LstmState {
  Tensor<T, 3, D> h, c;   // (layers, B, H)
  Tensor<T, 2, D> gates;  // (B, 4 H): room for a step

  void reset() {
    h.zero();
    c.zero();
  }
};

// Whether weights take part in the gradient. frozen: they are numbers, and backward does not work for them.
enum class ParameterUse { trained, frozen };

template <class T, device D = Host>
struct Lstm {
  using Options = LstmOptions;
  using State = LstmState<T, D>;

  struct Direction {
    Parameter<T, 2, D> weight_ih, weight_hh;
    Parameter<T, 1, D> bias_ih, bias_hh;  // empty if left out

    LstmWeightVars<T, D> on(Tape<T, D>& tape, ParameterUse use) {
      const bool biased = bias_ih.value.count() > 0;
      LstmWeightVars<T, D> vars{var(tape, weight_ih, "weight_ih", use), var(tape, weight_hh, "weight_hh", use), {}, {}};
      if (biased) vars.b_ih = var(tape, bias_ih, "bias_ih", use);
      if (biased) vars.b_hh = var(tape, bias_hh, "bias_hh", use);
      return vars;
    }
    LstmWeightViews<const T, D> values() const {
      return {weight_ih.value.view(), weight_hh.value.view(), bias_ih.value.view(), bias_hh.value.view()};
    }

   private:
    template <int N>
    static Var<T, N, D> var(Tape<T, D>& tape, Parameter<T, N, D>& p, const char* name, ParameterUse use) {
      return use == ParameterUse::trained ? p.on(tape, name) : tape.input(p.value);
    }
  };

  Options options;
  std::vector<Direction> directions;  // of layer 0, then of layer 1 ..

  Lstm(Options o, Generator& gen) : options(checked(o)) {
    for (index_t k = 0; k < count(); ++k) {
      const index_t in = k < per_layer() ? o.in : o.hidden * per_layer(), biases = o.bias ? 4 * o.hidden : 0;
      directions.push_back({Parameter<T, 2, D>(Extents<2>{4 * o.hidden, in}),
                            Parameter<T, 2, D>(Extents<2>{4 * o.hidden, o.hidden}),
                            Parameter<T, 1, D>(Extents<1>{biases}), Parameter<T, 1, D>(Extents<1>{biases})});
    }
    const double bound = 1 / std::sqrt(static_cast<double>(o.hidden));
    for_each_parameter([&](const std::string&, auto& p) { init::uniform(gen, p.value.view(), -bound, bound); });
  }

  template <class F>
  void for_each_parameter(F&& f) {
    for (index_t k = 0; k < count(); ++k) {
      const std::string suffix = "_l" + std::to_string(k / per_layer()) + (k % per_layer() == 1 ? "_reverse" : "");
      Direction& d = directions[static_cast<std::size_t>(k)];
      f("weight_ih" + suffix, d.weight_ih);
      f("weight_hh" + suffix, d.weight_hh);
      if (options.bias) f("bias_ih" + suffix, d.bias_ih);
      if (options.bias) f("bias_hh" + suffix, d.bias_hh);
    }
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, ParameterUse use = ParameterUse::trained) {
    return forward(tape, x, {}, use).y;
  }

  // start: h, c (layers * directions, B, H); without: zero.
  LstmOutput<T, 3, D> forward(Tape<T, D>& tape, Var<T, 3, D> x, const LstmStateVars<T, 3, D>& start = {},
                              ParameterUse use = ParameterUse::trained) {
    check_input(x, start);
    const Extents<3> sizes{count(), x.size(0), options.hidden};
    LstmOutput<T, 3, D> out;
    if (count() == 1) {  // the state is that of the only layer, where it is
      const LstmOutput<T, 2, D> only = direction(tape, x, start, 0, use);
      return {only.y, {reshape(only.state.h, sizes), reshape(only.state.c, sizes)}};
    }
    for (index_t k = 0; k < count(); k += per_layer()) {
      const LstmOutput<T, 2, D> ahead = direction(tape, x, start, k, use);
      keep_state(tape, out.state, ahead.state, k, sizes);
      out.y = ahead.y;
      if (options.bidirectional) {
        const LstmOutput<T, 2, D> back = direction(tape, x, start, k + 1, use);
        keep_state(tape, out.state, back.state, k + 1, sizes);
        out.y = concat(2, ahead.y, back.y);
      }
      x = k + per_layer() < count() && options.dropout > 0 ? dropout(out.y, options.dropout) : out.y;
    }
    return out;
  }

  // h of the last layer after the last step, (B, H), for what looks at nothing else.
  Var<T, 2, D> last(Tape<T, D>& tape, Var<T, 3, D> x, ParameterUse use = ParameterUse::trained) {
    if (options.bidirectional)
      throw_value_error("Lstm: a bidirectional layer has two last steps; take the state of forward()");
    check_input(x, {});
    for (index_t k = 0;; ++k) {
      const LstmOutput<T, 2, D> out = direction(tape, x, {}, k, use);
      if (k + 1 == count()) return out.state.h;
      x = options.dropout > 0 ? dropout(out.y, options.dropout) : out.y;
    }
  }

  State make_state(index_t B) const {
    if (options.bidirectional)
      throw_value_error("Lstm: a bidirectional layer has no step: its backward direction starts at the end");
    detail::check_at_least("Lstm", "B", B, 0);
    const Extents<3> sizes{options.layers, B, options.hidden};
    return {Tensor<T, 3, D>(sizes), Tensor<T, 3, D>(sizes), Tensor<T, 2, D>(B, 4 * options.hidden)};
  }

  // A whole piece of a stream: state becomes that after the last sample of x (B, L, I). No gradient flows from one call
  // to the next.
  Var<T, 3, D> forward_stream(Tape<T, D>& tape, Var<T, 3, D> x, State& state) {
    const LstmOutput<T, 3, D> out = forward(tape, x, {tape.input(state.h), tape.input(state.c)});
    copy(state.h.view(), out.state.h.value());
    copy(state.c.view(), out.state.c.value());
    return out.y;
  }

  // The next sample of every stream: x (B, I) -> y (B, H). No allocation; on the host no exception. Dropout is off.
  void step(TensorView<const T, 2, D> x, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    for (index_t k = 0; k < count(); ++k) {
      const LstmStateViews<T, D> layer{state.h.view()[k], state.c.view()[k]};
      impl::lstm_step(layer, state.gates.view(), x, directions[static_cast<std::size_t>(k)].values());
      x = layer.h;
    }
    copy(y, x);
  }

 private:
  index_t per_layer() const { return options.bidirectional ? 2 : 1; }
  index_t count() const { return options.layers * per_layer(); }

  LstmOutput<T, 2, D> direction(Tape<T, D>& tape, Var<T, 3, D> x, const LstmStateVars<T, 3, D>& start, index_t k,
                                ParameterUse use) {
    const auto part = [k](Var<T, 3, D> all) { return all ? detail::entry(all, k) : Var<T, 2, D>(); };
    return lstm(x, directions[static_cast<std::size_t>(k)].on(tape, use), {part(start.h), part(start.c)},
                k % per_layer() == 1);
  }

  // Entry k of the whole state, which the first one makes.
  static void keep_state(Tape<T, D>& tape, LstmStateVars<T, 3, D>& all, const LstmStateVars<T, 2, D>& one, index_t k,
                         const Extents<3>& sizes) {
    const auto put = [&](Var<T, 3, D>& to, Var<T, 2, D> from) {
      if (!to) to = tape.make(sizes, from.needs_grad());
      const Var<T, 3, D> y = to;
      copy(y.output()[k], from.value());
      tape.record("lstm", y, [=, &tape] {
        if (from.needs_grad()) detail::add_to(tape.grad_to_add(from), y.grad()[k]);
      });
    };
    put(all.h, one.h);
    put(all.c, one.c);
  }

  void check_input(Var<T, 3, D> x, const LstmStateVars<T, 3, D>& start) const {
    if (x.size(2) != options.in)
      throw_shape_error("Lstm: x is " + to_string(x.sizes(), "BLI") +
                        ", expected I = in = " + std::to_string(options.in));
    const Extents<3> sizes{count(), x.size(0), options.hidden};
    if (start.h) check_shape("Lstm", "h", start.h.value(), sizes, "KBH");
    if (start.c) check_shape("Lstm", "c", start.c.value(), sizes, "KBH");
  }

  static Options checked(Options o) {
    detail::check_at_least("Lstm", "in", o.in, 1);
    detail::check_at_least("Lstm", "hidden", o.hidden, 1);
    detail::check_at_least("Lstm", "layers", o.layers, 1);
    if (!(o.dropout >= 0 && o.dropout < 1))
      throw_value_error("Lstm: dropout is " + std::to_string(o.dropout) + ", expected [0, 1)");
    return o;
  }
};

}  // namespace longwave
