// conv_layer.hpp - a convolution along time as a sequence layer (nn/sequence_layer.hpp): the convolutional baseline.
//
//   y_l = act(b + sum_k W_k u_{l + d (k - k0)})      k < kernel, d the dilation; k0 = kernel - 1 if causal, else the
//   middle
//
// u (B, d_model, L) -> (B, d_output, L), zeros outside. groups = d_model makes it depthwise. A list of such layers with
// dilations 1, 2, 4, .. in a SequenceModel is a dilated temporal network (Bai et al. 2018, "An empirical evaluation of
// generic convolutional and recurrent networks"). Parameters: conv.weight (d_output', d_model / groups, kernel),
// conv.bias; d_output' is twice as much for glu. State x of a causal layer: (1, B, d_model, d (kernel - 1)), the
// samples that the next one still sees, the oldest first. Steps run on the host.
#pragma once

#include <algorithm>
#include <string>

#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/activation.hpp"
#include "longwave/nn/conv1d.hpp"
#include "longwave/nn/sequence_layer.hpp"
#include "longwave/state_space/ssm.hpp"

namespace longwave {

struct ConvLayerOptions {
  index_t d_model = 64;
  index_t d_output = 0;  // 0: d_model
  index_t kernel = 7;
  index_t dilation = 1;
  index_t groups = 1;
  bool causal = true;
  Activation activation = Activation::gelu;

  index_t width() const { return d_output > 0 ? d_output : d_model; }
  index_t memory() const { return dilation * (kernel - 1); }
};

template <class T, device D = Host>
struct ConvLayer {
  using Options = ConvLayerOptions;

  struct State {
    Tensor<T, 4, D> x;     // (1, B, d_model, memory)
    Tensor<T, 2, D> room;  // (B, d_output')

    void reset() { x.zero(); }
  };

  Options options;
  Conv1d<T, D> conv;

  ConvLayer(Options o, Generator& gen)
      : options(checked(o)),
        conv({.in = o.d_model,
              .out = (o.activation == Activation::glu ? 2 : 1) * o.width(),
              .kernel = o.kernel,
              .padding = o.causal ? 0 : o.memory() / 2,
              .dilation = o.dilation,
              .groups = o.groups},
             gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("conv.", conv, f);
  }
  index_t d_output() const { return options.width(); }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> u) {
    check(u);
    if (!options.causal) return activate(conv(tape, u), options.activation, 1);
    return forward(tape, u, {}).y;
  }

  // state_in (1, B, d_model, memory), or without a value: zero.
  SequenceOutput<T, D> forward(Tape<T, D>& tape, Var<T, 3, D> u, Var<T, 4, D> state_in) {
    check(u);
    check_causal();
    const index_t R = options.memory(), L = u.size(2);
    const Extents<3> before{u.size(0), options.d_model, R};
    if (state_in)
      check_shape("ConvLayer", "state_in", state_in.value(), Extents<4>{1, before[0], before[1], R}, "1BHR");
    Var<T, 3, D> seen = u;
    if (R > 0) seen = concat(2, state_in ? reshape(state_in, before) : tape.input(zeros(tape, before)), u);
    const Var<T, 3, D> after = contiguous(slice(seen, 2, L, L + R));
    return {activate(conv(tape, seen), options.activation, 1), reshape(after, Extents<4>{1, before[0], before[1], R})};
  }

  State make_state(index_t B) const {
    detail::check_at_least("ConvLayer", "B", B, 0);
    check_causal();
    return {Tensor<T, 4, D>(1, B, options.d_model, options.memory()), Tensor<T, 2, D>(B, conv.options.out)};
  }

  // u (B, d_model) -> y (B, d_output), on the host alone. No allocation.
  void step(TensorView<const T, 2, D> u, State& state, TensorView<T, 2, D> y) const noexcept
      requires(std::same_as<D, Host>) {
    const index_t R = options.memory(), I = options.d_model / options.groups, O = conv.options.out;
    for (index_t b = 0; b < u.size(0); ++b) {
      T *memory = state.x.data() + b * options.d_model * R, *out = state.room.data() + b * O;
      for (index_t o = 0; o < O; ++o) {
        const index_t first = o / (O / options.groups) * I;  // feature of the group
        const T* W = conv.weight.value.data() + o * I * options.kernel;
        T sum = conv.bias.value.data()[o];
        for (index_t i = 0; i < I; ++i, W += options.kernel) {
          const T* past = memory + (first + i) * R;
          for (index_t k = 0; k < options.kernel - 1; ++k) sum += W[k] * past[k * options.dilation];
          sum += W[options.kernel - 1] * u(b, first + i);
        }
        out[o] = sum;
      }
      for (index_t i = 0; i < options.d_model && R > 0; ++i) {
        T* past = memory + i * R;
        std::copy(past + 1, past + R, past);
        past[R - 1] = u(b, i);
      }
      const index_t width = impl::activate_step(out, O, options.activation);
      for (index_t o = 0; o < width; ++o) y(b, o) = out[o];
    }
  }

 private:
  static const Options& checked(const Options& o) {
    detail::check_at_least("ConvLayer", "d_model", o.d_model, 1);
    detail::check_at_least("ConvLayer", "d_output", o.d_output, 0);
    detail::check_at_least("ConvLayer", "kernel", o.kernel, 1);
    detail::check_at_least("ConvLayer", "dilation", o.dilation, 1);
    if (!o.causal && o.memory() % 2 != 0)
      throw_value_error("ConvLayer: a kernel of " + std::to_string(o.kernel) + " with dilation " +
                        std::to_string(o.dilation) + " has no middle; take an odd kernel, or causal");
    return o;
  }

  static TensorView<T, 3, D> zeros(Tape<T, D>& tape, const Extents<3>& sizes) {
    const TensorView<T, 3, D> room = tape.template keep<T>(sizes);
    detail::fill(room, T(0));
    return room;
  }

  void check(const Var<T, 3, D>& u) const {
    if (u.size(1) != options.d_model)
      throw_shape_error("ConvLayer: u is " + to_string(u.sizes(), "BHL") +
                        ", expected H = d_model = " + std::to_string(options.d_model));
  }
  void check_causal() const {
    if (!options.causal) throw_value_error("ConvLayer: no state and no step without causal: it looks ahead");
  }
};

}  // namespace longwave
