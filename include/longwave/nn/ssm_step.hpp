// ssm_step.hpp - one sample through a state-space layer: what a stream carries, and the arithmetic of SsmLayer::step.
#pragma once

#include <algorithm>
#include <utility>

#include "longwave/nn/linear_activation.hpp"
#include "longwave/nn/ssm_options.hpp"

namespace longwave {

// What a stream carries from one sample to the next, and all that its layer needs to take a step: tables and weights
// are those that the layer had when make_state made them. Tables: StepTables, or what make_step_tables returns.
template <class T, class Tables>
struct SsmState {
  Tensor<T, 4> x;  // (B, 2, N, H): Re and Im of the modes
  Tables tables;
  Tensor<T, 2> D;  // (C, H)
  LinearStep<T> input_linear, input_gate, output_gate, output_linear;
  Tensor<T, 2> room;  // (4, W): a step's intermediate values

  void reset() { x.zero(); }
};

namespace impl {

// y (H C) from x (C H)
template <class T>
void swap_channels_step(T* y, const T* x, index_t C, index_t H) noexcept {
  for (index_t c = 0; c < C; ++c)
    for (index_t h = 0; h < H; ++h) y[h * C + c] = x[c * H + h];
}

template <class T>
void multiply_step(T* y, const T* x, index_t n) noexcept {
  for (index_t i = 0; i < n; ++i) y[i] *= x[i];
}

// Stream b of the state: y (O) from u (H), dense; y may be u. w and o are the layer's.
template <class T, class Tables, class Options>
void ssm_step(T* y, const T* u, SsmState<T, Tables>& s, index_t b, const detail::SsmWidths& w,
              const Options& o) noexcept {
  T *now = s.room.data(), *next = now + s.room.size(1), *gate = next + s.room.size(1), *raw = gate + s.room.size(1);
  T* state = s.x.data() + b * (s.x.count() / s.x.size(0));
  const T* in = u;
  if (o.gate > 0) s.input_gate(gate, raw, u);
  if (o.bottleneck > 0) {
    s.input_linear(next, raw, u);
    in = next;
  }
  s.tables.step(now, state, in, s.D.data());
  index_t C = w.C_inner;
  if (o.hyper_act) {
    C /= 2;
    activate_step(now + C * w.H_inner, C * w.H_inner, *o.hyper_act);
    multiply_step(now, now + C * w.H_inner, C * w.H_inner);
  }
  if (o.swap_channels) {
    swap_channels_step(next, now, C, w.H_inner);
    std::swap(now, next);
  }
  index_t n = activate_step(now, C * w.H_inner, o.activation);
  if (o.gate > 0) {
    s.output_gate(next, raw, now);
    std::swap(now, next);
    n = w.gated;
    multiply_step(now, gate, n);
  }
  activate_step(now, n, o.mult_act);
  if (o.output_linear)
    s.output_linear(y, raw, now);
  else
    std::copy(now, now + n, y);
}

}  // namespace impl
}  // namespace longwave
