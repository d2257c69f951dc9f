// ssm_layer.hpp - a state-space layer around any kernel: S4D, S4, DSS and those of one's own (ssm_kernel.hpp).
//
//   v = gate_act(W u + b)                                                  if there is a gate, from the layer's input
//   y = K * x + D x,   x = u or W u + b (bottleneck)                       state_space/ssm.hpp: (B, C H', L)
//   y = y_1 hyper_act(y_2)                                                 the two halves of the channels
//   y = activation(y),   y = v (W y + b) with a gate,   y = mult_act(y)
//   y = final_act(W dropout(y) + b)                                        (B, d_model, L)
//
// u (B, d_model, L). All linear maps are position-wise and have their own W and b. Options: ssm_options.hpp. Parameters
// carry the official names of the kernel's flavour: [layer.]D, [layer.]kernel.*, input_linear.*, input_gate.0.*,
// output_gate.*, output_linear.0.* or output_linear.*.
// The same layer runs on whole sequences (operator()), in pieces with a state (forward) and sample by sample (step).
// u in bfloat16 gives y in bfloat16 (docs/design/bfloat16.md); parameters, their gradients and sums stay float.
// Sources: Gu et al. 2022 (S4, S4D) and the S4 repository's S4D and S4Block; Gupta et al. 2022 (DSS); Mehta et al. 2022
// (gated layers).
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/fft_conv.hpp"
#include "longwave/autograd/functions/mask.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/ssm_step.hpp"
#include "longwave/state_space/ssm_bfloat16.hpp"
#include "longwave/state_space/ssm_held.hpp"
#include "longwave/state_space/step_tables.hpp"

namespace longwave {

template <kernel_module Kernel_>
struct SsmLayer {
  using Kernel = Kernel_;
  using T = typename Kernel::value_type;
  using Dev = typename Kernel::device_type;
  using value_type = T;
  using device_type = Dev;
  using Flavour = typename detail::FlavourOf<Kernel>::type;
  using Options = SsmOptions<Flavour, typename Kernel::Options>;
  using Vars = decltype(std::declval<Kernel&>().on(std::declval<Tape<T, Dev>&>()));
  using Tables = decltype(make_step_tables<T>(std::declval<const Vars&>(), StepOptions()));
  using State = SsmState<T, Tables, Dev>;

  static constexpr const char* name = Flavour::name;  // in messages

  Options options;
  LinearActivation<T, Dev> input_linear, input_gate, output_gate;  // absent without bottleneck or gate
  LinearActivation<T, Dev, Flavour::output_rank> output_linear;
  Kernel kernel;
  Parameter<T, 2, Dev> D;  // (C, H)

  SsmLayer(Options o, Generator& gen) : SsmLayer(o, detail::ssm_widths(detail::checked_ssm_options(name, o)), gen) {}

  index_t d_output() const { return detail::ssm_widths(options).output; }

  template <class F>
  void for_each_parameter(F&& f) {
    const std::string inner(Flavour::inner);
    visit("input_linear.", input_linear, f);
    visit("input_gate.0.", input_gate, f);
    visit("output_gate.", output_gate, f);
    f(inner + "D", D);
    visit(inner + "kernel.", kernel, f);
    const bool indexed = Flavour::indexed_output || options.final_act != Activation::none;
    visit(indexed ? "output_linear.0." : "output_linear.", output_linear, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers(std::string(Flavour::inner) + "kernel.", kernel, f);
  }

  // u (B, d_model, L) -> (B, d_output, L), from a zero state.
  Var<T, 3, Dev> operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> u, const SsmRunOn<Dev>& run = {}) {
    return pass(tape, u, {}, false, run).y;
  }
  // Lengths on the host, the layer on the device: they are copied, so not in a captured step.
  template <device E>
    requires(!std::is_same_v<E, Dev>)
  Var<T, 3, Dev>
  operator()(Tape<T, Dev>& tape, Var<T, 3, Dev> u, const SsmRunOn<E>& run) { return pass(tape, u, {}, false, run).y; }

  // u and y in bfloat16. The kernel, the activation, a gated output and their gradients run in it; what has no form for
  // it (gates, bottlenecks, channels, lengths) in float, between casts.
  Var<bfloat16, 3, Dev> operator()(Tape<T, Dev>& tape, Var<bfloat16, 3, Dev> u,
                                   const SsmRunOn<Dev>& run = {}) requires(std::same_as<T, float>) {
    check_input(u.sizes(), run.rate);
    if (!plain(tape) || run.lengths.data() != nullptr) return cast<bfloat16>((*this)(tape, cast<float>(u), run));
    Var<bfloat16, 3, Dev> y = convolve(tape, u, run.rate);
    if (Flavour::drop_before) y = dropout(y, options.dropout, options.tie_dropout);
    return output_linear.after(tape, y, options.activation, options.dropout, options.tie_dropout);
  }

  // The same from state_in (B, 2, N, H), with the state after the last sample; gradients flow through both. N: modes.
  SequenceOutput<T, Dev> forward(Tape<T, Dev>& tape, Var<T, 3, Dev> u, Var<T, 4, Dev> state_in,
                                 const SsmRunOn<Dev>& run = {}) {
    return pass(tape, u, state_in, true, run);
  }

  // Works the kernel for L samples out once, for passes until release() over about B sequences of that length, whose
  // parameters stay as they are; does nothing where that was done. release() brings the gradients of these passes to
  // the kernel's parameters. Other passes, and those with a state or with drop_kernel, go on as they would without.
  void hold(index_t B, index_t L, double rate = 1) {
    if (find_held(L, rate) != nullptr) return;
    if constexpr (requires { kernel.prepare(L, rate); }) kernel.prepare(cut_to(L, rate), rate);
    Held& held = free_held();
    held.L = L;
    held.rate = rate;
    held.kernel.open([this](Tape<T, Dev>& tape) { return kernel.on(tape); }, B, L, call(rate));
    held.open = true;
  }
  void release() {
    for (const std::unique_ptr<Held>& held : held_) {
      if (held->open) held->kernel.close();
      held->open = false;
    }
  }

  // A zero state for B streams with the present weights, at options.step_mode.
  State make_state(index_t B) { return make_state(B, StepOptions{.mode = options.step_mode}); }
  State make_state(index_t B, const StepOptions& how) {
    check_can_step(B);
    Tape<T, Dev> tape;
    tape.set_recording(false);
    State s;
    const Vars vars = kernel.on(tape);
    s.tables = make_step_tables<T>(vars, how);
    const detail::SsmWidths w = detail::ssm_widths(options);
    s.x = Tensor<T, 4, Dev>(B, 2, s.tables.modes(), w.H_inner);
    s.D = D.value.clone();
    s.input_linear = input_linear.step();
    s.input_gate = input_gate.step();
    s.output_gate = output_gate.step();
    s.output_linear = output_linear.step();
    index_t room = w.C_inner * w.H_inner;
    for (const LinearStep<T, Dev>* l : {&s.input_linear, &s.input_gate, &s.output_gate, &s.output_linear})
      room = std::max(room, l->bias.size(0));
    s.room = Tensor<T, 2, Dev>(4, std::is_same_v<Dev, Host> ? room : B * room);
    return s;
  }

  // One sample of every stream: u (B, d_model) -> y (B, d_output), with unit stride in the features; y may be u. No
  // allocation, no lock, no exception; what check_state checks must hold. On the device: queued on the current stream,
  // no allocation after the first step, and only the device's errors.
  void step(TensorView<const T, 2, Dev> u, State& state, TensorView<T, 2, Dev> y) const
      noexcept(std::is_same_v<Dev, Host>) {
    const detail::SsmWidths w = detail::ssm_widths(options);
    if constexpr (std::is_same_v<Dev, Cuda>)
      impl::ssm_step(y, u, state, w, options);
    else
      for (index_t b = 0; b < state.x.size(0); ++b)
        impl::ssm_step(y.data() + b * y.stride(0), u.data() + b * u.stride(0), state, b, w, options);
  }

  // Throws unless `state` is of a layer like this one, for B streams: to be called before a stream starts.
  void check_state(const State& state, index_t B) const {
    const detail::SsmWidths w = detail::ssm_widths(options);
    check_shape(name, "the state", state.x.view(), Extents<4>{B, 2, state.tables.modes(), w.H_inner});
    check_shape(name, "the state's D", state.D.view(), D.value.sizes(), "CH");
    const auto check = [](const char* what, const LinearStep<T, Dev>& step, const LinearActivationOptions& o) {
      check_shape(name, what, step.W.view(), Extents<2>{o.in, LinearActivation<T, Dev>::width(o)}, "IO");
    };
    check("the state's input_linear", state.input_linear, input_linear.options);
    check("the state's input_gate", state.input_gate, input_gate.options);
    check("the state's output_gate", state.output_gate, output_gate.options);
    check("the state's output_linear", state.output_linear, output_linear.options);
  }

 private:
  SsmLayer(const Options& o, const detail::SsmWidths& w, Generator& gen)
      : options(o),
        input_linear(linear<2>(o.bottleneck > 0, {w.H, w.H_inner, Activation::none, o.weight_norm}, gen)),
        input_gate(linear<2>(o.gate > 0, {w.H, w.gated, o.gate_act, o.weight_norm}, gen)),
        output_gate(linear<2>(o.gate > 0, {w.activated, w.gated, Activation::none, o.weight_norm}, gen)),
        output_linear(
            linear<Flavour::output_rank>(o.output_linear, {w.gated, w.output, o.final_act, o.weight_norm}, gen)),
        kernel(KernelShape{w.kernels, w.H_inner, o.d_state, o.dt_min, o.dt_max, o.lr, o.l_max}, o.kernel, gen),
        D(Extents<2>{w.C_inner, w.H_inner}) {
    init::normal(gen, D.value.view(), 0, 1);
  }

  template <int rank>
  static LinearActivation<T, Dev, rank> linear(bool present, const LinearActivationOptions& o, Generator& gen) {
    return present ? LinearActivation<T, Dev, rank>(o, gen) : LinearActivation<T, Dev, rank>();
  }

  void check_input(const Extents<3>& u, double rate) const {
    if (u[1] != options.d_model)
      throw_shape_error(std::string(name) + ": u is " + to_string(u, "BHL") +
                        ", expected H = d_model = " + std::to_string(options.d_model));
    if (!(rate > 0))
      throw_value_error(std::string(name) + ": rate is " + std::to_string(rate) + ", expected more than 0");
  }

  // Only the kernel, an activation and the output's linear map, and dropout around the activation.
  bool plain(const Tape<T, Dev>& tape) const {
    const bool drops = tape.training() && options.drop_kernel > 0;
    return !input_gate && !input_linear && output_linear && !options.hyper_act && !options.swap_channels &&
           options.mult_act == Activation::none && !drops;
  }

  template <device E>
  SequenceOutput<T, Dev> pass(Tape<T, Dev>& tape, Var<T, 3, Dev> u, Var<T, 4, Dev> state_in, bool want_state,
                              const SsmRunOn<E>& run) {
    check_input(u.sizes(), run.rate);
    if (run.lengths.data() != nullptr) u = mask_lengths(u, run.lengths);
    const auto gate = input_gate ? input_gate(tape, u) : Var<T, 3, Dev>();
    const auto x = input_linear ? input_linear(tape, u) : u;
    const SequenceOutput<T, Dev> y = convolve(tape, x, state_in, want_state, run.rate);
    return {mix(tape, y.y, gate), y.state};
  }

  // The kernel and D: (B, H', L) -> (B, C H', L), with all of the channels.
  SequenceOutput<T, Dev> convolve(Tape<T, Dev>& tape, Var<T, 3, Dev> x, Var<T, 4, Dev> state_in, bool want_state,
                                  double rate) {
    const bool drops = options.drop_kernel > 0 && tape.training();
    if (const Held* held = find_held(x.size(2), rate); held != nullptr && !state_in && !want_state && !drops)
      return {held->kernel.apply(x, D.on(tape, "D")), {}};
    const index_t L = x.size(2), L_kernel = cut_to(L, rate);
    if constexpr (requires { kernel.prepare(L_kernel, rate); }) kernel.prepare(L_kernel, rate);
    const Vars vars = kernel.on(tape);
    const Var<T, 2, Dev> skip = D.on(tape, "D");
    if (!drops) return ssm(x, vars, skip, call(rate), state_in, want_state);
    if (state_in || want_state)
      throw_value_error(std::string(name) + ": drop_kernel is " + std::to_string(options.drop_kernel) +
                        "; while training, there is no state with it");
    const Var<T, 3, Dev> K = dropout(ssm_kernel(tape, vars, L_kernel, rate), options.drop_kernel);
    const Var<T, 4, Dev> y = options.bidirectional ? fft_conv_bidirectional(x, K, skip) : fft_conv(x, K, skip);
    return {reshape(y, Extents<3>{y.size(0), y.size(1) * y.size(2), L}), {}};
  }

  // The same in bfloat16, where plain().
  Var<bfloat16, 3, Dev> convolve(Tape<T, Dev>& tape, Var<bfloat16, 3, Dev> x, double rate) {
    if constexpr (requires(const Held& held, Var<T, 2, Dev> skip) { held.kernel.apply(x, skip); })
      if (const Held* held = find_held(x.size(2), rate)) return held->kernel.apply(x, D.on(tape, "D"));
    if constexpr (requires(const Vars& vars, Var<T, 2, Dev> skip) { ssm(x, vars, skip, SsmCall()); })
      return ssm(x, kernel.on(tape), D.on(tape, "D"), call(rate));
    else
      return cast<bfloat16>(convolve(tape, cast<float>(x), {}, false, rate).y);
  }

  // All that follows: gate has no value where there is none.
  Var<T, 3, Dev> mix(Tape<T, Dev>& tape, Var<T, 3, Dev> y, Var<T, 3, Dev> gate) {
    if (options.hyper_act) {
      const index_t n = y.size(1) / 2;
      y = slice(y, 1, 0, n) * activate(slice(y, 1, n, 2 * n), *options.hyper_act, 1);
    }
    if (options.swap_channels) y = swapped(y);
    if (Flavour::drop_before) y = dropout(y, options.dropout, options.tie_dropout);
    if (!gate && options.mult_act == Activation::none && output_linear)
      return output_linear.after(tape, y, options.activation, options.dropout, options.tie_dropout);
    y = activate(y, options.activation, 1);
    if (gate) y = output_gate(tape, y) * gate;
    y = dropout(activate(y, options.mult_act, 1), options.dropout, options.tie_dropout);
    return output_linear ? output_linear(tape, y) : y;
  }

  // (B, C H', L), index c H' + h -> h C + c
  Var<T, 3, Dev> swapped(Var<T, 3, Dev> y) {
    const index_t H = D.value.size(1), C = y.size(1) / H;
    return reshape(transpose(reshape(y, Extents<4>{y.size(0), C, H, y.size(2)}), 1, 2), y.sizes());
  }

  // Samples of the kernel at most; 0: no limit.
  index_t kernel_length(double rate) const {
    if (options.l_max == 0) return 0;
    return std::max<index_t>(1, static_cast<index_t>(std::nearbyint(static_cast<double>(options.l_max) / rate)));
  }

  index_t cut_to(index_t L, double rate) const {
    const index_t cut = kernel_length(rate);
    return cut > 0 ? std::min(cut, L) : L;
  }
  SsmCall call(double rate) const { return {options.algorithm, options.bidirectional, rate, kernel_length(rate)}; }

  // See hold(). Those that are not open wait to be used again.
  struct Held {
    index_t L = 0;
    double rate = 1;
    bool open = false;
    HeldKernel<T, Dev, Vars> kernel;
  };
  Held* find_held(index_t L, double rate) const {
    for (const std::unique_ptr<Held>& held : held_)
      if (held->open && held->L == L && held->rate == rate) return held.get();
    return nullptr;
  }
  Held& free_held() {
    for (const std::unique_ptr<Held>& held : held_)
      if (!held->open) return *held;
    return *held_.emplace_back(std::make_unique<Held>());
  }

  std::vector<std::unique_ptr<Held>> held_;

  void check_can_step(index_t B) const {
    if (B < 0) throw_value_error(std::string(name) + "::make_state: a batch of " + std::to_string(B));
    if (options.bidirectional)
      throw_value_error(std::string(name) + "::make_state: a bidirectional layer needs the whole sequence");
    // S4 needs l_max for the length of C~ and streams with the whole kernel: the same up to l_max samples.
    constexpr bool knows_length = requires(Kernel & k) { k.prepare(B, 1.0); };
    if (options.l_max > 0 && !knows_length)
      throw_value_error(std::string(name) + "::make_state: a kernel cut to l_max = " + std::to_string(options.l_max) +
                        " samples has no state; set l_max to 0 to stream with the whole kernel");
  }
};

}  // namespace longwave
