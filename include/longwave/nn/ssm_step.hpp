// ssm_step.hpp - one sample through a state-space layer: what a stream carries, and the arithmetic of SsmLayer::step.
//
// On the host stream by stream, so that a stream's values stay in the cache; on the device each part for all streams at
// once: states are read and written once, 4 N sizeof(T) bytes per feature and stream, which bounds many streams.
#pragma once

#include <algorithm>
#include <utility>

#include "longwave/cuda/step.hpp"
#include "longwave/nn/linear_activation.hpp"
#include "longwave/nn/ssm_options.hpp"

namespace longwave {

// What a stream carries from one sample to the next, and all that its layer needs to take a step: tables and weights
// are those that the layer had when make_state made them. Tables: StepTables, or what make_step_tables returns.
template <class T, class Tables, device Dev = Host>
struct SsmState {
  Tensor<T, 4, Dev> x;  // (B, 2, N, H): Re and Im of the modes
  Tables tables;
  Tensor<T, 2, Dev> D;  // (C, H)
  LinearStep<T, Dev> input_linear, input_gate, output_gate, output_linear;
  Tensor<T, 2, Dev> room;  // (4, W), on the device (4, B W): a step's intermediate values

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

// --- all streams on the device
// ----------------------------------------------------------------------------------------

template <class T>
void modes_step(TensorView<T, 3, Cuda> y, TensorView<T, 4, Cuda> state, In<T, 2, Cuda> u, const StepTables<T, Cuda>& t,
                In<T, 2, Cuda> D, Activation activation) {
  cuda::modes_step(cuda::ModesStep<T>{y, state, u, t.a, t.b, t.c, {}, {}, D, activation});
}

// What the kernel's outputs are turned into: (B, n) numbers in rows of `width`.
template <class T>
struct StepRows {
  T* data;
  index_t B, n, width;

  TensorView<T, 2, Cuda> part(index_t begin, index_t end) const {
    return {data + begin, Extents<2>{B, end - begin}, Extents<2>{width, 1}};
  }
  TensorView<T, 2, Cuda> view() const { return part(0, n); }

  // The first half times act(second half).
  void halve(Activation act) {
    n /= 2;
    cuda::product_step<T>(view(), view(), part(n, 2 * n), act);
  }
};

template <class T, class Options>
bool activates_at_once(const Options& o) {
  return o.activation != Activation::glu && !o.hyper_act && !o.swap_channels;
}

// hyper_act, swap_channels and activation of all outputs; `room` is as large as they are. The modes' kernel has done it
// where it can.
template <class T, class Options>
void activate_rows(StepRows<T>& now, T*& room, const detail::SsmWidths& w, const Options& o) {
  if (o.hyper_act) now.halve(*o.hyper_act);
  if (o.swap_channels) {
    const StepRows<T> swapped{room, now.B, now.n, now.n};
    cuda::swap_channels_step<T>(swapped.view(), now.view(), now.n / w.H_inner);
    room = now.data;
    now = swapped;
  }
  if (o.activation == Activation::glu)
    now.halve(Activation::sigmoid);
  else if (!activates_at_once<T>(o))
    cuda::bias_step<T>(now.view(), now.view(), {}, o.activation);
}

// y (B, O) from u (B, H); y may be u.
template <class T, class Tables, class Options>
void ssm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> u, SsmState<T, Tables, Cuda>& s,
              const detail::SsmWidths& w, const Options& o) {
  const index_t B = u.size(0), room = s.room.size(1), outputs = w.C_inner * w.H_inner;
  T *now = s.room.data(), *next = now + room, *gate = next + room, *raw = gate + room;
  const StepRows<T> gates{gate, B, w.gated, w.gated}, narrow{next, B, w.H_inner, w.H_inner};
  TensorView<const T, 2, Cuda> in = u;
  if (o.gate > 0) linear_step(gates.view(), raw, u, s.input_gate);
  if (o.bottleneck > 0) {
    linear_step(narrow.view(), raw, u, s.input_linear);
    in = narrow.view();
  }
  modes_step(TensorView<T, 3, Cuda>(now, Extents<3>{B, w.C_inner, w.H_inner}), s.x.view(), in, s.tables, s.D.view(),
             activates_at_once<T>(o) ? o.activation : Activation::none);
  StepRows<T> rows{now, B, outputs, outputs};
  activate_rows(rows, next, w, o);
  if (o.gate > 0) {
    const StepRows<T> gated{next, B, w.gated, w.gated};
    linear_step(gated.view(), raw, rows.view(), s.output_gate);
    cuda::product_step<T>(gated.view(), gated.view(), gates.view(), Activation::none);
    rows = gated;
  }
  if (!o.output_linear) return cuda::bias_step<T>(y, rows.view(), {}, o.mult_act);
  if (o.mult_act != Activation::none) cuda::bias_step<T>(rows.view(), rows.view(), {}, o.mult_act);
  linear_step(y, raw, rows.view(), s.output_linear);
}

}  // namespace impl
}  // namespace longwave
