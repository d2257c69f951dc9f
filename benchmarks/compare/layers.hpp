// layers.hpp - the layers behind the forms, on either device, with random parameters.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <numbers>

#include "compare/forms.hpp"
#include "longwave/autograd/tape.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/parameter.hpp"
#include "longwave/nn/s4_parameters.hpp"
#include "longwave/state_space/init.hpp"
#include "longwave/state_space/kernel_dss.hpp"
#include "longwave/state_space/kernel_s4.hpp"
#include "longwave/state_space/kernel_s4d.hpp"

namespace longwave::compare {

// u (B, H, L) -> y (B, H, L); owns its parameters.
template <device Dev>
using Layer = std::function<Var<float, 3, Dev>(Tape<float, Dev>&, Var<float, 3, Dev>)>;

// S4D-Lin as a layer starts: A = -1/2 + i pi n, dt log-uniform in [1e-3, 1e-1].
template <device Dev>
struct DiagonalLayer {
  Parameter<float, 1, Dev> log_dt;
  Parameter<float, 2, Dev> log_A_real, A_imag;
  Parameter<float, 3, Dev> C;
  Parameter<float, 2, Dev> D;

  DiagonalLayer(const Sizes& s, Generator& gen)
      : log_dt(Extents<1>{s.H}),
        log_A_real(Extents<2>{s.H, s.N / 2}),
        A_imag(Extents<2>{s.H, s.N / 2}),
        C(Extents<3>{s.H, s.N / 2, 2}),
        D(Extents<2>{1, s.H}) {
    init::uniform(gen, log_dt.value.view(), std::log(1e-3f), std::log(1e-1f));
    init::normal(gen, C.value.view(), 0, 1);
    init::normal(gen, D.value.view(), 0, 1);
    init::constant(log_A_real.value.view(), std::log(0.5f));
    init::on_host(A_imag.value.view(), [](TensorView<float, 2> to) {
      for (index_t h = 0; h < to.size(0); ++h)
        for (index_t n = 0; n < to.size(1); ++n) to(h, n) = std::numbers::pi_v<float> * static_cast<float>(n);
    });
  }
};

template <device Dev>
Layer<Dev> make_diagonal(Algorithm algorithm, const Sizes& sizes, Generator& gen) {
  return [layer = std::make_shared<DiagonalLayer<Dev>>(sizes, gen), algorithm](Tape<float, Dev>& tape,
                                                                               Var<float, 3, Dev> u) {
    const S4DVars<float, Dev> vars{layer->log_dt.on(tape, "log_dt"), layer->log_A_real.on(tape, "log_A_real"),
                                   layer->A_imag.on(tape, "A_imag"), layer->C.on(tape, "C")};
    SsmCall call;
    call.algorithm = algorithm;
    return ssm(u, vars, layer->D.on(tape, "D"), call).y;
  };
}

// S4 from HiPPO-LegS of rank 1; what is drawn for C stands for C~, so that nothing depends on the length.
template <device Dev>
struct S4Layer {
  S4Parameters<float, Dev> parameters;
  Parameter<float, 2, Dev> D;

  S4Layer(const Sizes& s, Generator& gen)
      : parameters("longwave_compare", shape_of(s), one_copy(), /*correction=*/true, gen), D(Extents<2>{1, s.H}) {
    init::normal(gen, D.value.view(), 0, 1);
  }

 private:
  static KernelShape shape_of(const Sizes& s) {
    KernelShape shape;
    shape.d_model = s.H;
    shape.d_state = s.N;
    return shape;
  }
  static S4Options one_copy() {
    S4Options options;
    options.n_ssm = 1;
    return options;
  }
};

template <device Dev>
Layer<Dev> make_s4(const Sizes& sizes, Generator& gen) {
  return [layer = std::make_shared<S4Layer<Dev>>(sizes, gen)](Tape<float, Dev>& tape, Var<float, 3, Dev> u) {
    const DplrVars<float, Dev> vars{layer->parameters.on(tape), u.size(2)};
    return ssm(u, vars, layer->D.on(tape, "D")).y;
  };
}

// DSS's softmax form with N / 2 modes, as many as the other forms store; Re Lambda < 0.
template <device Dev>
struct DssLayer {
  Parameter<float, 2, Dev> log_dt, Lambda, D;
  Parameter<float, 4, Dev> W;

  DssLayer(const Sizes& s, Generator& gen)
      : log_dt(Extents<2>{s.H, 1}),
        Lambda(Extents<2>{s.N / 2, 2}),
        D(Extents<2>{1, s.H}),
        W(Extents<4>{1, s.H, s.N / 2, 2}) {
    init::uniform(gen, log_dt.value.view(), std::log(1e-3f), std::log(1e-1f));
    init::normal(gen, D.value.view(), 0, 1);
    init::normal(gen, W.value.view(), 0, 1);
    const auto start = dss_lambda_init("hippo_skew_pos_imag", s.N / 2, gen);
    init::on_host(Lambda.value.view(), [&start](TensorView<float, 2> to) {
      for (index_t n = 0; n < to.size(0); ++n) {
        to(n, 0) = static_cast<float>(start(n).re);
        to(n, 1) = static_cast<float>(start(n).im);
      }
    });
  }
};

template <device Dev>
Layer<Dev> make_dss(const Sizes& sizes, Generator& gen) {
  return [layer = std::make_shared<DssLayer<Dev>>(sizes, gen)](Tape<float, Dev>& tape, Var<float, 3, Dev> u) {
    DssVars<float, Dev> vars;
    vars.log_dt = layer->log_dt.on(tape, "log_dt");
    vars.Lambda = layer->Lambda.on(tape, "Lambda");
    vars.W = layer->W.on(tape, "W");
    SsmCall call;
    call.algorithm = Algorithm::fft;
    return ssm(u, vars, layer->D.on(tape, "D"), call).y;
  };
}

template <device Dev>
Layer<Dev> make_layer(const Form& form, const Sizes& sizes, Generator& gen) {
  if (form.algorithm) return make_diagonal<Dev>(*form.algorithm, sizes, gen);
  return std::string(form.name) == "s4" ? make_s4<Dev>(sizes, gen) : make_dss<Dev>(sizes, gen);
}

}  // namespace longwave::compare
