// typed_step.hpp - one sample of many streams, on every device: the parts (nn/step_ops.hpp), a whole state-space layer
// whose state was made on the host, and sessions. Against the host, stream by stream.
#pragma once

#include "longwave/models/sequence_classifier.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/feed_forward.hpp"
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
      impl::add_layer_norm_step<T>(sum.view(), sum, v, w, b, 1e-5);
      impl::add_layer_norm_step<T>(sum_there.view(), sum_there, v_there, w_there, b_there, 1e-5);
      CHECK(relative_error(Place<D>::from(sum_there), sum) <= step_tolerance<T>());
      impl::add_step<T>(sum.view(), v);
      impl::add_step<T>(sum_there.view(), v_there);
      CHECK(relative_error(Place<D>::from(sum_there), sum) <= step_tolerance<T>());
      for (const StepPool pool : {StepPool::mean, StepPool::sum, StepPool::first, StepPool::last}) {
        Tensor<T, 2> seen(B, H), now(B, H);
        Tensor<T, 2, D> seen_there(B, H), now_there(B, H);
        index_t samples = 0;
        auto samples_there = impl::no_samples(D());
        for (const auto* in : {&x, &v}) {
          impl::pool_step<T>(seen.view(), now.view(), *in, samples, pool);
          const auto in_there = Place<D>::to(*in);
          impl::pool_step<T>(seen_there.view(), now_there.view(), in_there, samples_there, pool);
        }
        CHECK(impl::samples_so_far(samples_there) == 2);
        CHECK(relative_error(Place<D>::from(now_there), now) <= step_tolerance<T>());
      }
    }
}

// The parameters of `from`, in double.
template <class Reference, class Model>
void set_values(Reference& to, Model& from) {
  using T = detail::module_value<Model>;
  using D = detail::module_device<Model>;
  const auto targets = state<double>(to);
  const auto sources = state<T, D>(from);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Tensor<T, 1, D> values(sources[i].count);
    Memory<D>::copy(values.data(), sources[i].value, values.bytes());
    const auto host = Place<D>::from(values);
    for (index_t k = 0; k < host.count(); ++k) targets[i].value[k] = static_cast<double>(host(k));
  }
}

// Sample l of every stream of x (B, I, L), brought to `to` (B, I).
template <class T, device D>
void give_sample(TensorView<T, 2, D> to, const Tensor<T, 3>& x, index_t l) {
  Tensor<T, 2> sample(to.sizes());
  copy(sample.view(), x.view().slice(2, l, l + 1).transpose(0, 2)[0].transpose(0, 1));
  if constexpr (std::is_same_v<D, Host>) {
    copy(to, sample.view());
  } else {
    const auto there = Place<D>::to(sample);
    copy(to, there.view());
  }
}

template <class T, device D>
Tensor<T, 2> host_copy(TensorView<const T, 2, D> y) {
  Tensor<T, 2, D> dense(y.sizes());
  copy(dense.view(), y);
  return Place<D>::from(dense);
}

// A session of `model` against the same model in double on the host: from the start, after a prefill, after a reset.
template <class Model, class Reference>
void check_session(Model& model, Reference& reference, index_t B) {
  using T = detail::module_value<Model>;
  using D = detail::module_device<Model>;
  const index_t L = 12;
  Session<Model> session(model, B);
  Session<Reference> want(reference, B);
  const auto x = random<T>(Extents<3>{B, session.input().size(1), L}, 2);
  Tensor<double, 3> x_double(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) x_double.data()[i] = static_cast<double>(x.data()[i]);
  const auto x_there = Place<D>::to(x);
  // Products of many streams are cuBLAS's.
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-11;
  for (const index_t cut : {0, 7}) {
    if (cut > 0) session.prefill(x_there.view().slice(2, 0, cut));
    if (cut > 0) want.prefill(x_double.view().slice(2, 0, cut));
    double error = cut > 0 ? relative_error(host_copy<T, D>(session.output()).view(), want.output()) : 0;
    for (index_t l = cut; l < L; ++l) {
      give_sample<T, D>(session.input(), x, l);
      give_sample<double, Host>(want.input(), x_double, l);
      session.step();
      want.step();
      error = std::max(error, relative_error(host_copy<T, D>(session.output()).view(), want.output()));
    }
    INFO("B " << B << ", prefilled " << cut);
    CHECK(error <= tolerance);
    session.reset();
    want.reset();
  }
}

template <class T, device D>
void check_layer_sessions() {
  const auto check = [](S4DOptions options, index_t B) {
    Generator gen(3), same(3);
    S4D<T, D> layer(options, gen);
    S4D<double> reference(options, same);
    set_values(reference, layer);
    check_session(layer, reference, B);
  };
  check({.d_model = 6, .d_state = 8}, 3);
  check({.d_model = 40, .d_state = 64}, 70);
}

template <class T, device D>
void check_classifier_sessions() {
  for (const bool prenorm : {false, true})
    for (const Pooling pooling : {Pooling::mean, Pooling::last}) {
      INFO("prenorm " << prenorm);
      Generator gen(3), same(3);
      const SequenceClassifierOptions options{.d_input = 2,
                                              .d_output = 3,
                                              .d_model = 24,
                                              .d_state = 8,
                                              .n_layers = 2,
                                              .prenorm = prenorm,
                                              .pooling = pooling};
      SequenceClassifier<T, D> model(options, gen);
      SequenceClassifier<double> reference(options, same);
      set_values(reference, model);
      check_session(model, reference, 5);
      check_session(model, reference, 70);
    }
}

// Blocks of every norm that has a step and every residual.
template <class T, device D>
void check_backbone_sessions() {
  using Model = SequenceModel<S4D<T, D>, FeedForward<T, D>>;
  using Reference = SequenceModel<S4D<double>, FeedForward<double>>;
  const auto check = [](const char* what, typename Model::Options options, index_t B) {
    INFO(what);
    typename Reference::Options same{.d_model = options.d_model,
                                     .n_layers = options.n_layers,
                                     .prenorm = options.prenorm,
                                     .norm = options.norm,
                                     .residual = options.residual,
                                     .pool = options.pool};
    std::get<0>(same.layers).d_state = std::get<0>(options.layers).d_state = 6;
    std::get<1>(same.layers) = std::get<1>(options.layers);
    Generator gen(3), again(3);
    Model model(options, gen);
    Reference reference(same, again);
    set_values(reference, model);
    check_session(model, reference, B);
  };
  for (const index_t B : {3, 70}) {
    check("pre-norm", {.d_model = 6, .n_layers = 2}, B);
    check("post-norm", {.d_model = 6, .prenorm = false}, B);
    for (const NormKind norm : {NormKind::none, NormKind::transposed_layer, NormKind::batch})
      check("norms", {.d_model = 6, .prenorm = norm == NormKind::batch, .norm = norm}, B);
    for (const ResidualKind kind : {ResidualKind::feedforward, ResidualKind::affine, ResidualKind::decay})
      check("residuals", {.d_model = 6, .n_layers = 2, .residual = {.kind = kind, .beta = 0.5}}, B);
    check("affine by feature", {.d_model = 6, .residual = {.kind = ResidualKind::affine, .scalar = false}}, B);
    check("highway", {.d_model = 6, .residual = {.kind = ResidualKind::highway}}, B);
    check("highway, elementwise",
          {.d_model = 6, .residual = {.kind = ResidualKind::highway, .scaling_correction = true, .elemwise = true}}, B);
    check("wider by repeating", {.d_model = 6, .pool = {.kind = PoolKind::sample, .expand = 2}}, B);
    check("wider by a linear map", {.d_model = 6, .pool = {.kind = PoolKind::linear, .expand = 2}}, B);
    typename Model::Options glu{.d_model = 6};
    std::get<1>(glu.layers).activation = Activation::glu;
    check("feed-forward with glu", glu, B);
  }
}

}  // namespace longwave::test
