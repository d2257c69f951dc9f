// What was trained is what streams: a layer steps as it convolves, and a sequence may be cut anywhere, for every kernel
// and every combination of what may follow it.
#include <vector>

#include "check.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr index_t B = 2, H = 4, L = 7;

// What differs from kernel to kernel.
template <class Kernel>
struct Case {
  static void set(typename SsmLayer<Kernel>::Options&) {}
};
template <class T>
struct Case<DssKernel<T>> {
  static void set(typename SsmLayer<DssKernel<T>>::Options& o) { o.kernel.softmax_length = L; }  // or halves differ
};

template <class Layer>
std::string text(const typename Layer::Options& o) {
  const auto flag = [](const char* name, index_t value) {
    return " " + std::string(name) + " " + std::to_string(value);
  };
  return std::string(Layer::name) + " " + to_string(o.activation) + " gate_act " + to_string(o.gate_act) +
         " mult_act " + to_string(o.mult_act) + " final_act " + to_string(o.final_act) + " hyper_act " +
         (o.hyper_act ? to_string(*o.hyper_act) : "-") + flag("gate", o.gate) + flag("bottleneck", o.bottleneck) +
         flag("channels", o.channels) + flag("swap", o.swap_channels) + flag("output_linear", o.output_linear) +
         flag("weight_norm", o.weight_norm);
}

// Of one layer: the largest differences from operator().
struct Errors {
  double step = 0, halves = 0;
};

// Of many: the worst of them.
struct Worst {
  double error = 0;
  std::string layer;
  int layers = 0;
};

template <class Kernel>
Errors errors(const typename SsmLayer<Kernel>::Options& o) {
  using T = typename Kernel::value_type;
  Generator gen(7);
  SsmLayer<Kernel> layer(o, gen);
  const auto u = random<T>(Extents<3>{B, H, L}, 3);
  Tape<T> tape;
  tape.set_recording(false);
  const auto y = layer(tape, tape.input(u)).value();

  auto state = layer.make_state(B);
  layer.check_state(state, B);
  const index_t O = layer.d_output();
  Tensor<T, 3> stepped(B, O, L);
  Tensor<T, 2> in(B, H), out(B, O);
  for (index_t l = 0; l < L; ++l) {
    copy(in.view(), select_last_axis(tape.input(u), l).value());
    layer.step(in, state, out.view());
    for (index_t b = 0; b < B; ++b)
      for (index_t i = 0; i < O; ++i) stepped(b, i, l) = out(b, i);
  }
  Errors e{relative_error(stepped.view(), y), 0};

  const index_t cut = 3;
  const auto first = layer.forward(tape, tape.input(u.view().slice(2, 0, cut)), {});
  const auto second = layer.forward(tape, tape.input(u.view().slice(2, cut, L)), first.state);
  e.halves = std::max(relative_error(first.y.value(), y.slice(2, 0, cut), 1e-3),
                      relative_error(second.y.value(), y.slice(2, cut, L), 1e-3));
  if (o.step_mode == StepMode::linear)
    e.halves = std::max(e.halves, relative_error(second.state.value(), state.x.view(), 1e-3));
  return e;
}

template <class Kernel>
void add_layer(Worst& worst, const typename SsmLayer<Kernel>::Options& o) {
  const Errors e = errors<Kernel>(o);
  ++worst.layers;
  for (const double error : {e.step, e.halves})
    if (!(error <= worst.error)) worst = {error, text<SsmLayer<Kernel>>(o), worst.layers};
}

template <class Kernel>
typename SsmLayer<Kernel>::Options plain() {
  typename SsmLayer<Kernel>::Options o;
  o.d_model = H;
  o.d_state = 4;
  Case<Kernel>::set(o);
  return o;
}

constexpr Activation all_activations[] = {Activation::none, Activation::gelu,     Activation::relu,
                                          Activation::elu,  Activation::tanh,     Activation::sigmoid,
                                          Activation::silu, Activation::softplus, Activation::glu};

// Each activation in each of its places.
template <class Kernel>
void add_activations(Worst& worst, bool several) {
  for (const Activation a : all_activations) {
    auto o = plain<Kernel>();
    o.gate = 1;
    if (several || a != Activation::glu) o.activation = a;
    o.gate_act = a;
    o.final_act = a;
    if (a != Activation::glu) {
      o.mult_act = a;
      if (several) o.hyper_act = a;
    }
    add_layer<Kernel>(worst, o);
  }
}

// Every combination of the parts.
template <class Kernel>
void add_combinations(Worst& worst, bool several) {
  const std::vector<Activation> activations =
      several ? std::vector<Activation>{Activation::none, Activation::gelu, Activation::glu}
              : std::vector<Activation>{Activation::none, Activation::gelu};
  for (const Activation activation : activations)
    for (const Activation final_act : {Activation::none, Activation::tanh, Activation::glu})
      for (int parts = 0; parts < 256; ++parts) {
        const auto part = [=](int i) { return (parts >> i & 1) != 0; };
        auto o = plain<Kernel>();
        o.activation = activation;
        o.final_act = final_act;
        o.gate = part(0) ? 2 : 0;
        if (part(0)) o.gate_act = part(4) ? Activation::glu : Activation::silu;
        o.bottleneck = part(1) ? 2 : 0;
        if (part(2)) o.mult_act = Activation::relu;
        o.output_linear = !part(3);
        o.weight_norm = part(4);
        o.channels = part(5) ? 3 : 1;
        o.swap_channels = part(6);
        if (part(7)) o.hyper_act = Activation::sigmoid;
        if (!o.output_linear && final_act != Activation::none) continue;  // the same layer again
        if (!several && (part(5) || part(7))) continue;
        add_layer<Kernel>(worst, o);
      }
}

// several: the kernel may have more than one channel.
template <class Kernel>
void check_all(double tolerance, bool several) {
  Worst worst;
  add_activations<Kernel>(worst, several);
  add_combinations<Kernel>(worst, several);
  INFO(worst.layers << " layers, the worst:" << worst.layer);
  CHECK(worst.error < tolerance);
  CHECK(worst.layers == (several ? 9 + 3 * 512 : 9 + 2 * 128));  // as many as the loops say
}

}  // namespace

// Rounding of the modes' powers and of a few short sums: measured 2e-15 at worst, 2e-7 in float.
TEST_CASE("step == convolution: S4D") { check_all<S4DKernel<double>>(1e-13, false); }
TEST_CASE("step == convolution: diagonal S4, zero-order hold") {
  check_all<DiagKernel<double, Host, Zoh>>(1e-13, true);
}
TEST_CASE("step == convolution: diagonal S4, bilinear") { check_all<DiagKernel<double, Host, Bilinear>>(1e-13, true); }
TEST_CASE("step == convolution: diagonal S4, the options of its kernel") {
  Worst worst;
  for (int options = 0; options < 32; ++options) {
    auto o = plain<DiagKernel<double>>();
    o.channels = 2;
    o.kernel.init = (options & 1) != 0 ? "diag-real" : "diag-inv";
    o.kernel.is_real = (options & 1) != 0;
    o.kernel.n_ssm = (options & 2) != 0 ? 2 : 0;
    o.kernel.dt_tie = (options & 4) != 0;
    o.kernel.dt_fast = (options & 8) != 0;
    o.kernel.bandlimit = (options & 16) != 0 ? 0.5 : 0;
    add_layer<DiagKernel<double>>(worst, o);
  }
  INFO(worst.layer);
  CHECK(worst.error < 1e-13);
}
TEST_CASE("step == convolution: S4") { check_all<DplrKernel<double>>(1e-12, true); }  // C~ becomes C: a solve
TEST_CASE("step == convolution: DSS") { check_all<DssKernel<double>>(1e-13, true); }
TEST_CASE("step == convolution: every version of DSS") {
  Worst worst;
  for (const auto& version : dss_versions) {
    auto o = plain<DssKernel<double>>();
    o.kernel.version = version.value;
    o.channels = 2;
    add_layer<DssKernel<double>>(worst, o);
  }
  CHECK(worst.error < 1e-13);
}
TEST_CASE("step == convolution: S4 steps densely and in eigenvectors") {
  Worst worst;
  for (const StepMode mode : {StepMode::dense, StepMode::diagonal}) {
    auto o = plain<DplrKernel<double>>();
    o.step_mode = mode;
    o.channels = 2;
    add_layer<DplrKernel<double>>(worst, o);
  }
  INFO(worst.layer);
  CHECK(worst.error < 1e-12);
}
TEST_CASE("step == convolution: in float") {
  Worst worst;
  add_activations<S4DKernel<float>>(worst, false);
  add_activations<DssKernel<float>>(worst, true);
  INFO(worst.layer);
  CHECK(worst.error < 1e-5);
}
