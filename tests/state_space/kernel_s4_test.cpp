#include "longwave/state_space/kernel_s4.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/state_space/dplr_step.hpp"
#include "longwave/state_space/init.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Parameters of S copies and H features with C~ for length L.
struct Parameters {
  Tensor<double, 2> inv_dt, A_real, A_imag;
  Tensor<double, 4> B, C, P;
  index_t L;

  Parameters(index_t channels, index_t H, index_t N, index_t R, index_t S, index_t L_)
      : inv_dt(random<double>(Extents{H, index_t(1)}, 1, 0.3)),
        A_real(random<double>(Extents{S, N}, 2, 0.3)),
        A_imag(random<double>(Extents{S, N}, 3, 4.0)),
        B(random<double>(Extents<4>{1, S, N, 2}, 4)),
        C(random<double>(Extents<4>{channels, H, N, 2}, 5)),
        P(random<double>(Extents<4>{R, S, N, 2}, 6)),
        L(L_) {
    for (index_t h = 0; h < H; ++h) inv_dt(h, 0) -= 2;
  }
  DplrVars<double> vars(Tape<double>& t) const {
    return {{t.input(inv_dt), t.input(A_real), t.input(A_imag), t.input(B), t.input(C), t.input(P), {}}, L};
  }
};

constexpr double kernel_limit = 1e-11;  // of the largest sample: Khat cancels up to three digits

// HiPPO-LegS with C all ones in the original basis, one feature: the numbers published for the dense system.
Tensor<double, 1> legs_kernel(index_t N, double dt, index_t L) {
  const Nplr legs = nplr(Measure::legs, N);
  Tensor<double, 1> step(1), K(L);
  step(0) = dt;
  Tensor<complex<double>, 3> C(1, 1, N / 2);
  for (index_t n = 0; n < N / 2; ++n)
    for (index_t i = 0; i < N; ++i) C(0, 0, n) += legs.V(i, n);
  const Extents<3> one{1, 1, N / 2};
  const DplrSystem system{step, legs.A.view().reshape(Extents{index_t(1), N / 2}), legs.B.view().reshape(one),
                          legs.P.view().reshape(one), C};
  Tensor<complex<double>, 2> F(1, N / 2), b(1, N / 2);
  Tensor<complex<double>, 3> G(1, 1, N / 2), w(1, 1, N / 2);
  const DplrStep discrete{F.view(), b.view(), G.view(), w.view()};
  DplrScan::discretise(discrete, system);
  DplrLength::truncate(C.view(), discrete, L);
  Dplr::forward(K.view().reshape(Extents<4>{1, 1, 1, L}), system, L);
  return K;
}

}  // namespace

TEST_CASE("s4: the published kernels of HiPPO-LegS, bilinear rule") {
  const Tensor<double, 1> four = legs_kernel(4, 0.1, 8), many = legs_kernel(64, 0.01, 16);
  const double want[] = {0.5470522,   0.22343937,  0.06399393,  -0.00459942,
                         -0.02562155, -0.02392916, -0.01325228, -0.00073676};
  for (index_t l = 0; l < 8; ++l) CHECK(std::abs(four(l) - want[l]) < 1e-8);  // printed with 8 digits
  const double first[] = {0.46118611, -0.23031424, 0.2880553, -0.20167089};
  for (index_t l = 0; l < 4; ++l) CHECK(std::abs(many(l) - first[l]) < 1e-8);
}

TEST_CASE("s4: every gradient of the layer agrees with finite differences, states, copies and rank 2 included") {
  const index_t B = 2, C = 2, H = 4, N = 2, L = 11;
  for (const double rate : {1.0, 0.5})
    for (const bool state : {false, true}) {
      Parameters p(C, H, N, 2, 2, 16);
      auto u = random<double>(Extents<3>{B, H, L}, 7);
      auto D = random<double>(Extents{C, H}, 8);
      auto start = random<double>(Extents<4>{B, 2, N, H}, 9);
      const GradCheck check = grad_check(
          [&](Tape<double>&, auto in, auto skip, auto s, auto inv_dt, auto A_real, auto A_imag, auto b, auto c,
              auto P) {
            const DplrVars<double> vars{{inv_dt, A_real, A_imag, b, c, P, {}}, p.L};
            const auto out = ssm(in, vars, skip, {.rate = rate}, s, true);
            return state ? reshape(out.state, Extents<1>{out.state.value().count()})
                         : reshape(out.y, Extents<1>{out.y.value().count()});
          },
          u, D, start, p.inv_dt, p.A_real, p.A_imag, p.B, p.C, p.P);
      INFO("rate " << rate << (state ? " state " : " y ") << check.text());
      CHECK(check.error < 1e-6);
    }
}

TEST_CASE("s4: gradients of two-sided kernels and of kernels cut short agree with finite differences") {
  Parameters p(2, 2, 2, 1, 1, 8);
  auto u = random<double>(Extents<3>{2, 2, 13}, 7);
  auto D = random<double>(Extents{index_t(1), index_t(2)}, 8);
  const GradCheck check = grad_check(
      [&](Tape<double>&, auto in, auto skip, auto inv_dt, auto A_real, auto A_imag, auto b, auto c, auto P) {
        const DplrVars<double> vars{{inv_dt, A_real, A_imag, b, c, P, {}}, p.L};
        return ssm(in, vars, skip, {.bidirectional = true, .kernel_length = 7}).y;
      },
      u, D, p.inv_dt, p.A_real, p.A_imag, p.B, p.C, p.P);
  INFO(check.text());
  CHECK(check.error < 1e-6);
}

TEST_CASE("s4: a sequence cut anywhere gives the same outputs and states as in one") {
  const index_t B = 2, H = 3, N = 4, L = 40;
  const Parameters p(1, H, N, 1, 1, 64);
  Tape<double> tape;
  const auto u = random<double>(Extents<3>{B, H, L}, 7);
  const auto start = random<double>(Extents<4>{B, 2, N, H}, 9);
  const auto vars = p.vars(tape);
  const auto whole = ssm(tape.input(u), vars, {}, {}, tape.input(start), true);
  const auto first = ssm(tape.input(u.view().slice(2, 0, 17)), vars, {}, {}, tape.input(start), true);
  const auto second = ssm(tape.input(u.view().slice(2, 17, L)), vars, {}, {}, first.state, true);
  CHECK(relative_error(first.y.value(), whole.y.value().slice(2, 0, 17)) < kernel_limit);
  CHECK(relative_error(second.y.value(), whole.y.value().slice(2, 17, L)) < kernel_limit);
  CHECK(relative_error(second.state.value(), whole.state.value()) < 1e-12);
  const auto none = ssm(tape.input(u.view().slice(2, 0, 0)), vars, {}, {}, tape.input(start), true);
  CHECK(relative_error(none.state.value(), TensorView<const double, 4>(start.view())) == 0);
}

TEMPLATE_TEST_CASE("s4: stepping equals the convolution in every mode", "", float, double) {
  using T = TestType;
  for (const index_t H : {1, 5, 33})
    for (const index_t R : {1, 3})
      for (const StepMode mode : {StepMode::linear, StepMode::dense, StepMode::diagonal}) {
        const index_t C = 2, N = 3, L = 30;
        const Parameters p(C, H, N, R, 1, 32);
        Tape<double> tape;
        const auto u = random<double>(Extents<3>{1, H, L}, 7);
        const auto D = random<double>(Extents{C, H}, 8);
        const auto y = ssm(tape.input(u), p.vars(tape), tape.input(D)).y;
        auto cast = [](auto& x, auto sizes) {
          Tensor<T, decltype(sizes)::rank> out(sizes.sizes());
          for (index_t i = 0; i < x.count(); ++i) out.data()[i] = static_cast<T>(x.data()[i]);
          return out;
        };
        Tape<T> t;
        const auto dt = cast(p.inv_dt, p.inv_dt.view()), re = cast(p.A_real, p.A_real.view()),
                   im = cast(p.A_imag, p.A_imag.view());
        const auto b = cast(p.B, p.B.view()), c = cast(p.C, p.C.view()), low = cast(p.P, p.P.view());
        const auto skip = cast(D, D.view());
        const DplrVars<T> vars{{t.input(dt), t.input(re), t.input(im), t.input(b), t.input(c), t.input(low), {}}, p.L};
        const DplrStepTables<T> tables = make_step_tables<T>(vars, {.mode = mode});
        Tensor<T, 3> state(2, tables.modes(), H);
        Tensor<T, 1> in(H), out(C * H);
        double error = 0, largest = 0;
        for (index_t l = 0; l < L; ++l) {
          for (index_t h = 0; h < H; ++h) in(h) = static_cast<T>(u(0, h, l));
          tables.step(out.data(), state.data(), in.data(), skip.data());
          for (index_t i = 0; i < C * H; ++i) {
            error = std::max(error, std::abs(static_cast<double>(out(i)) - y.value()(0, i, l)));
            largest = std::max(largest, std::abs(y.value()(0, i, l)));
          }
        }
        INFO("H " << H << ", rank " << R << ", mode " << static_cast<int>(mode));
        CHECK(error <
              (sizeof(T) == 4 ? 2e-5 : 1e-10) * largest);  // eigenvectors of small random systems: condition 1e2
      }
}

TEMPLATE_TEST_CASE("s4: gradients stay finite from dt 1e-4 to 1, small to large N, up to 2^17 samples", "", float,
                   double) {
  using T = TestType;
  struct Size {
    index_t N, L;
  };
  for (const Size size : {Size{1, 4096}, Size{32, 1 << 17}, Size{128, 512}})
    for (const double dt : {1e-4, 1.0}) {
      const index_t N = size.N, L = size.L;
      const Nplr legs = nplr(Measure::legs, 2 * N);
      Tensor<T, 2> inv_dt(1, 1), A_real(1, N), A_imag(1, N);
      Tensor<T, 4> B(1, 1, N, 2), P(1, 1, N, 2);
      Tensor<T, 4> C = random<T>(Extents<4>{1, 1, N, 2}, 1);
      inv_dt(0, 0) = static_cast<T>(std::log(dt));
      for (index_t n = 0; n < N; ++n) {
        A_real(0, n) = static_cast<T>(std::log(-legs.A(n).re));
        A_imag(0, n) = static_cast<T>(-legs.A(n).im);
        for (int i = 0; i < 2; ++i) {
          B(0, 0, n, i) = static_cast<T>(i == 0 ? legs.B(n).re : legs.B(n).im);
          P(0, 0, n, i) = static_cast<T>(i == 0 ? legs.P(0, n).re : legs.P(0, n).im);
        }
      }
      Tape<T> tape;
      const SsmVars<T> p{tape.variable(inv_dt.view()),
                         tape.variable(A_real.view()),
                         tape.variable(A_imag.view()),
                         tape.variable(B.view()),
                         tape.variable(C.view()),
                         tape.variable(P.view()),
                         {}};
      const auto K = ssm_kernel(tape, DplrVars<T>{p, L}, L);
      Tensor<T, 3> ones(1, 1, L);
      detail::fill(ones.view(), T(1) / static_cast<T>(L));
      tape.backward(K, ones);
      INFO("N " << N << ", L " << L << ", dt " << dt);
      CHECK(detail::all_finite(K.value()));
      for (const auto& grad : {p.inv_dt.grad(), p.A_real.grad(), p.A_imag.grad()}) CHECK(detail::all_finite(grad));
      for (const auto& grad : {p.B.grad(), p.C.grad(), p.P.grad()}) CHECK(detail::all_finite(grad));
    }
}

TEST_CASE("s4: what cannot be is one clear error") {
  const Parameters p(1, 2, 3, 1, 1, 8);
  Tape<double> tape;
  const auto u = random<double>(Extents<3>{1, 2, 9}, 5);
  const Tensor<double, 4> state(2, 2, 3, 2);
  CHECK(error_text<ValueError>([&] { ssm(tape.input(u), p.vars(tape), {}); }) ==
        "s4: a kernel of 9 samples at rate 1.000000, but C is prepared for a length of 8");
  auto no_P = p.vars(tape);
  no_P.parameters.P = {};
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, no_P, 4); }) ==
        "s4: the parameters have no P; a diagonal system takes kernel_diag.hpp");
  auto untied = p.vars(tape);
  const Tensor<double, 2> dt(2, 3);
  untied.parameters.inv_dt = tape.input(dt);
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, untied, 4); }) ==
        "s4: dt must be shared by the modes of a feature, inv_dt is (H=2, N=3)");
  CHECK(error_text<ShapeError>([&] {
          ssm(tape.input(u.view().slice(2, 0, 5)), p.vars(tape), {}, {}, tape.input(state));
        }) == "ssm: state_in is (2, 2, 3, 2), expected (1, 2, 3, 2)");
  CHECK(ssm_kernel(tape, p.vars(tape), 0).value().count() == 0);
}
