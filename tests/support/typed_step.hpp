// typed_step.hpp - one sample of many streams, on every device: the parts (nn/step_ops.hpp), a whole state-space layer
// whose state was made on the host, and sessions. Against the host, stream by stream.
#pragma once

#include "longwave/models/sequence_classifier.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/stream/session.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

template <class T>
double step_tolerance() {  // sums of some hundred terms in another order
  return sizeof(T) == 4 ? 2e-5 : 1e-13;
}

template <class T>
LinearStep<T, Cuda> linear_there(const LinearStep<T>& l) {
  return {cuda::to_device(l.W), cuda::to_device(l.bias), l.activation};
}

// A host's state, moved to the device.
template <class T>
SsmState<T, StepTables<T, Cuda>, Cuda> state_there(const SsmState<T, StepTables<T>>& s) {
  SsmState<T, StepTables<T, Cuda>, Cuda> there;
  there.x = cuda::to_device(s.x);
  there.tables = to_device(s.tables);
  there.D = cuda::to_device(s.D);
  there.input_linear = linear_there(s.input_linear);
  there.input_gate = linear_there(s.input_gate);
  there.output_gate = linear_there(s.output_gate);
  there.output_linear = linear_there(s.output_linear);
  there.room = Tensor<T, 2, Cuda>(4, s.x.size(0) * s.room.size(1));
  return there;
}

// Three samples of B streams through a layer made by `Options`; from a state that is not zero.
template <class Layer>
void check_layer_step(typename Layer::Options options, index_t B) {
  using T = typename Layer::T;
  Generator gen(5);
  Layer layer(options, gen);
  const index_t H = options.d_model, O = layer.d_output();
  auto state = layer.make_state(B);
  gen.normal(state.x.view());
  auto there = state_there(state);
  Tensor<T, 2> y(B, O);
  INFO("B " << B << ", H " << H << ", modes " << state.tables.modes() << ", O " << O);
  double error = 0;
  for (int sample = 0; sample < 3; ++sample) {
    const auto u = random<T>(Extents<2>(B, H + 3), 6 + static_cast<std::uint64_t>(sample));
    const auto part = [H](auto& tensor) { return tensor.view().slice(1, 0, H); };  // rows further apart than H
    layer.step(part(u), state, y.view());
    const auto u_there = cuda::to_device(u);
    auto y_there = unwritten<T, 2, Cuda>(Extents<2>(B, O));
    impl::ssm_step<T>(y_there.view(), part(u_there), there, detail::ssm_widths(options), options);
    error = std::max(error, relative_error(cuda::to_host(y_there), y));
  }
  CHECK(error <= step_tolerance<T>());
  CHECK(relative_error(cuda::to_host(there.x), state.x) <= step_tolerance<T>());
}

template <class T>
void check_layer_step_sizes() {
  using Layer = S4D<T>;
  for (const index_t B : {0, 1, 3, 70})
    for (const index_t H : {1, 2, 17, 64})
      for (const index_t d_state : {2, 6, 64}) check_layer_step<Layer>({.d_model = H, .d_state = d_state}, B);
  check_layer_step<Layer>({.d_model = 256, .d_state = 64}, 1);
  check_layer_step<Layer>({.d_model = 132, .d_state = 10}, 1030);  // several streams per block, the last one not full
  check_layer_step<Layer>({.d_model = 131, .d_state = 10}, 1030);  // rows off 16 bytes
  check_layer_step<Layer>({.d_model = 64, .d_state = 8}, 64);      // the last batch of the fused linear step
  check_layer_step<Layer>({.d_model = 64, .d_state = 8}, 65);
}

template <class T>
void check_layer_step_options() {
  using Layer = S4Diag<T>;
  using O = typename Layer::Options;
  const index_t B = 5;
  const auto check = [&](const char* what, O options) {
    INFO(what);
    options.d_model = 12;
    options.d_state = 6;
    check_layer_step<Layer>(options, B);
    check_layer_step<Layer>(options, 70);
  };
  check("plain", {});
  check("three kernels per feature", {.channels = 3});
  check("glu over twice the channels", {.channels = 2, .activation = Activation::glu});
  check("hyper_act", {.hyper_act = Activation::sigmoid});
  check("hyper_act, three kernels, swapped", {.channels = 3, .hyper_act = Activation::tanh, .swap_channels = true});
  check("gate", {.gate = 2, .gate_act = Activation::silu});
  check("bottleneck", {.bottleneck = 3});
  check("gate, bottleneck, mult_act", {.gate = 1, .bottleneck = 2, .mult_act = Activation::relu});
  check("no linear map", {.channels = 2, .mult_act = Activation::elu, .output_linear = false});
  check("no linear map, glu", {.activation = Activation::glu, .output_linear = false});
  for (const Activation a : {Activation::none, Activation::relu, Activation::elu, Activation::tanh, Activation::sigmoid,
                             Activation::silu, Activation::softplus})
    check("activation", {.activation = a, .final_act = a});
}

// y in the place of u, and the same bits twice.
template <class T>
void check_layer_step_repeats() {
  Generator gen(5);
  S4D<T> layer({.d_model = 36, .d_state = 10}, gen);
  for (const index_t B : {1, 9, 1500}) {
    auto state = layer.make_state(B);
    gen.normal(state.x.view());
    const auto u = random<T>(Extents<2>(B, 36), 7);
    Tensor<T, 2> want(B, 36), got[2];
    for (auto& y : got) {
      auto there = state_there(state);
      auto io = cuda::to_device(u);
      impl::ssm_step<T>(io.view(), io.view(), there, detail::ssm_widths(layer.options), layer.options);
      y = cuda::to_host(io);
    }
    layer.step(u, state, want.view());
    CHECK(relative_error(got[0], want) <= step_tolerance<T>());
    CHECK(relative_error(got[0], got[1]) == 0);
  }
}

template <class T, device D>
void check_step_ops() {
  for (const index_t B : {0, 1, 7, 65, 300})
    for (const index_t H : {1, 3, 64, 200}) {
      INFO("B " << B << ", H " << H);
      const auto x = random<T>(Extents<2>(B, H), 1, T(2)), v = random<T>(Extents<2>(B, H), 2);
      const auto w = random<T>(Extents<1>(H), 3), b = random<T>(Extents<1>(H), 4);
      const auto x_there = Place<D>::to(x), v_there = Place<D>::to(v);
      const auto w_there = Place<D>::to(w), b_there = Place<D>::to(b);
      for (const index_t O : {1, 10, 48}) {
        const auto W = random<T>(Extents<2>(O, H), 5);
        const auto bias = random<T>(Extents<1>(O), 6);
        Tensor<T, 2> y(B, O);
        auto y_there = unwritten<T, 2, D>(Extents<2>(B, O));
        impl::affine_step<T>(y.view(), x, W, bias);
        const auto W_there = Place<D>::to(W);
        const auto bias_there = Place<D>::to(bias);
        impl::affine_step<T>(y_there.view(), x_there, W_there, bias_there);
        CHECK(relative_error(Place<D>::from(y_there), y) <= step_tolerance<T>());
        impl::affine_step<T>(y.view(), x, W, {});
        impl::affine_step<T>(y_there.view(), x_there, W_there, {});
        CHECK(relative_error(Place<D>::from(y_there), y) <= step_tolerance<T>());
      }
      Tensor<T, 2> y(B, H);
      auto y_there = unwritten<T, 2, D>(Extents<2>(B, H));
      impl::layer_norm_step<T>(y.view(), x, w, b, 1e-5);
      impl::layer_norm_step<T>(y_there.view(), x_there, w_there, b_there, 1e-5);
      CHECK(relative_error(Place<D>::from(y_there), y) <= step_tolerance<T>());
      impl::layer_norm_step<T>(y.view(), x, {}, {}, 1e-5);
      impl::layer_norm_step<T>(y_there.view(), x_there, {}, {}, 1e-5);
      CHECK(relative_error(Place<D>::from(y_there), y) <= step_tolerance<T>());
      auto sum = x.clone();
      auto sum_there = x_there.clone();
      impl::add_layer_norm_step<T>(sum.view(), v, w, b, 1e-5);
      impl::add_layer_norm_step<T>(sum_there.view(), v_there, w_there, b_there, 1e-5);
      CHECK(relative_error(Place<D>::from(sum_there), sum) <= step_tolerance<T>());
      impl::add_step<T>(sum.view(), v);
      impl::add_step<T>(sum_there.view(), v_there);
      CHECK(relative_error(Place<D>::from(sum_there), sum) <= step_tolerance<T>());
      for (const bool mean : {true, false}) {
        Tensor<T, 2> seen(B, H), now(B, H);
        Tensor<T, 2, D> seen_there(B, H), now_there(B, H);
        index_t samples = 0;
        auto samples_there = impl::no_samples(D());
        for (const auto* in : {&x, &v}) {
          impl::pool_step<T>(seen.view(), now.view(), *in, samples, mean);
          const auto in_there = Place<D>::to(*in);
          impl::pool_step<T>(seen_there.view(), now_there.view(), in_there, samples_there, mean);
        }
        CHECK(impl::samples_so_far(samples_there) == 2);
        CHECK(relative_error(Place<D>::from(now_there), now) <= step_tolerance<T>());
      }
    }
}

}  // namespace longwave::test
