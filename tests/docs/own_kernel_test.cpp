// The snippets of the course on a kernel of one's own, with the properties that a kernel gets for free.
#include "check.hpp"
#include "longwave/nn/ssm_layer.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// [snippet: course_own_kernel]
// Damped oscillations: K_l = 2 Re sum_n C_n e^{(-e^a_n + i w_n) l}; a, w (H, N) and C (channels, H, N, 2), all trained.
template <class T, device D>
struct DampedVars {
  Var<T, 2, D> a, w;
  Var<T, 4, D> C;

  static constexpr bool input_weights = false;  // every mode takes the input as it is: b = 1

  ModeSizes sizes() const { return {C.size(0), C.size(1), C.size(2)}; }
  bool needs_grad() const { return a.needs_grad() || w.needs_grad() || C.needs_grad(); }

  void forward(const DiagonalModes<D>& m, const ModeCall& call) const {
    for (index_t h = 0; h < m.x.size(0); ++h)
      for (index_t n = 0; n < m.x.size(1); ++n) {
        m.x(h, n) = call.rate * complex<double>(-std::exp(double(a.value()(h, n))), w.value()(h, n));
        for (index_t c = 0; c < m.c.size(0); ++c) m.c(c, h, n) = {C.value()(c, h, n, 0), C.value()(c, h, n, 1)};
      }
  }
  void backward(const DiagonalModes<D>& d, const ModeCall& call) const {  // d: dL/dx and dL/dc
    Tape<T, D>& tape = C.tape();
    const auto da = tape.grad_to_add(a), dw = tape.grad_to_add(w);  // without data where it is not wanted
    const auto dC = tape.grad_to_add(C);
    for (index_t h = 0; h < d.x.size(0); ++h)
      for (index_t n = 0; n < d.x.size(1); ++n) {
        if (wanted(da)) da(h, n) -= T(call.rate * std::exp(double(a.value()(h, n))) * d.x(h, n).re);
        if (wanted(dw)) dw(h, n) += T(call.rate * d.x(h, n).im);
        for (index_t c = 0; wanted(dC) && c < d.c.size(0); ++c) {
          dC(c, h, n, 0) += T(d.c(c, h, n).re);
          dC(c, h, n, 1) += T(d.c(c, h, n).im);
        }
      }
  }
};

template <class T, device D = Host>
struct DampedKernel {
  using value_type = T;
  using device_type = D;
  struct Options {
    double decay = 0.1;  // per sample, at first
  };

  Parameter<T, 2, D> a, w;
  Parameter<T, 4, D> C;

  DampedKernel(const KernelShape& s, const Options& o, Generator& gen)
      : a(Extents<2>{s.d_model, s.d_state}), w(a.value.sizes()), C(Extents<4>{s.channels, s.d_model, s.d_state, 2}) {
    init::constant(a.value.view(), T(std::log(o.decay)));
    init::uniform(gen, w.value.view(), 0, 3);
    init::normal(gen, C.value.view(), 0, 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("a", a);
    f("w", w);
    f("C", C);
  }
  DampedVars<T, D> on(Tape<T, D>& tape) { return {a.on(tape), w.on(tape), C.on(tape)}; }
};
// [/snippet]

}  // namespace

TEST_CASE("own kernel: a layer around it trains, and steps as it convolves") {
  // [snippet: course_own_layer]
  Generator gen(1);
  SsmLayer<DampedKernel<double>> layer({.d_model = 3, .d_state = 4, .channels = 2, .kernel = {.decay = 0.2}}, gen);

  const auto u = random<double>(Extents<3>{1, 3, 50});  // (B, H, L)
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u));  // as a convolution

  auto state = layer.make_state(1);
  Tensor<double, 2> in(1, 3), out(1, 3);
  for (index_t l = 0; l < 50; ++l) {
    for (index_t h = 0; h < 3; ++h) in(0, h) = u(0, h, l);
    layer.step(in, state, out.view());  // sample by sample
    for (index_t h = 0; h < 3; ++h) CHECK(out(0, h) == Approx(y.value()(0, h, l)).margin(1e-12));
  }
  // [/snippet]
}

TEST_CASE("own kernel: its gradients agree with finite differences") {
  // [snippet: course_own_kernel_check]
  auto a = random<double>(Extents<2>{2, 3}, 1), w = random<double>(Extents<2>{2, 3}, 2);
  auto C = random<double>(Extents<4>{2, 2, 3, 2}, 3);
  const GradCheck check = grad_check(
      [](Tape<double>& tape, auto... parameters) {
        return ssm_kernel(tape, DampedVars<double, Host>{parameters...}, 20, /*rate=*/1.5);
      },
      a, w, C);
  INFO(check.text());
  CHECK(check.error < 1e-8);
  // [/snippet]
}
