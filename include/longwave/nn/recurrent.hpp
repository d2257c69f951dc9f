// recurrent.hpp - LSTM and GRU as sequence layers (nn/sequence_layer.hpp): the baselines of state-space layers, in the
// same residual blocks. u (B, d_model, L) -> (B, hidden, L); one direction of one layer, as blocks bring the others.
//
// Parameters carry torch.nn's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0. State x: (2, 1, B, hidden), h
// and c, of an LSTM, (1, 1, B, hidden) of a GRU. The GRU runs on the host.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>

#include "longwave/autograd/functions/gru.hpp"
#include "longwave/nn/lstm.hpp"
#include "longwave/nn/sequence_layer.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

struct RecurrentOptions {
  index_t d_model = 64;
  index_t hidden = 0;  // 0: d_model
  bool bias = true;

  index_t width() const { return hidden > 0 ? hidden : d_model; }
};

template <class T, device D = Host>
struct RecurrentState {
  Tensor<T, 4, D> x;
  Tensor<T, 2, D> room;  // (B, 4 hidden), for a step

  void reset() { x.zero(); }
};

namespace detail {

inline const RecurrentOptions& checked_recurrent(const char* name, const RecurrentOptions& o) {
  check_at_least(name, "d_model", o.d_model, 1);
  check_at_least(name, "hidden", o.hidden, 0);
  return o;
}

// The kind k of states x (kinds, 1, B, H): (1, B, H).
template <class T, device D>
Var<T, 3, D> state_kind(Var<T, 4, D> x, index_t k) {
  if (!x) return {};
  return view_of<3>("recurrent", x, [k](TensorView<T, 4, D> v) { return v[k]; });
}

}  // namespace detail

template <class T, device D = Host>
struct LstmLayer {
  using Options = RecurrentOptions;
  using State = RecurrentState<T, D>;

  Options options;
  Lstm<T, D> lstm;

  LstmLayer(Options o, Generator& gen)
      : options(detail::checked_recurrent("LstmLayer", o)),
        lstm({.in = o.d_model, .hidden = o.width(), .bias = o.bias}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    lstm.for_each_parameter(f);
  }
  index_t d_output() const { return options.width(); }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> u) { return transpose(lstm(tape, transpose(u, 1, 2)), 1, 2); }

  // state_in (2, 1, B, hidden), or without a value: zero.
  SequenceOutput<T, D> forward(Tape<T, D>& tape, Var<T, 3, D> u, Var<T, 4, D> state_in) {
    const LstmStateVars<T, 3, D> start{detail::state_kind(state_in, 0), detail::state_kind(state_in, 1)};
    const LstmOutput<T, 3, D> out = lstm.forward(tape, transpose(u, 1, 2), start);
    const Extents<4> one{1, 1, u.size(0), options.width()};
    return {transpose(out.y, 1, 2), concat(0, reshape(out.state.h, one), reshape(out.state.c, one))};
  }

  State make_state(index_t B) const {
    detail::check_at_least("LstmLayer", "B", B, 0);
    const index_t H = options.width();
    return {Tensor<T, 4, D>(2, 1, B, H), Tensor<T, 2, D>(B, 4 * H)};
  }

  // u (B, d_model) -> y (B, hidden). No allocation.
  void step(TensorView<const T, 2, D> u, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    const LstmStateViews<T, D> now{state.x.view()[0][0], state.x.view()[1][0]};
    impl::lstm_step(now, state.room.view(), u, lstm.directions[0].values());
    impl::copy_step<T>(y, now.h);
  }
};

template <class T, device D = Host>
struct GruLayer {
  static_assert(std::is_same_v<D, Host>, "GruLayer runs on the host; on a device, take LstmLayer");

  using value_type = T;
  using device_type = Host;
  using Options = RecurrentOptions;
  using State = RecurrentState<T>;

  Options options;
  Parameter<T, 2> weight_ih, weight_hh;
  Parameter<T, 1> bias_ih, bias_hh;  // empty if left out

  GruLayer(Options o, Generator& gen)
      : options(detail::checked_recurrent("GruLayer", o)),
        weight_ih(Extents<2>{3 * o.width(), o.d_model}),
        weight_hh(Extents<2>{3 * o.width(), o.width()}),
        bias_ih(Extents<1>{o.bias ? 3 * o.width() : 0}),
        bias_hh(Extents<1>{o.bias ? 3 * o.width() : 0}) {
    const double bound = 1 / std::sqrt(static_cast<double>(o.width()));
    for_each_parameter([&](const std::string&, auto& p) { init::uniform(gen, p.value.view(), -bound, bound); });
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight_ih_l0", weight_ih);
    f("weight_hh_l0", weight_hh);
    if (options.bias) f("bias_ih_l0", bias_ih);
    if (options.bias) f("bias_hh_l0", bias_hh);
  }
  index_t d_output() const { return options.width(); }

  Var<T, 3> operator()(Tape<T>& tape, Var<T, 3> u) { return forward(tape, u, {}).y; }

  // state_in (1, 1, B, hidden), or without a value: zero.
  SequenceOutput<T, Host> forward(Tape<T>& tape, Var<T, 3> u, Var<T, 4> state_in) {
    if (u.size(1) != options.d_model)
      throw_shape_error("GruLayer: u is " + to_string(u.sizes(), "BHL") +
                        ", expected H = d_model = " + std::to_string(options.d_model));
    const Extents<2> sizes{u.size(0), options.width()};
    GruWeightVars<T> weights{weight_ih.on(tape, "weight_ih"), weight_hh.on(tape, "weight_hh"), {}, {}};
    if (options.bias) weights.b_ih = bias_ih.on(tape, "bias_ih");
    if (options.bias) weights.b_hh = bias_hh.on(tape, "bias_hh");
    const GruOutput<T> out = gru(transpose(u, 1, 2), weights, state_in ? reshape(state_in, sizes) : Var<T, 2>());
    return {transpose(out.y, 1, 2), reshape(out.state, Extents<4>{1, 1, sizes[0], sizes[1]})};
  }

  State make_state(index_t B) const {
    detail::check_at_least("GruLayer", "B", B, 0);
    const index_t H = options.width();
    return {Tensor<T, 4>(1, 1, B, H), Tensor<T, 2>(B, 4 * H)};
  }

  // u (B, d_model) -> y (B, hidden). No allocation.
  void step(TensorView<const T, 2> u, State& state, TensorView<T, 2> y) const noexcept {
    const TensorView<T, 2> h = state.x.view()[0][0];
    impl::gru_step<T>(h, state.room.view(), u,
                      {weight_ih.value.view(), weight_hh.value.view(), bias_ih.value.view(), bias_hh.value.view()});
    impl::copy_step<T>(y, h);
  }
};

}  // namespace longwave
