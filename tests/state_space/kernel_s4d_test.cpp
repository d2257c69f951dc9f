#include "longwave/state_space/kernel_s4d.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct Parameters {
  Tensor<double, 1> log_dt;
  Tensor<double, 2> log_A_real, A_imag;
  Tensor<double, 3> C;

  Parameters(index_t H, index_t N)
      : log_dt(random<double>(Extents<1>{H}, 1)),
        log_A_real(random<double>(Extents{H, N}, 2, 0.3)),
        A_imag(random<double>(Extents{H, N}, 3, 3.0)),
        C(random<double>(Extents<3>{H, N, 2}, 4)) {
    for (index_t h = 0; h < H; ++h) log_dt(h) = -2 + 0.3 * log_dt(h);
  }
  S4DParameters<double> views() const { return {log_dt, log_A_real, A_imag, C}; }
};

}  // namespace

TEST_CASE("s4d_modes: the published kernels, zero-order hold, A = -1/2 + i pi n") {
  // N = 4 (two modes), C = 1, dt = 0.1; the values belong to a kernel with B = 1.
  Parameters p(1, 2);
  p.log_dt(0) = std::log(0.1);
  for (index_t n = 0; n < 2; ++n) {
    p.log_A_real(0, n) = std::log(0.5);
    p.A_imag(0, n) = std::numbers::pi * static_cast<double>(n);
    p.C(0, n, 0) = 1;
    p.C(0, n, 1) = 0;
  }
  Tensor<complex<double>, 2> x(1, 2), c(1, 2);
  S4DModes::forward(x.view(), c.view(), p.views());
  Tensor<double, 2> K(1, 8);
  ops::Vandermonde::forward(K.view(), x, c);
  const double want[] = {0.38701121, 0.35034119, 0.30098495, 0.24402016,
                         0.18480892, 0.12845668, 0.07934722, 0.04079088};
  for (index_t l = 0; l < 8; ++l) CHECK(std::abs(K(0, l) - want[l]) < 1e-8);
}

TEST_CASE("s4d_kernel: every parameter's gradient agrees with finite differences") {
  for (const index_t L : {1, 7, 70}) {
    Parameters p(2, 3);
    const GradCheck check = grad_check(
        [&](Tape<double>& tape, auto log_dt, auto log_A_real, auto A_imag, auto C) {
          return ssm_kernel(tape, S4DVars<double>{log_dt, log_A_real, A_imag, C}, L, 1.5);
        },
        p.log_dt, p.log_A_real, p.A_imag, p.C);
    INFO("L " << L << " " << check.text());
    CHECK(check.error < 1e-7);
  }
}

TEST_CASE("s4d_modes: modes that hardly move keep finite weights and gradients") {
  Parameters p(1, 2);
  for (const double log_A : {-20.0, -60.0}) {
    for (index_t n = 0; n < 2; ++n) {
      p.log_A_real(0, n) = log_A;
      p.A_imag(0, n) = 0;
    }
    Tensor<complex<double>, 2> x(1, 2), c(1, 2);
    S4DModes::forward(x.view(), c.view(), p.views());
    const double dt = std::exp(p.log_dt(0));
    for (index_t n = 0; n < 2; ++n) CHECK(c(0, n).re == Approx(dt * p.C(0, n, 0)).epsilon(1e-7));
    Tensor<double, 1> dlog_dt(1);
    Tensor<double, 2> dlog_A(1, 2), dA_imag(1, 2);
    Tensor<double, 3> dC(1, 2, 2);
    S4DModes::backward(S4DParameterGradients<double>{dlog_dt, dlog_A, dA_imag, dC},
                       TensorView<const complex<double>, 2>(x.view()), TensorView<const complex<double>, 2>(c.view()),
                       p.views());
    CHECK(detail::all_finite(TensorView<const double, 2>(dlog_A.view())));
    CHECK(detail::all_finite(TensorView<const double, 2>(dA_imag.view())));
    // c = C dt + O(x): the gradient of dt is that of dt itself, however small A
    double want = 0;
    for (index_t n = 0; n < 2; ++n) want += dt * (c(0, n) * conj(complex<double>(p.C(0, n, 0), p.C(0, n, 1)))).re;
    CHECK(dlog_dt(0) == Approx(want).epsilon(1e-7));
  }
}

TEST_CASE("s4d_modes: gradients stay exact where (e^x - 1) / A cancels") {
  for (const double log_A : {-12.0, -7.0, -2.0, 1.0, 3.0}) {  // |x| from 1e-6 to 3, across the switch at 0.1
    Parameters p(1, 1);
    p.log_A_real(0, 0) = log_A;
    p.A_imag(0, 0) = 0.3 * std::exp(log_A);
    const GradCheck check = grad_check(
        [&](Tape<double>& tape, auto log_dt, auto log_A_real, auto A_imag, auto C) {
          return ssm_kernel(tape, S4DVars<double>{log_dt, log_A_real, A_imag, C}, 5);
        },
        p.log_dt, p.log_A_real, p.A_imag, p.C);
    INFO("log_A " << log_A << " " << check.text());
    CHECK(check.error < 1e-7);
  }
}

TEST_CASE("s4d: a gradient that reaches only the state still flows back") {
  Parameters p(2, 3);
  auto u = random<double>(Extents<3>{2, 2, 9}, 5);
  auto s = random<double>(Extents<4>{2, 2, 3, 2}, 6);
  const GradCheck check = grad_check(
      [&](Tape<double>&, auto in, auto state, auto log_dt, auto log_A_real, auto A_imag, auto C) {
        return ssm(in, S4DVars<double>{log_dt, log_A_real, A_imag, C}, {}, {}, state, true).state;
      },
      u, s, p.log_dt, p.log_A_real, p.A_imag, p.C);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("s4d_modes: shape errors name the parameter") {
  Parameters p(2, 3);
  Tensor<complex<double>, 2> x(2, 3), c(2, 4);
  CHECK(error_text<ShapeError>([&] { S4DModes::forward(x.view(), c.view(), p.views()); }) ==
        "s4d_modes: c is (H=2, N=4), expected (H=2, N=3)");
  const Tensor<double, 3> C(2, 3, 1);
  S4DParameters<double> wrong = p.views();
  wrong.C = C;
  CHECK(error_text<ShapeError>([&] { S4DModes::forward(x.view(), x.view(), wrong); }) ==
        "s4d_modes: C is (2, 3, 1), expected (2, 3, 2)");
}
