// s4d.hpp - the S4D layer: a diagonal state-space model per feature, then a position-wise mixing of the features.
//
//   v = S4D(u) + D u            state_space/kernel_s4d.hpp, states carried where asked for
//   v = dropout(gelu(v))        exact GELU; dropout tied over time
//   y = glu(W v + b)            W (2 H, H): position-wise, then first half times sigmoid(second half)
//
// u, y (B, H, L). Parameters carry the official names: D, kernel.{log_dt, log_A_real, A_imag, C}, output_linear.0.*.
// The same layer runs on whole sequences (operator()), in pieces with a state (forward) and sample by sample (step).
// Source: Gu et al. 2022 (S4D) and its minimal reference implementation.
#pragma once

#include <cmath>
#include <cstring>
#include <numbers>
#include <string>

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/core/math.hpp"
#include "longwave/nn/conv1d.hpp"
#include "longwave/nn/module.hpp"
#include "longwave/state_space/kernel_s4d.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave {

struct S4DOptions {
  index_t d_model = 64;  // H
  index_t d_state = 64;  // twice the number of stored modes
  double dropout = 0;    // in training, one draw per feature and sequence
  double dt_min = 1e-3;  // steps are drawn log-uniformly from [dt_min, dt_max]
  double dt_max = 1e-1;
  double lr = ParameterGroup::unset;  // own learning rate of log_dt, log_A_real and A_imag; they never decay
  Algorithm algorithm = Algorithm::auto_;
};

// What a stream carries from one sample to the next, and the tables its layer needs to take a step: they are made from
// the weights once, in make_state, so a state steps with the weights it was made with.
template <class T>
struct S4DState {
  Tensor<T, 4> x;  // (B, 2, N, H): Re and Im of the modes
  StepTables<T> tables;
  Tensor<T, 2> mix;     // (H, 2 H): W transposed
  Tensor<T, 2> hidden;  // (B, 3 H): a step's intermediate values

  void reset() { x.zero(); }
};

template <class T, device Dev = Host>
struct S4D {
  using Options = S4DOptions;
  using State = S4DState<T>;

  struct Kernel {
    Parameter<T, 1, Dev> log_dt;
    Parameter<T, 2, Dev> log_A_real, A_imag;
    Parameter<T, 3, Dev> C;

    template <class F>
    void for_each_parameter(F&& f) {
      f("C", C);
      f("log_dt", log_dt);
      f("log_A_real", log_A_real);
      f("A_imag", A_imag);
    }
  };

  Options options;
  Parameter<T, 1, Dev> D;
  Kernel kernel;
  Conv1d<T, Dev> output_linear;

  // A = -1/2 + i pi n, C and D normal, dt log-uniform.
  S4D(Options o, Generator& gen)
      : options(checked(o)),
        D(Extents<1>{o.d_model}),
        kernel(make_kernel(o)),
        output_linear({.in = o.d_model, .out = 2 * o.d_model, .kernel = 1}, gen) {
    const index_t N = o.d_state / 2;
    gen.uniform(kernel.log_dt.value.view(), static_cast<T>(std::log(o.dt_min)), static_cast<T>(std::log(o.dt_max)));
    gen.normal(kernel.C.value.view(), 0, static_cast<T>(std::numbers::sqrt2 / 2));  // unit variance as a complex number
    gen.normal(D.value.view());
    for (index_t h = 0; h < o.d_model; ++h)
      for (index_t n = 0; n < N; ++n) {
        kernel.log_A_real.value(h, n) = static_cast<T>(std::log(0.5));
        kernel.A_imag.value(h, n) = static_cast<T>(std::numbers::pi * static_cast<double>(n));
      }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("D", D);
    visit("kernel.", kernel, f);
    visit("output_linear.0.", output_linear, f);
  }

  // u (B, H, L) -> y (B, H, L), from a zero state.
  Var<T, 3, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> u) { return mix(tape, convolve(tape, u, {}, false).y); }

  // The same from state_in (B, 2, d_state / 2, H), with the state after the last step; gradients flow through both.
  SequenceOutput<T, Dev> forward(Tape<T, Dev>& tape, Var<T, 3, Dev> u, Var<T, 4, Dev> state_in) {
    const SequenceOutput<T, Dev> v = convolve(tape, u, state_in, true);
    return {mix(tape, v.y), v.state};
  }

  // A zero state for B streams and the tables of the present weights.
  State make_state(index_t B) {
    const index_t H = options.d_model, N = options.d_state / 2;
    if (B < 0) throw_value_error("S4D::make_state: a batch of " + std::to_string(B));
    Tensor<complex<double>, 2> x(H, N), c(H, N);
    S4DModes::forward(x.view(), c.view(), parameters_of(kernel));
    State state{Tensor<T, 4>(B, 2, N, H), StepTables<T>(x.view(), {}, c.view().reshape(Extents<3>{1, H, N})),
                Tensor<T, 2>(H, 2 * H), Tensor<T, 2>(B, 3 * H)};
    for (index_t o = 0; o < 2 * H; ++o)
      for (index_t h = 0; h < H; ++h) state.mix(h, o) = output_linear.weight.value(o, h, 0);
    return state;
  }

  // One sample of every stream: u, y (B, H) with unit stride in H. No allocation, no lock, no exception; the state
  // must come from this layer's make_state with the same B.
  void step(TensorView<const T, 2> u, State& state, TensorView<T, 2> y) const noexcept {
    const index_t B = state.x.size(0), H = options.d_model;
    for (index_t b = 0; b < B; ++b) {
      T* v = state.hidden.data() + b * 3 * H;
      T* h = v + H;  // (2 H)
      impl::diagonal_step(v, state.x.data() + b * state.x.count() / B, u.data() + b * u.stride(0), state.tables,
                          D.value.data());
      for (index_t i = 0; i < H; ++i) v[i] = GeluRule().value(v[i]);
      std::memcpy(h, output_linear.bias.value.data(), static_cast<std::size_t>(2 * H) * sizeof(T));
      impl::gemv_add(h, state.mix.data(), v, H, 2 * H);
      T* out = y.data() + b * y.stride(0);
      for (index_t i = 0; i < H; ++i) out[i] = h[i] * math::sigmoid(h[H + i]);
    }
  }

 private:
  static const Options& checked(const Options& o) {
    if (o.d_model < 1) throw_value_error("S4D: d_model is " + std::to_string(o.d_model) + ", expected at least 1");
    if (o.d_state < 2 || o.d_state % 2 != 0)
      throw_value_error("S4D: d_state is " + std::to_string(o.d_state) +
                        ", expected an even number of at least 2 (modes come in conjugate pairs)");
    if (!(o.dt_min > 0 && o.dt_min <= o.dt_max && std::isfinite(o.dt_max)))
      throw_value_error("S4D: dt_min is " + std::to_string(o.dt_min) + " and dt_max " + std::to_string(o.dt_max) +
                        ", expected 0 < dt_min <= dt_max");
    if (!(o.dropout >= 0 && o.dropout < 1))
      throw_value_error("S4D: dropout is " + std::to_string(o.dropout) + ", expected [0, 1)");
    return o;
  }

  static Kernel make_kernel(const Options& o) {
    const index_t H = o.d_model, N = o.d_state / 2;
    const ParameterGroup ssm{.lr = o.lr, .weight_decay = 0};
    Kernel k;
    k.log_dt = Parameter<T, 1, Dev>(Extents<1>{H}, ssm);
    k.log_A_real = Parameter<T, 2, Dev>(Extents<2>{H, N}, ssm);
    k.A_imag = Parameter<T, 2, Dev>(Extents<2>{H, N}, ssm);
    k.C = Parameter<T, 3, Dev>(Extents<3>{H, N, 2});
    return k;
  }

  static S4DParameters<T, Dev> parameters_of(const Kernel& k) {
    return {k.log_dt.value, k.log_A_real.value, k.A_imag.value, k.C.value};
  }

  SequenceOutput<T, Dev> convolve(Tape<T, Dev>& tape, Var<T, 3, Dev> u, Var<T, 4, Dev> state_in, bool want_state) {
    const S4DVars<T, Dev> vars{kernel.log_dt.on(tape, "kernel.log_dt"), kernel.log_A_real.on(tape, "kernel.log_A_real"),
                               kernel.A_imag.on(tape, "kernel.A_imag"), kernel.C.on(tape, "kernel.C")};
    const Var<T, 2, Dev> skip = tape.parameter(D.value.view().reshape(Extents<2>{1, options.d_model}),
                                               D.grad.view().reshape(Extents<2>{1, options.d_model}), "D");
    return ssm(u, vars, skip, {.algorithm = options.algorithm}, state_in, want_state);
  }

  Var<T, 3, Dev> mix(Tape<T, Dev>& tape, Var<T, 3, Dev> v) {
    return glu(output_linear(tape, dropout(gelu(v), options.dropout, /*tied=*/true)), 1);
  }
};

}  // namespace longwave
