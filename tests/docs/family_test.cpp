// The snippets of docs/course/2 and 4 to 6: systems and kernels of the family, below the layers.
#include <complex>
#include <numbers>
#include <vector>

#include "check.hpp"
#include "longwave/ops/vandermonde.hpp"
#include "longwave/state_space/discretize_dense.hpp"
#include "longwave/state_space/dplr_length.hpp"
#include "longwave/state_space/init.hpp"

using namespace longwave;
using namespace longwave::test;

using Complex = std::complex<double>;
constexpr double pi = std::numbers::pi;

// --- HiPPO

TEST_CASE("course 4: the state of legs holds the past of its input") {
  // [snippet: course_hippo_memory]
  const index_t N = 32;
  const double dt = 1e-3;
  const auto u = [](double t) { return std::sin(2 * t) + std::cos(5 * t) / 2; };
  const Transition legs = transition(Measure::legs, N);  // x' = A x + B u
  const DenseStep bar = discretize_dense<Bilinear>(legs.A, legs.B, dt);
  Tensor<double, 1> x(N), next(N);
  for (index_t l = 1; l <= 8000; ++l) {
    for (index_t i = 0; i < N; ++i) {
      next(i) = bar.B_bar(i) * u(static_cast<double>(l) * dt);
      for (index_t j = 0; j < N; ++j) next(i) += bar.A_bar(i, j) * x(j);
    }
    std::swap(x, next);
  }
  // Nothing but the N numbers x is left of 8000 samples. What was the input `ago` seconds before t = 8?
  for (const double ago : {0.2, 0.5, 1.0}) {
    double told = 0;
    for (index_t n = 0; n < N; ++n)
      told += x(n) * std::sqrt(2.0 * static_cast<double>(n) + 1) *
              std::legendre(static_cast<unsigned>(n), 2 * std::exp(-ago) - 1);
    CHECK(std::abs(told - u(8 - ago)) < 0.02);
  }
  // [/snippet]
}

TEST_CASE("course 4: legs is a normal matrix and one vector away from it") {
  // [snippet: course_hippo_skew]
  const Transition legs = transition(Measure::legs, 4);
  const Tensor<double, 2> P = rank_correction(Measure::legs, 4);  // (1, N): sqrt(i + 1/2)
  CHECK(legs.A(3, 1) == Approx(-std::sqrt(7.0 * 3.0)));           // -sqrt((2i+1)(2j+1)) below the diagonal
  CHECK(legs.A(2, 2) == -3);                                      // -(i+1) on it, 0 above
  for (index_t i = 0; i < 4; ++i)
    for (index_t j = 0; j < 4; ++j) {
      const double S = legs.A(i, j) + P(0, i) * P(0, j), mirrored = legs.A(j, i) + P(0, j) * P(0, i);
      CHECK(std::abs(S + mirrored + (i == j ? 1 : 0)) < 1e-14);  // S = -1/2 I + skew
    }

  const Nplr d = nplr(Measure::legs, 4);  // the half with Im < 0 of each pair, the fastest first
  CHECK(d.A(0).re == Approx(-0.5));
  CHECK(d.A(0).im == Approx(-4.60329301));
  CHECK(d.A(1).im == Approx(-0.55650112));
  // [/snippet]
}

// --- S4's kernel

namespace {

// [snippet: course_legs_dplr]
// legs with C = (1, 1, ..), dt = 0.1, as one of each pair of modes: A = diag(Lambda) - P P^*.
struct Legs {
  Nplr d;
  Tensor<double, 1> dt{1};
  Tensor<complex<double>, 3> C;     // (channels, H, N/2)
  Tensor<complex<double>, 2> F, b;  // the recurrence's, see DplrStep
  Tensor<complex<double>, 3> G, w;

  explicit Legs(index_t N)
      : d(nplr(Measure::legs, N)), C(1, 1, N / 2), F(1, N / 2), b(1, N / 2), G(1, 1, N / 2), w(1, 1, N / 2) {
    dt(0) = 0.1;
    for (index_t n = 0; n < N / 2; ++n)
      for (index_t i = 0; i < N; ++i) C(0, 0, n) += d.V(i, n);  // C x = 2 Re (C V) z
    DplrScan::discretise(step(), system());
  }
  DplrSystem system() const {
    const index_t M = C.size(2);
    return {dt, d.A.view().reshape(Extents<2>{1, M}), d.B.view().reshape(Extents<3>{1, 1, M}),
            d.P.view().reshape(Extents<3>{1, 1, M}), C};
  }
  DplrStep step() { return {F.view(), b.view(), G.view(), w.view()}; }
};
// [/snippet]

// [snippet: course_dense_kernel]
// The same kernel from the definition, K_l = C A_bar^l B_bar with dense matrices.
Tensor<double, 1> dense_kernel(index_t N, index_t L) {
  const Transition legs = transition(Measure::legs, N);
  const DenseStep bar = discretize_dense<Bilinear>(legs.A, legs.B, 0.1);
  Tensor<double, 1> K(L), x = bar.B_bar.clone(), next(N);
  for (index_t l = 0; l < L; ++l) {
    for (index_t i = 0; i < N; ++i) {
      K(l) += x(i);
      next(i) = 0;
      for (index_t j = 0; j < N; ++j) next(i) += bar.A_bar(i, j) * x(j);
    }
    std::swap(x, next);
  }
  return K;
}
// [/snippet]

}  // namespace

TEST_CASE("course 5: S4's kernel is that of the dense recurrence") {
  // [snippet: course_s4_dense]
  for (const index_t N : {4, 16, 64}) {
    const index_t L = 100;
    Legs s(N);
    DplrLength::truncate(s.C.view(), s.step(), L);  // C~ = C (I - A_bar^L)
    Tensor<double, 4> K(1, 1, 1, L);
    Dplr::forward(K.view(), s.system(), /*n=*/L);  // O(N L) from Cauchy sums at L roots of unity
    CHECK(relative_error(K.view().reshape(Extents<1>{L}), dense_kernel(N, L).view()) < 1e-12);
  }
  // [/snippet]
}

TEST_CASE("course 5: the generating function at every node, the Nyquist node among them") {
  const index_t n = 16, M = 4;
  Legs s(2 * M);
  DplrLength::truncate(s.C.view(), s.step(), n);
  const Tensor<double, 1> K = dense_kernel(2 * M, n);
  // [snippet: course_s4_node]
  const double dt = 0.1;
  for (index_t k = 0; k <= n / 2; ++k) {
    const double t = pi * static_cast<double>(k) / static_cast<double>(n), c = k == n / 2 ? 0 : std::cos(t);
    const Complex a{0, 2 * std::sin(t)};
    Complex s00, s01, s10, s11;  // Cauchy sums over both modes of each pair
    for (index_t m = 0; m < 2 * M; ++m) {
      const auto at = [&](complex<double> z) { return m < M ? Complex(z) : std::conj(Complex(z)); };
      const index_t i = m % M;
      const Complex B = at(s.d.B(i)), P = at(s.d.P(0, i)), C = at(s.C(0, 0, i));
      const Complex pole = dt / (a - dt * at(s.d.A(i)) * c);
      s00 += C * B * pole;
      s01 += std::conj(P) * B * pole;
      s10 += C * P * pole;
      s11 += std::conj(P) * P * pole;
    }
    const Complex got = std::exp(Complex(0, t)) * (s00 - c * s01 * s10 / (1.0 + c * s11));
    Complex want;  // sum_l K_l omega^l, omega = e^(-2 i t)
    for (index_t l = 0; l < n; ++l) want += K(l) * std::exp(Complex(0, -2 * t * static_cast<double>(l)));
    CHECK(std::abs(got - want) < 1e-12);
  }
  // [/snippet]
}

TEST_CASE("course 5: without C~ the end of the kernel comes back at its start") {
  // [snippet: course_s4_wrap]
  const index_t N = 8, n = 32;
  const Legs s(N);  // C as it is
  Tensor<double, 4> wrapped(1, 1, 1, n);
  Dplr::forward(wrapped.view(), s.system(), n);
  const Tensor<double, 1> K = dense_kernel(N, 64 * n);
  for (index_t l = 0; l < n; ++l) {
    double sum = 0;
    for (index_t turn = 0; turn < 64; ++turn) sum += K(l + turn * n);
    CHECK(std::abs(wrapped(0, 0, 0, l) - sum) < 1e-12);
  }
  // [/snippet]
}

TEST_CASE("course 5: the same system as a recurrence of diagonal plus low rank") {
  const index_t N = 16, L = 100;
  const Legs s(N);
  const Tensor<double, 1> K = dense_kernel(N, L);
  // [snippet: course_s4_recurrence]
  std::vector<Complex> x(N / 2);
  for (index_t l = 0; l < L; ++l) {  // an impulse, then zeros
    double rho = 0, y = 0;
    for (index_t n = 0; n < N / 2; ++n) rho += 2 * (Complex(s.w(0, 0, n)) * x[n]).real();
    for (index_t n = 0; n < N / 2; ++n) {
      x[n] = Complex(s.F(0, n)) * x[n] - rho * Complex(s.G(0, 0, n)) + (l == 0 ? Complex(s.b(0, n)) : 0);
      y += 2 * (Complex(s.C(0, 0, n)) * x[n]).real();
    }
    CHECK(std::abs(y - K(l)) < 1e-13);
  }
  // [/snippet]
}

// --- diagonal kernels

TEST_CASE("course 6: the frequencies of S4D-Lin and S4D-Inv, beside those of legs") {
  Generator gen(1);
  // [snippet: course_lin_inv]
  const index_t N = 64;
  const auto frequency = [&](const char* init, index_t n) {
    return -ssm_init({.init = init, .d_state = N}, gen).A(0, n).im;
  };
  CHECK(frequency("diag-lin", 1) == Approx(pi));                       // evenly spaced: 0, pi, 2 pi, ..
  CHECK(frequency("diag-lin", 31) == Approx(31 * pi));                 // 97
  CHECK(frequency("diag-inv", 0) == Approx(1283.4255).epsilon(1e-5));  // N/pi (N/(2n+1) - 1): few fast, many slow
  CHECK(frequency("diag-inv", 31) == Approx(0.3234).epsilon(1e-3));
  CHECK(frequency("legs", 0) == Approx(1303.27).epsilon(1e-5));  // what inv imitates
  CHECK(frequency("legs", 31) == Approx(0.26386).epsilon(1e-4));
  // [/snippet]
}

TEST_CASE("course 2: the discretisations agree to second order in dt A") {
  // [snippet: course_rules]
  const Complex A{-0.5, 3.0};
  double error[2];
  for (const int halving : {0, 1}) {
    const complex<double> w = (halving == 0 ? 0.1 : 0.05) * A;  // w = dt A
    const Discretized exact = Zoh::at(w), rule = Bilinear::at(w);
    CHECK(std::abs(Complex(exp(rule.x)) - (1.0 + Complex(w) / 2.0) / (1.0 - Complex(w) / 2.0)) < 1e-15);
    error[halving] = std::abs(Complex(exp(exact.x)) - Complex(exp(rule.x)));  // of a_bar, after one step
  }
  CHECK(error[0] / error[1] == Approx(8).epsilon(0.05));  // w^3 / 12 per step, and so dt^2 over a stretch of time
  // [/snippet]
}

TEST_CASE("course 6: conjugate pairs are full modes, counted once") {
  const index_t L = 40;
  Tensor<complex<double>, 2> x(1, 3), v(1, 3);
  for (index_t n = 0; n < 3; ++n) {
    x(0, n) = {-0.05, 0.3 * static_cast<double>(n + 1)};
    v(0, n) = {1, static_cast<double>(n)};
  }
  // [snippet: course_pairs]
  Tensor<complex<double>, 2> all_x(1, 6), all_v(1, 6);  // both of each pair, as DSS has its modes
  for (index_t n = 0; n < 3; ++n) {
    all_x(0, n) = x(0, n), all_x(0, n + 3) = conj(x(0, n));
    all_v(0, n) = 0.5 * v(0, n), all_v(0, n + 3) = 0.5 * conj(v(0, n));  // Re, not 2 Re
  }
  Tensor<double, 2> K(1, L), full(1, L);
  ops::Vandermonde::forward(K.view(), x, v);  // 2 Re sum over one of each pair
  ops::Vandermonde::forward(full.view(), all_x, all_v);
  CHECK(relative_error(full, K) < 1e-14);
  // [/snippet]
}
