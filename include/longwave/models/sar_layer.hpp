// sar_layer.hpp - the S4D layer of the SAR focusing model: few modes, shared by all features.
//
//   K_l = 2 Re sum_n C_n (e^{dt w_n} - 1) / w_n e^{dt w_n l}      w (N) shared, C (H, N) and dt (H) per feature
//   y   = W dropout(act(K * u + D u)) + b                         u, y (B, H, L), W (H, H): position-wise
//
// Start: Re w = -1/2, Im w_n by the scaling (state_space/init.hpp: inverse, linear, quadratic, random), dt log-uniform.
// B complex normal, divided by sqrt(zeta), zeta = 2 sum_n |B_n / w_n|^2, is folded into C, complex normal, once and for
// all. Parameters: kernel.{C (K, H, N, 2), log_dt (H, 1), log_w_real, w_imag (1, N)}, D (K, H), output_linear.*, and
// activation.weight, PReLU's slope. K = 1 kernel per feature; twice as many for glu, and again for both directions.
// log_dt and w never decay. w is stored as log(-Re w + 1e-4) and |Im w|; which of the two conjugates is kept makes no
// difference to K.
// Source: Gu et al. 2022 (S4D), section 3, with the state matrix tied over the features.
#pragma once

#include <cmath>
#include <numbers>
#include <string>

#include "longwave/autograd/functions/prelu.hpp"
#include "longwave/nn/pointwise_linear.hpp"
#include "longwave/nn/ssm_layer.hpp"
#include "longwave/state_space/init.hpp"
#include "longwave/state_space/kernel_diag.hpp"

namespace longwave {

struct SarKernelOptions {
  std::string scaling = "inverse";  // of Im w: inverse, linear, quadratic, random
};

struct SarFlavour : PlainFlavour {
  static constexpr const char* name = "SarLayer";
  static constexpr Activation final_act = Activation::none;
};

template <class T, device D = Host>
struct SarKernel {
  using value_type = T;
  using device_type = D;
  using Options = SarKernelOptions;
  using Flavour = SarFlavour;

  Parameter<T, 4, D> C;
  Parameter<T, 2, D> log_dt, log_w_real, w_imag;
  Tensor<T, 4, D> B;  // (1, 1, N, 2): ones, for it is part of C

  SarKernel(const KernelShape& s, const Options& o, Generator& gen) {
    detail::check_kernel_shape("SarLayer", s, true);
    const index_t H = s.d_model, N = s.d_state / 2;
    const ParameterGroup undecayed{.lr = s.lr, .weight_decay = 0};
    C = Parameter<T, 4, D>(Extents<4>{s.channels, H, N, 2});
    log_dt = Parameter<T, 2, D>(Extents<2>{H, 1}, undecayed);
    log_w_real = Parameter<T, 2, D>(Extents<2>{1, N}, undecayed);
    w_imag = Parameter<T, 2, D>(Extents<2>{1, N}, undecayed);
    B = Tensor<T, 4, D>(1, 1, N, 2);
    const SsmInit start = ssm_init(
        {.init = "diag-" + o.scaling, .d_state = s.d_state, .n_ssm = 1, .B_init = "random", .normalize = true}, gen);
    init::uniform(gen, log_dt.value.view(), std::log(s.dt_min), std::log(s.dt_max));
    Tensor<complex<double>, 2> weights(s.channels * H, N);
    detail::fill_complex_normal(weights.view(), 1, gen);
    const auto each = [N](TensorView<T, 2> to, auto f) {
      for (index_t i = 0; i < to.size(0); ++i)
        for (index_t n = 0; n < N; ++n) to(i, n) = static_cast<T>(f(n));
    };
    init::on_host(log_w_real.value.view(),
                  [&](TensorView<T, 2> to) { each(to, [&](index_t n) { return std::log(1e-4 - start.A(0, n).re); }); });
    init::on_host(w_imag.value.view(),
                  [&](TensorView<T, 2> to) { each(to, [&](index_t n) { return -start.A(0, n).im; }); });
    const auto pairs = [N](TensorView<T, 4> to, auto f) {
      for (index_t i = 0; i < to.size(0) * to.size(1); ++i)
        for (index_t n = 0; n < N; ++n) {
          const complex<double> z = f(i, n);
          to(i / to.size(1), i % to.size(1), n, 0) = static_cast<T>(z.re);
          to(i / to.size(1), i % to.size(1), n, 1) = static_cast<T>(z.im);
        }
    };
    init::on_host(C.value.view(), [&](TensorView<T, 4> to) {
      pairs(to, [&](index_t i, index_t n) { return weights(i, n) * start.B(0, n); });
    });
    init::on_host(B.view(),
                  [&](TensorView<T, 4> to) { pairs(to, [](index_t, index_t) { return complex<double>(1); }); });
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("C", C);
    f("log_dt", log_dt);
    f("log_w_real", log_w_real);
    f("w_imag", w_imag);
  }

  DiagVars<T, D> on(Tape<T, D>& tape) {
    SsmVars<T, D> vars;
    vars.inv_dt = log_dt.on(tape, "kernel.log_dt");
    vars.A_real = log_w_real.on(tape, "kernel.log_w_real");
    vars.A_imag = w_imag.on(tape, "kernel.w_imag");
    vars.B = tape.input(B);
    vars.C = C.on(tape, "kernel.C");
    return {vars};
  }
};

// What act_fun can name: every Activation, and those that have a slope.
struct SarActivation {
  enum class Slope { none, fixed, trained };

  static constexpr double leaky_slope = 0.125, first_trained_slope = 0.25;

  Activation plain = Activation::none;
  Slope slope = Slope::none;

  static SarActivation parse(std::string_view name) {
    if (name == "leakyrelu" || name == "leaky_relu") return {Activation::none, Slope::fixed};
    if (name == "prelu") return {Activation::none, Slope::trained};
    return {parse_activation(name), Slope::none};
  }
  index_t kernels() const { return plain == Activation::glu ? 2 : 1; }  // per feature
};

struct SarLayerOptions {
  index_t d_model = 2;
  index_t d_state = 8;
  SarActivation activation = {Activation::none, SarActivation::Slope::fixed};
  double dropout = 0;
  bool bidirectional = false;
  std::string scaling = "inverse";
  double dt_min = 1e-3;
  double dt_max = 1e-1;
  Algorithm algorithm = Algorithm::auto_;
  bool mixed = false;  // u and K * u + D u stored in bfloat16; of float layers
};

template <class T, device D = Host>
struct SarLayer {
  using Options = SarLayerOptions;
  using Ssm = SsmLayer<SarKernel<T, D>>;

  Options options;
  Ssm ssm;                   // K * u + D u
  Parameter<T, 1, D> slope;  // empty unless it is trained
  PointwiseLinear<T, D> output_linear;

  struct State {
    typename Ssm::State ssm;
    Tensor<T, 2, D> room;                       // (B, K H): activations of one sample
    Tensor<T, 4, D>& modes() { return ssm.x; }  // (B, 2, N, H)
    void reset() { ssm.reset(); }
  };

  SarLayer(const Options& o, Generator& gen)
      : options(o),
        ssm({.d_model = o.d_model,
             .d_state = o.d_state,
             .dt_min = o.dt_min,
             .dt_max = o.dt_max,
             .channels = o.activation.kernels(),
             .bidirectional = o.bidirectional,
             .activation = Activation::none,
             .output_linear = false,
             .algorithm = o.algorithm,
             .kernel = {.scaling = o.scaling}},
            gen),
        output_linear({.in = o.d_model, .out = o.d_model}, gen) {
    detail::check_share("SarLayer", "dropout", o.dropout);
    if (o.mixed && !std::is_same_v<T, float>) throw_value_error("SarLayer: mixed precision is for layers of float");
    if (o.activation.slope == SarActivation::Slope::trained) {
      slope = Parameter<T, 1, D>(Extents<1>{1});
      init::constant(slope.value.view(), static_cast<T>(SarActivation::first_trained_slope));
    }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("", ssm, f);
    if (slope.value.count() > 0) f("activation.weight", slope);
    visit("output_linear.", output_linear, f);
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> u) {
    if constexpr (std::is_same_v<T, float>)
      if (options.mixed) return finish(tape, cast<float>(ssm(tape, cast<bfloat16>(u))));
    return finish(tape, ssm(tape, u));
  }

  // The same from state_in (B, 2, N, H), with the state after the last sample.
  SequenceOutput<T, D> forward(Tape<T, D>& tape, Var<T, 3, D> u, Var<T, 4, D> state_in) {
    const SequenceOutput<T, D> out = ssm.forward(tape, u, state_in);
    return {finish(tape, out.y), out.state};
  }

  State make_state(index_t B) {
    return {ssm.make_state(B), Tensor<T, 2, D>(B, options.activation.kernels() * options.d_model)};
  }

  // u (B, H) -> y (B, H); y may be u.
  void step(TensorView<const T, 2, D> u, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    const index_t H = options.d_model;
    const TensorView<T, 2, D> now = state.room.view();
    ssm.step(u, state.ssm, now);
    activate_step(now);
    output_linear.step(now.slice(1, 0, H), y);
  }

 private:
  Var<T, 3, D> finish(Tape<T, D>& tape, Var<T, 3, D> y) {
    switch (options.activation.slope) {
      case SarActivation::Slope::fixed:
        y = leaky_relu(y, SarActivation::leaky_slope);
        break;
      case SarActivation::Slope::trained:
        y = prelu(y, slope.on(tape, "activation.weight"));
        break;
      case SarActivation::Slope::none:
        y = activate(y, options.activation.plain, 1);
    }
    return output_linear(tape, dropout(y, options.dropout));
  }

  void activate_step(TensorView<T, 2, D> x) const noexcept(std::is_same_v<D, Host>) {
    const index_t H = options.d_model;
    switch (options.activation.slope) {
      case SarActivation::Slope::fixed:
        return ops::LeakyRelu::forward(x, x, {SarActivation::leaky_slope});
      case SarActivation::Slope::trained:
        return ops::Prelu::forward(x, x, slope.value.view());
      case SarActivation::Slope::none:
        if (options.activation.plain == Activation::glu)
          ops::Glu::forward(x.slice(1, 0, H), x, 1);
        else
          detail::with_rule(options.activation.plain,
                            [x](auto rule) { ops::Unary<decltype(rule)>::forward(x, x, rule); });
    }
  }
};

}  // namespace longwave
