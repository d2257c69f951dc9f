// sar_focus.hpp - SAR azimuth focusing with S4D: range-compressed lines in, focused lines out.
//
//   x (B, L, 3): I, Q, position  ->  y (B, L, 2): I, Q         all normalised, zero signal is 1/2
//
//   x -> Linear(3 -> H) -> num_layers times [S4D layer (sar_layer.hpp), norm] -> Linear(H -> 2)
//
// With two features and four shared modes these are 150 parameters: fc1.*, ssm.{i}.*, fc2.*. Batch norm is per feature,
// over batch and positions. residual: every layer's output is added to its input.
//
// A causal network with a memory of few modes cannot focus. complex_valued is the model that can: num_layers complex
// convolutions (sar_filter.hpp) on I + iQ around 1/2, linear, two-sided where bidirectional is set, with kernels of
// `taps` samples from hidden_state_size modes; wide_sar_focus() has sizes for apertures of up to 1024 pulses. Lines
// whose kernel varies with their position need the range of positions.
//
// `step` is either model one sample at a time, with stream/session.hpp. Streams of the two-sided filter are delay()
// samples late; where several follow each other, a stream goes on before and after the line, so its first and last taps
// (num_layers - 1) samples differ from those of the whole line. A two-sided stack of S4D layers has no stream.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/models/sar_filter.hpp"
#include "longwave/models/sar_layer.hpp"
#include "longwave/nn/normalization.hpp"

namespace longwave {

struct SarFocusOptions {
  index_t num_layers = 4;
  index_t hidden_state_size = 8;      // d_state: two modes of a conjugate pair each
  std::string act_fun = "leakyrelu";  // slope 0.125; prelu has a trained one; else a name of nn/activation.hpp
  double dropout = 0;
  bool batch_norm = false;  // the same as norm = NormKind::batch
  bool bidirectional = false;
  index_t d_model = 2;
  bool residual = false;
  NormKind norm = NormKind::none;   // after each layer
  std::string scaling = "inverse";  // of the modes' frequencies: inverse, linear, quadratic, random
  double dt_min = 1e-3, dt_max = 1e-1;
  Algorithm algorithm = Algorithm::auto_;
  // complex_valued: num_layers, hidden_state_size, bidirectional and residual mean the same, the others nothing.
  bool complex_valued = false;
  index_t taps = 512;                            // of each side
  double position_first = 0, position_last = 1;  // of the columns that there are
  double centroid = 0;                           // of the lines' Doppler spectrum, in cycles per sample
};

inline SarFocusOptions wide_sar_focus(double position_first = 0, double position_last = 1) {
  SarFocusOptions o;
  o.num_layers = 1;
  o.hidden_state_size = 512;
  o.bidirectional = o.complex_valued = true;
  o.position_first = position_first;
  o.position_last = position_last;
  return o;
}

// Any layers (B, H, L) -> (B, H, L) between the two linear maps.
template <class Layer>
struct SarStack {
  using T = detail::module_value<Layer>;
  using D = detail::module_device<Layer>;
  using value_type = T;
  using device_type = D;
  static constexpr index_t d_input = 3, d_output = 2;

  bool residual = false;
  PointwiseLinear<T, D> fc1;
  std::vector<Layer> ssm;
  std::vector<Normalization<T, D>> norm;  // one per layer
  PointwiseLinear<T, D> fc2;

  struct State {
    std::vector<typename Layer::State> ssm;
    Tensor<T, 2, D> x, y;  // (B, H)
    void reset() {
      for (auto& layer : ssm) layer.reset();
    }
  };

  SarStack(index_t layers, const typename Layer::Options& o, NormKind kind, bool residual_, Generator& gen)
      : residual(residual_), fc1({.in = d_input, .out = o.d_model}, gen), fc2({.in = o.d_model, .out = d_output}, gen) {
    detail::check_at_least("SarFocus", "num_layers", layers, 1);
    for (index_t i = 0; i < layers; ++i) {
      ssm.emplace_back(o, gen);
      norm.emplace_back(kind, o.d_model);
    }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("fc1.", fc1, f);
    for (std::size_t i = 0; i < ssm.size(); ++i) {
      visit("ssm." + std::to_string(i) + ".", ssm[i], f);
      visit("bn." + std::to_string(i) + ".", norm[i], f);
    }
    visit("fc2.", fc2, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    for (std::size_t i = 0; i < ssm.size(); ++i) visit_buffers("bn." + std::to_string(i) + ".", norm[i], f);
  }

  // x (B, 3, L) -> (B, 2, L)
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    return along(tape, x, [&](std::size_t i, Var<T, 3, D> h) { return ssm[i](tape, h); });
  }

  State make_state(index_t B) {
    State state;
    for (const auto& one : norm)
      if (!one.causal()) throw_value_error("SarFocus::make_state: this norm needs the whole line");
    for (auto& layer : ssm) state.ssm.push_back(layer.make_state(B));
    const index_t H = fc2.options.in;
    state.x = Tensor<T, 2, D>(B, H);
    state.y = Tensor<T, 2, D>(B, H);
    return state;
  }

  // One sample of every stream, x (B, 3) -> y (B, 2).
  void step(TensorView<const T, 2, D> x, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    const TensorView<T, 2, D> h = state.x.view(), v = state.y.view();
    fc1.step(x, h);
    for (std::size_t i = 0; i < ssm.size(); ++i) {
      ssm[i].step(h, state.ssm[i], v);
      norm[i].step(v, v);
      if (residual)
        impl::add_step(h, TensorView<const T, 2, D>(v));
      else
        impl::copy_step(h, TensorView<const T, 2, D>(v));
    }
    fc2.step(h, y);
  }

  // The next L samples of the streams, x (B, 3, L) -> (B, 2, L), from their state, which moves on.
  Var<T, 3, D> forward_stream(Tape<T, D>& tape, Var<T, 3, D> x, State& state) {
    return along(tape, x, [&](std::size_t i, Var<T, 3, D> h) {
      Tensor<T, 4, D>& now = state.ssm[i].modes();
      const auto before = tape.template keep<T>(now.sizes());  // what backward needs stays as it is
      copy(before, now.view());
      const SequenceOutput<T, D> out = ssm[i].forward(tape, h, tape.input(before));
      copy(now.view(), out.state.value());
      return out.y;
    });
  }

 private:
  template <class F>
  Var<T, 3, D> along(Tape<T, D>& tape, Var<T, 3, D> x, F layer) {
    Var<T, 3, D> h = fc1(tape, x);
    for (std::size_t i = 0; i < ssm.size(); ++i) {
      const Var<T, 3, D> v = norm[i](tape, layer(i, h));
      h = residual ? h + v : v;
    }
    return fc2(tape, h);
  }
};

template <class T, device D = Host>
struct SarFocus {
  using value_type = T;
  using device_type = D;
  using Options = SarFocusOptions;
  using Stack = SarStack<SarLayer<T, D>>;
  static constexpr index_t channels = 3;  // I, Q and the position

  Options options;
  std::optional<Stack> stack;           // unless complex_valued,
  std::vector<SarFilter<T, D>> filter;  // and where it is

  struct State {
    std::optional<typename Stack::State> stack;
    std::vector<typename SarFilter<T, D>::State> filter;
    Tensor<T, 2, D> sample;  // (B, 2)

    void reset() {
      if (stack) stack->reset();
      for (auto& one : filter) one.reset();
    }
  };

  SarFocus(const Options& o, Generator& gen) : options(o) {
    detail::check_at_least("SarFocus", "num_layers", o.num_layers, 1);
    if (o.complex_valued) {
      for (index_t i = 0; i < o.num_layers; ++i)
        filter.emplace_back(SarFilterOptions{.modes = o.hidden_state_size,
                                             .taps = o.taps,
                                             .bidirectional = o.bidirectional,
                                             .residual = o.residual,
                                             .position_first = o.position_first,
                                             .position_last = o.position_last,
                                             .centroid = o.centroid});
      return;
    }
    const SarLayerOptions layer{.d_model = o.d_model,
                                .d_state = o.hidden_state_size,
                                .activation = SarActivation::parse(o.act_fun),
                                .dropout = o.dropout,
                                .bidirectional = o.bidirectional,
                                .scaling = o.scaling,
                                .dt_min = o.dt_min,
                                .dt_max = o.dt_max,
                                .algorithm = o.algorithm};
    stack.emplace(o.num_layers, layer, o.batch_norm ? NormKind::batch : o.norm, o.residual, gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    if (stack) stack->for_each_parameter(f);
    for (std::size_t i = 0; i < filter.size(); ++i) visit("filter." + std::to_string(i) + ".", filter[i], f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    if (stack) stack->for_each_buffer(f);
  }

  // x (B, L, 3) -> (B, L, 2)
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    if (x.size(2) != channels)
      throw_shape_error("SarFocus: x is " + to_string(x.sizes(), "BLC") + ", expected C = 3: I, Q and the position");
    const Var<T, 3, D> rows = transpose(x, 1, 2);
    if (stack) return transpose((*stack)(tape, rows), 1, 2);
    return transpose(filtered(rows,
                              [&](Var<T, 3, D> u, TensorView<const T, 1, D> position) {
                                for (auto& one : filter) u = one(tape, u, position);
                                return u;
                              }),
                     1, 2);
  }

  // --- streams: B of them, one sample of each at a time (stream/session.hpp)

  index_t d_input() const { return channels; }
  index_t d_output() const { return 2; }
  // Samples that a stream's output is late: to have all of a line, feed as many samples of 1/2 after it.
  index_t delay() const {
    index_t samples = 0;
    for (const auto& one : filter) samples += one.delay();
    return samples;
  }

  State make_state(index_t B) {
    State state;
    if (stack) state.stack = stack->make_state(B);
    for (auto& one : filter) state.filter.push_back(one.make_state(B));
    state.sample = Tensor<T, 2, D>(B, 2);
    return state;
  }

  // x (B, 3) -> y (B, 2). No allocation, no lock, no exception on the host.
  void step(TensorView<const T, 2, D> x, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    if (stack) return stack->step(x, *state.stack, y);
    const TensorView<T, 2, D> u = state.sample.view();
    const TensorView<const T, 1, D> position(x.data() + 2 * x.stride(1), Extents<1>{x.size(0)},
                                             Extents<1>{x.stride(0)});
    for_each_index<D>(u.count(), impl::SarShift<T, D>{u, x, T(-0.5)}, 2);
    for (std::size_t i = 0; i < filter.size(); ++i) filter[i].step(u, position, state.filter[i], u);
    for_each_index<D>(u.count(), impl::SarShift<T, D>{y, u, T(0.5)}, 2);
  }

  // x (B, 3, L), the next L samples of every stream -> (B, 2, L). No gradient flows from one call to the next.
  Var<T, 3, D> forward_stream(Tape<T, D>& tape, Var<T, 3, D> x, State& state) {
    if (stack) return stack->forward_stream(tape, x, *state.stack);
    return filtered(x, [&](Var<T, 3, D> u, TensorView<const T, 1, D> position) {
      for (std::size_t i = 0; i < filter.size(); ++i) u = filter[i].forward_stream(tape, u, position, state.filter[i]);
      return u;
    });
  }

 private:
  // f(I + iQ (2, B, L), position (B)) between the shifts by 1/2: x (B, 3, L) -> (B, 2, L).
  template <class F>
  static Var<T, 3, D> filtered(Var<T, 3, D> x, F f) {
    const TensorView<const T, 3, D> from = x.value();
    const TensorView<const T, 1, D> position(from.data() + 2 * from.stride(1), Extents<1>{from.size(0)},
                                             Extents<1>{from.stride(0)});
    return transpose(f(transpose(slice(x, 1, 0, 2) - 0.5, 0, 1), position) + 0.5, 0, 1);
  }
};

}  // namespace longwave
