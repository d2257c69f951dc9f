#include "compare/forms.hpp"

#include <cmath>
#include <memory>
#include <numbers>

#include "longwave/nn/parameter.hpp"
#include "longwave/nn/s4_parameters.hpp"
#include "longwave/state_space/init.hpp"
#include "longwave/state_space/kernel_dss.hpp"
#include "longwave/state_space/kernel_s4.hpp"
#include "longwave/state_space/kernel_s4d.hpp"

namespace longwave::compare {

namespace {

// S4D-Lin as a layer starts: A = -1/2 + i pi n, dt log-uniform in [1e-3, 1e-1].
struct DiagonalLayer {
  Parameter<float, 1> log_dt;
  Parameter<float, 2> log_A_real, A_imag;
  Parameter<float, 3> C;
  Parameter<float, 2> D;

  DiagonalLayer(const Sizes& s, Generator& gen)
      : log_dt(Extents<1>{s.H}),
        log_A_real(Extents<2>{s.H, s.N / 2}),
        A_imag(Extents<2>{s.H, s.N / 2}),
        C(Extents<3>{s.H, s.N / 2, 2}),
        D(Extents<2>{1, s.H}) {
    gen.uniform(log_dt.value.view(), std::log(1e-3f), std::log(1e-1f));
    gen.normal(C.value.view());
    gen.normal(D.value.view());
    for (index_t h = 0; h < s.H; ++h)
      for (index_t n = 0; n < s.N / 2; ++n) {
        log_A_real.value(h, n) = std::log(0.5f);
        A_imag.value(h, n) = std::numbers::pi_v<float> * static_cast<float>(n);
      }
  }
};

template <Algorithm algorithm>
Layer make_diagonal(const Sizes& sizes, Generator& gen) {
  return [layer = std::make_shared<DiagonalLayer>(sizes, gen)](Tape<float>& tape, Var<float, 3> u) {
    const S4DVars<float> vars{layer->log_dt.on(tape, "log_dt"), layer->log_A_real.on(tape, "log_A_real"),
                              layer->A_imag.on(tape, "A_imag"), layer->C.on(tape, "C")};
    SsmCall call;
    call.algorithm = algorithm;
    return ssm(u, vars, layer->D.on(tape, "D"), call).y;
  };
}

// S4 from HiPPO-LegS of rank 1; what is drawn for C stands for C~, so that nothing depends on the length.
struct S4Layer {
  S4Parameters<float> parameters;
  Parameter<float, 2> D;

  S4Layer(const Sizes& s, Generator& gen)
      : parameters("longwave_compare", shape_of(s), one_copy(), /*correction=*/true, gen), D(Extents<2>{1, s.H}) {
    gen.normal(D.value.view());
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

Layer make_s4(const Sizes& sizes, Generator& gen) {
  return [layer = std::make_shared<S4Layer>(sizes, gen)](Tape<float>& tape, Var<float, 3> u) {
    const DplrVars<float> vars{layer->parameters.on(tape), u.size(2)};
    return ssm(u, vars, layer->D.on(tape, "D")).y;
  };
}

// DSS's softmax form with N / 2 modes, as many as the other forms store; Re Lambda < 0.
struct DssLayer {
  Parameter<float, 2> log_dt, Lambda, D;
  Parameter<float, 4> W;

  DssLayer(const Sizes& s, Generator& gen)
      : log_dt(Extents<2>{s.H, 1}),
        Lambda(Extents<2>{s.N / 2, 2}),
        D(Extents<2>{1, s.H}),
        W(Extents<4>{1, s.H, s.N / 2, 2}) {
    gen.uniform(log_dt.value.view(), std::log(1e-3f), std::log(1e-1f));
    gen.normal(D.value.view());
    gen.normal(W.value.view());
    const auto start = dss_lambda_init("hippo_skew_pos_imag", s.N / 2, gen);
    for (index_t n = 0; n < s.N / 2; ++n) {
      Lambda.value(n, 0) = static_cast<float>(start(n).re);
      Lambda.value(n, 1) = static_cast<float>(start(n).im);
    }
  }
};

Layer make_dss(const Sizes& sizes, Generator& gen) {
  return [layer = std::make_shared<DssLayer>(sizes, gen)](Tape<float>& tape, Var<float, 3> u) {
    DssVars<float> vars;
    vars.log_dt = layer->log_dt.on(tape, "log_dt");
    vars.Lambda = layer->Lambda.on(tape, "Lambda");
    vars.W = layer->W.on(tape, "W");
    SsmCall call;
    call.algorithm = Algorithm::fft;
    return ssm(u, vars, layer->D.on(tape, "D"), call).y;
  };
}

const Form& form_of(Algorithm algorithm) {
  for (const Form& form : forms())
    if (form.algorithm == algorithm) return form;
  throw_value_error("longwave_compare: no form for this algorithm");
}

}  // namespace

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      {"s4", "S4", "S4 kernel (Cauchy, generating function), then FFT convolution", {}, make_s4},
      {"s4d", "S4D", "S4D kernel (Vandermonde), then FFT convolution", Algorithm::fft, make_diagonal<Algorithm::fft>},
      {"dss", "DSS", "DSS kernel (softmax), then FFT convolution", {}, make_dss},
      {"scan", "scan", "S4D as a recurrence, step by step", Algorithm::scan, make_diagonal<Algorithm::scan>},
      {"chunk", "chunk", "S4D as a recurrence in chunks", Algorithm::chunk, make_diagonal<Algorithm::chunk>},
  };
  return all;
}

const Form& form_named(const std::string& name) {
  std::string names;
  for (const Form& form : forms()) {
    if (form.name == name) return form;
    names += (names.empty() ? "" : ", ") + std::string(form.name);
  }
  throw_value_error("no form is named \"" + name + "\", expected one of " + names);
}

const Form& chosen_forward(const Sizes& s) { return form_of(choose_forward(s.B, s.N / 2, s.L)); }
const Form& chosen_backward(const Sizes& s) { return form_of(choose_backward(s.B, s.N / 2, s.L)); }

}  // namespace longwave::compare
