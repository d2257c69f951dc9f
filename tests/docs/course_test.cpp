// The snippets of docs/course/1 to 3, 6, 8 and 9, each inside the property that its page is about.
#include <complex>
#include <numbers>
#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions.hpp"
#include "longwave/nn/s4d.hpp"

using namespace longwave;
using namespace longwave::test;

using Complex = std::complex<double>;

TEST_CASE("course 1: the response to an impulse is a sum of decaying oscillations") {
  const Complex A[] = {{-0.5, 0.0}, {-0.5, 3.0}}, C[] = {{1.0, 0.5}, {0.3, -0.7}};  // one of each conjugate pair
  // [snippet: course_continuous]
  // x' = A x + B u with B = 1: an impulse sets x to 1, and then nothing comes in any more.
  const double h = 1e-5;
  Complex x[] = {1, 1};
  for (int i = 0; i < 100000; ++i)
    for (int n = 0; n < 2; ++n) x[n] += h * (A[n] * x[n]);  // Euler's small steps to t = 1
  double stepped = 0, exact = 0;
  for (int n = 0; n < 2; ++n) {
    stepped += 2 * (C[n] * x[n]).real();
    exact += 2 * (C[n] * std::exp(A[n] * 1.0)).real();  // K(1) = 2 Re sum C e^(A t)
  }
  CHECK(stepped == Approx(exact).epsilon(1e-3));  // Euler's error is of the order of h |A|^2
  // [/snippet]
}

TEST_CASE("course 2: zero-order hold is exact while the input is constant") {
  const Complex A{-0.5, 3.0};
  // [snippet: course_zoh]
  // One step of length dt with the input held: x <- e^(dt A) x + (e^(dt A) - 1) / A u
  const auto hold = [&](Complex x, double u, double dt) {
    const Complex A_bar = std::exp(dt * A);
    return A_bar * x + (A_bar - 1.0) / A * u;
  };
  const Complex x{0.2, 0.1};
  const Complex whole = hold(x, 0.7, 0.1);
  const Complex halves = hold(hold(x, 0.7, 0.05), 0.7, 0.05);
  CHECK(std::abs(whole - halves) < 1e-15);  // two half steps are one step: there is no error to add up
  // [/snippet]
}

TEST_CASE("course 2: the modes that the layer computes are those of the formula") {
  Generator gen(1);
  const S4D<double> layer({.d_model = 3, .d_state = 8}, gen);
  const auto& p = layer.kernel;
  // [snippet: course_modes]
  Tensor<complex<double>, 2> x(3, 4), c(3, 4);  // (H, N): one of each conjugate pair
  const S4DParameters<double> parameters{p.log_dt.value, p.log_A_real.value, p.A_imag.value, p.C.value};
  S4DModes::forward(x.view(), c.view(), parameters);
  const double dt = std::exp(p.log_dt.value(2));
  const Complex A{-std::exp(p.log_A_real.value(2, 1)), p.A_imag.value(2, 1)};
  const Complex C{p.C.value(2, 1, 0), p.C.value(2, 1, 1)};
  CHECK(std::abs(Complex(x(2, 1)) - dt * A) < 1e-15);
  CHECK(std::abs(Complex(c(2, 1)) - C * (std::exp(dt * A) - 1.0) / A) < 1e-14);
  // [/snippet]
}

TEST_CASE("course 3: the recurrence is a convolution with the kernel") {
  const index_t H = 2, N = 3, L = 50;
  Tensor<complex<double>, 2> x(H, N), c(H, N);
  for (index_t h = 0; h < H; ++h)
    for (index_t n = 0; n < N; ++n) {
      x(h, n) = {-0.05, 0.3 * static_cast<double>(n + h)};
      c(h, n) = {1, 0.5 * static_cast<double>(n)};
    }
  const auto u = random<double>(Extents<3>{1, H, L});
  Tensor<double, 3> y(1, H, L), stepped(1, H, L);
  // [snippet: course_convolution]
  Tensor<double, 2> K(H, L);
  ops::Vandermonde::forward(K.view(), x, c);  // K_l = 2 Re sum_n c_n e^(x_n l)
  ops::FftConv::forward(y.view(), u, K);      // y_l = sum_j K_j u_{l-j}

  for (index_t h = 0; h < H; ++h) {
    std::vector<Complex> s(N);  // the state
    for (index_t l = 0; l < L; ++l)
      for (index_t n = 0; n < N; ++n) {
        s[n] = std::exp(Complex(x(h, n))) * s[n] + u(0, h, l);
        stepped(0, h, l) += 2 * (Complex(c(h, n)) * s[n]).real();
      }
  }
  CHECK(relative_error(y, stepped) < 1e-13);
  // [/snippet]
}

TEST_CASE("course 6: no choice of the parameters makes a mode grow") {
  Generator gen(1);
  S4D<float> layer({.d_model = 4, .d_state = 16}, gen);
  // [snippet: course_stable]
  gen.normal(layer.kernel.log_A_real.value.view(), 0, 3);  // anything an optimiser may come up with
  gen.normal(layer.kernel.A_imag.value.view(), 0, 100);
  const auto& p = layer.kernel;
  Tensor<complex<double>, 2> x(4, 8), c(4, 8);
  const S4DParameters<float> parameters{p.log_dt.value, p.log_A_real.value, p.A_imag.value, p.C.value};
  S4DModes::forward(x.view(), c.view(), parameters);
  for (index_t h = 0; h < 4; ++h)
    for (index_t n = 0; n < 8; ++n) CHECK(x(h, n).re < 0);  // |e^x| < 1: what came in is forgotten, slowly or fast
  // [/snippet]
}

TEST_CASE("course 6: the layer starts with the modes of S4D-Lin and small steps") {
  Generator gen(1);
  // [snippet: course_start]
  const S4D<float> layer({.d_model = 4, .d_state = 16, .dt_min = 1e-3, .dt_max = 1e-1}, gen);
  for (index_t h = 0; h < 4; ++h) {
    const float dt = std::exp(layer.kernel.log_dt.value(h));  // one time scale per channel, 10 to 1000 samples long
    CHECK((dt > 0.999e-3f && dt < 0.1001f));
    for (index_t n = 0; n < 8; ++n) {
      CHECK(std::exp(layer.kernel.log_A_real.value(h, n)) == Approx(0.5));  // A_n = -1/2 + i pi n
      CHECK(layer.kernel.A_imag.value(h, n) == Approx(std::numbers::pi * static_cast<double>(n)));
    }
  }
  // [/snippet]
}

namespace {

struct Modes {
  Tensor<complex<double>, 2> x{5, 4}, c{5, 4};
  Tensor<float, 1> D = random<float>(Extents<1>{5}, 3);
  Tensor<float, 3> u = random<float>(Extents<3>{2, 5, 1000}, 4);
  Modes() {
    for (index_t i = 0; i < x.count(); ++i) {
      x.data()[i] = {-0.02, 0.1 * static_cast<double>(i)};
      c.data()[i] = {1, 0.5};
    }
  }
};

}  // namespace

TEST_CASE("course 8: all forms give the same numbers") {
  const Modes m;
  // [snippet: course_forms]
  Tensor<float, 3> by_steps(2, 5, 1000), y(2, 5, 1000);
  const DiagonalInputs<float> in{m.u, m.x, m.c, m.D, /*state_in=*/{}};
  Diagonal::forward(DiagonalOutputs<float>{by_steps, /*state_out=*/{}}, in, Algorithm::scan);
  for (const Algorithm form : {Algorithm::chunk, Algorithm::fft, Algorithm::auto_}) {
    Diagonal::forward(DiagonalOutputs<float>{y, {}}, in, form);
    CHECK(relative_error(y, by_steps) < 1e-5);
  }
  // [/snippet]
}

TEST_CASE("course 8: a sequence may be cut anywhere, and its pieces may use different forms") {
  const Modes m;
  Tensor<float, 3> whole(2, 5, 1000), y(2, 5, 1000);
  Diagonal::forward(DiagonalOutputs<float>{whole, {}}, DiagonalInputs<float>{m.u, m.x, m.c, m.D, {}});
  // [snippet: course_cut]
  const index_t cut = 389;
  Tensor<float, 4> state(2, 2, 4, 5);  // (B, Re and Im, N, H)
  const auto past = m.u.view().slice(2, 0, cut), rest = m.u.view().slice(2, cut, 1000);
  Diagonal::forward(DiagonalOutputs<float>{y.view().slice(2, 0, cut), state},
                    DiagonalInputs<float>{past, m.x, m.c, m.D, {}}, Algorithm::chunk);
  Diagonal::forward(DiagonalOutputs<float>{y.view().slice(2, cut, 1000), {}},
                    DiagonalInputs<float>{rest, m.x, m.c, m.D, state}, Algorithm::scan);
  CHECK(relative_error(y, whole) < 1e-5);
  // [/snippet]
}

namespace {

// [snippet: course_own_op]
// y_l = u_0 + .. + u_l along the last axis; du_l = dy_l + dy_{l+1} + ..
Var<double, 2> cumulative_sum(Tape<double>& tape, Var<double, 2> u) {
  const Var<double, 2> y = tape.make(u.sizes(), u.needs_grad());
  for (index_t b = 0; b < u.size(0); ++b) {
    double sum = 0;
    for (index_t l = 0; l < u.size(1); ++l) y.output()(b, l) = (sum += u.value()(b, l));
  }
  tape.record("cumulative_sum", y, [=] {  // Vars, views and numbers are captured, nothing that owns
    const Grad du(u);
    for (index_t b = 0; b < u.size(0); ++b) {
      double sum = 0;
      for (index_t l = u.size(1) - 1; l >= 0; --l) du.view()(b, l) = (sum += y.grad()(b, l));
    }
  });
  return y;
}
// [/snippet]

}  // namespace

TEST_CASE("course 9: an op of your own passes the gradient check") {
  // [snippet: course_own_check]
  auto u = random<double>(Extents<2>{3, 17});
  const GradCheck check = grad_check([](auto& tape, auto v) { return cumulative_sum(tape, v); }, u);
  INFO(check.text());
  CHECK(check.error < 1e-8);
  // [/snippet]
}

TEST_CASE("course 9: after the first step a tape reserves nothing more") {
  Generator gen(1);
  S4D<float> layer({.d_model = 4, .d_state = 8}, gen);
  const auto u = random<float>(Extents<3>{2, 4, 100});
  // [snippet: course_arena]
  Tape<float> tape;
  std::size_t reserved = 0;
  const float* address = nullptr;
  for (int step = 0; step < 3; ++step) {
    tape.rewind();
    const auto loss = mean(square(layer(tape, tape.input(u))));
    tape.backward(loss);
    if (step > 0) CHECK((tape.arena().reserved_bytes() == reserved && loss.value().data() == address));
    reserved = tape.arena().reserved_bytes();
    address = loss.value().data();
  }
  // [/snippet]
}
