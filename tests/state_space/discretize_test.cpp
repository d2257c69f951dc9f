#include "longwave/state_space/discretize.hpp"

#include "check.hpp"

using namespace longwave;

namespace {

using Z = complex<double>;
using Wide = std::complex<long double>;

double distance(Z got, Wide want) {
  const Wide difference = Wide(got.re, got.im) - want;
  return static_cast<double>(std::abs(difference) / std::max(std::abs(want), 1e-300L));
}

// Both directions of a central difference agree only for a holomorphic map.
template <class F>
void check_slope(F&& f, Z w, Z slope) {
  const double step = 1e-5 * std::sqrt(std::max(norm2(w), 1e-4));
  for (const Z direction : {Z(1), Z(0, 1)}) {
    const Z h = step * direction;
    const Z difference = (f(w + h) - f(w - h)) / (2.0 * h);
    INFO("w = " << w.re << " + " << w.im << "i");
    CHECK(std::sqrt(norm2(difference - slope)) < 1e-7 * std::max(1.0, std::sqrt(norm2(slope))));
  }
}

const Z points[] = {{-1e-12, 1e-13}, {-1e-6, 3e-6}, {-0.05, 0.02}, {-0.01, 0.4}, {-0.7, 3.1},
                    {-1.9, 0.1},     {-3, -0.5},    {-0.3, 2.5},   {-30, 200},   {0.2, -0.3}};

// (e^w - 1)/w in 80 bits, by its series where that is shorter.
Wide wide_phi(Wide w) {
  if (std::abs(w) > 0.5L) return (std::exp(w) - 1.0L) / w;
  Wide sum = 0, term = 1;
  for (int k = 1; k < 40; ++k) {
    sum += term;
    term *= w / static_cast<long double>(k + 1);
  }
  return sum;
}

}  // namespace

TEST_CASE("discretize: zero-order hold keeps all digits, also where (e^w - 1)/w cancels") {
  for (const Z w : points) {
    const Discretized d = Zoh::at(w);
    CHECK(d.x == w);
    CHECK(distance(d.beta, wide_phi({w.re, w.im})) < 1e-14);  // a few roundings
  }
  CHECK(Zoh::at(Z()).beta == Z(1));
  CHECK(Zoh::at(Z()).dbeta == Z(0.5));
}

TEST_CASE("discretize: the bilinear exponent is the logarithm of (1 + w/2)/(1 - w/2) and keeps all digits") {
  for (const Z w : points) {
    const Wide half(w.re / 2.0L, w.im / 2.0L);
    const Wide want = std::abs(half) < 1e-3L ? 2.0L * (half + half * half * half / 3.0L + std::pow(half, 5) / 5.0L)
                                             : std::log((1.0L + half) / (1.0L - half));
    const Discretized d = Bilinear::at(w);
    CHECK(distance(d.x, want) < 1e-14);
    CHECK(distance(d.beta, 1.0L / (1.0L - half)) < 1e-14);
    const Wide a_bar = (1.0L + half) / (1.0L - half);
    CHECK(distance(exp(d.x), a_bar) < 1e-14);
    const Wide slope(d.x.re, d.x.im);  // a small real part is not lost beside a large imaginary one
    CHECK(std::abs(slope.real() - want.real()) < 1e-14L * std::abs(want.real()) + 1e-18L);
  }
}

TEST_CASE("discretize: derivatives agree with differences in both directions of the plane") {
  for (const Z w : points) {
    const Discretized zoh = Zoh::at(w), bilinear = Bilinear::at(w);
    check_slope([](Z z) { return Zoh::at(z).x; }, w, zoh.dx);
    check_slope([](Z z) { return Zoh::at(z).beta; }, w, zoh.dbeta);
    check_slope([](Z z) { return Bilinear::at(z).x; }, w, bilinear.dx);
    check_slope([](Z z) { return Bilinear::at(z).beta; }, w, bilinear.dbeta);
  }
}

TEST_CASE("discretize: a bilinear mode that forgets at once has a finite exponent and the right slope") {
  const Discretized d = Bilinear::at(Z(-2));
  CHECK(std::isfinite(d.x.re));
  CHECK(norm2(exp(d.x)) < 1e-290);
  const Z slope = d.dx * exp(d.x);  // of a_bar = (1 + w/2)/(1 - w/2): 1/(1 - w/2)^2 = 1/4
  CHECK(std::abs(slope.re - 0.25) < 1e-12);
  CHECK(std::abs(slope.im) < 1e-12);
}

TEST_CASE("discretize: DSS's factor makes a softmax over the length, growing modes included") {
  const index_t L = 9;
  const double dt = 0.1;
  for (const Z Lambda : {Z(-0.3, 2), Z(0.5, 1), Z(-2, 0), Z(3, -7)}) {
    const Dss d = Dss::at(dt * Lambda, Lambda, L, 1e-30);
    Wide sum = 0;
    for (index_t l = 0; l < L; ++l) sum += std::exp(Wide(dt * Lambda.re, dt * Lambda.im) * static_cast<long double>(l));
    CHECK(d.x.re <= 0);
    for (index_t l = 0; l < L; ++l) {
      const auto power = static_cast<double>(d.from_end ? L - 1 - l : l);
      const Wide want = std::exp(Wide(dt * Lambda.re, dt * Lambda.im) * static_cast<long double>(l)) /
                        (sum * Wide(Lambda.re, Lambda.im));
      CHECK(distance(d.factor * exp(power * d.x), want) < 1e-13);
    }
  }
}

TEST_CASE("discretize: a growing DSS mode stays finite at any length") {
  const Z Lambda(5, 3);
  const Dss d = Dss::at(Lambda, Lambda, 100000);
  CHECK(std::isfinite(d.factor.re));
  const Dss::Gradient g = d.gradient(Z(1, 1), Z(1, -1));
  CHECK(std::isfinite(norm2(g.dw)));
  CHECK(std::isfinite(norm2(g.dLambda)));
}

TEST_CASE("discretize: the gradient of DSS's factor agrees with finite differences, guard included") {
  const Z dx(0.3, -0.8), dfactor(1.2, 0.7);
  for (const double epsilon : {1e-7, 0.5})
    for (const Z Lambda : {Z(-0.3, 2), Z(0.5, 1)}) {
      const Z w(0.2 * Lambda.re, 0.1 * Lambda.im);
      const auto loss = [&](Z w_, Z Lambda_) {
        const Dss d = Dss::at(w_, Lambda_, 8, epsilon);
        return d.x.re * dx.re + d.x.im * dx.im + d.factor.re * dfactor.re + d.factor.im * dfactor.im;
      };
      const Dss::Gradient g = Dss::at(w, Lambda, 8, epsilon).gradient(dx, dfactor);
      const double e = 1e-6;
      CHECK(std::abs((loss(w + Z(e), Lambda) - loss(w - Z(e), Lambda)) / (2 * e) - g.dw.re) < 1e-7);
      CHECK(std::abs((loss(w + Z(0, e), Lambda) - loss(w - Z(0, e), Lambda)) / (2 * e) - g.dw.im) < 1e-7);
      CHECK(std::abs((loss(w, Lambda + Z(e)) - loss(w, Lambda - Z(e))) / (2 * e) - g.dLambda.re) < 1e-7);
      CHECK(std::abs((loss(w, Lambda + Z(0, e)) - loss(w, Lambda - Z(0, e))) / (2 * e) - g.dLambda.im) < 1e-7);
    }
}

TEST_CASE("discretize: both guarded reciprocals and their gradients, inside and outside the guard") {
  const Z drho(0.4, -1.1);
  for (const auto reciprocal : {&Reciprocal::added, &Reciprocal::at_least})
    for (const Z q : {Z(0.8, -0.3), Z(0.1, 0.05)}) {
      const auto loss = [&](Z at) {
        const Z rho = reciprocal(at, 0.09).value;
        return rho.re * drho.re + rho.im * drho.im;
      };
      const Z g = reciprocal(q, 0.09).gradient(drho);
      const double e = 1e-6;
      CHECK(std::abs((loss(q + Z(e)) - loss(q - Z(e))) / (2 * e) - g.re) < 1e-8);
      CHECK(std::abs((loss(q + Z(0, e)) - loss(q - Z(0, e))) / (2 * e) - g.im) < 1e-8);
    }
  CHECK(Reciprocal::at_least(Z(), 1e-7).value == Z());
  CHECK(Reciprocal::added(Z(), 1e-7).value == Z());
}
