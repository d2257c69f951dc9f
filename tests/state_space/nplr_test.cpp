#include "longwave/state_space/nplr.hpp"

#include <vector>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Z = std::complex<double>;

const Measure decomposable[] = {Measure::legs,     Measure::legt,  Measure::fourier,   Measure::fourier_decay,
                                Measure::fourier2, Measure::foud,  Measure::legsd,     Measure::lagt,
                                Measure::tlagt,    Measure::glagt, Measure::legt_sssd, Measure::fourier_sssd};

// [V conj(V)] diag(values, conj(values)) [V conj(V)]^*: back from the kept half to the real basis.
Tensor<double, 2> from_modes(const Tensor<complex<double>, 2>& V, const Tensor<complex<double>, 1>& values) {
  const index_t N = V.size(0);
  Tensor<double, 2> S(N, N);
  for (index_t i = 0; i < N; ++i)
    for (index_t j = 0; j < N; ++j)
      for (index_t n = 0; n < N / 2; ++n) S(i, j) += 2 * (V(i, n) * values(n) * conj(V(j, n))).re;
  return S;
}

double largest(const Tensor<double, 2>& a) {
  double m = 0;
  for (index_t i = 0; i < a.count(); ++i) m = std::max(m, std::abs(a.data()[i]));
  return m;
}

}  // namespace

TEST_CASE("nplr: diag(A) - P P^* in the basis V is the matrix it came from, for every measure") {
  for (const Measure m : decomposable)
    for (const index_t N : {2, 4, 10, 32}) {
      const Nplr d = nplr(m, N, 2);
      const Transition t = transition(m, N);
      const Tensor<double, 2> P = rank_correction(m, N, 2);
      Tensor<double, 2> A = from_modes(d.V, d.A);
      double worst = 0;
      for (index_t i = 0; i < N; ++i) {
        complex<double> b;
        for (index_t n = 0; n < N / 2; ++n) b += d.V(i, n) * d.B(n);
        worst = std::max(worst, std::abs(2 * b.re - t.B(i)));
        for (index_t j = 0; j < N; ++j)
          worst = std::max(worst, std::abs(A(i, j) - P(0, i) * P(0, j) - P(1, i) * P(1, j) - t.A(i, j)));
        for (index_t r = 0; r < 2; ++r) {
          complex<double> p;
          for (index_t n = 0; n < N / 2; ++n) p += d.V(i, n) * d.P(r, n);
          worst = std::max(worst, std::abs(2 * p.re - P(r, i)));
        }
      }
      INFO(to_string(m) << " N " << N);
      CHECK(worst < 1e-13 * static_cast<double>(N) * std::max(1.0, largest(t.A)));  // backward error of the solver
      for (index_t n = 0; n < N / 2; ++n) {
        CHECK(d.A(n).im <= 0);
        CHECK(d.A(n).re == d.A(0).re);
        CHECK(d.A(n).re <= 0);
        if (n > 0) CHECK(d.A(n).im > d.A(n - 1).im);
      }
    }
}

TEST_CASE("nplr: the published eigenvalues") {
  const auto check = [](Measure m, index_t N, std::vector<double> first, std::vector<double> last) {
    const Nplr d = nplr(m, N, m == Measure::legt ? 2 : 1);
    for (std::size_t n = 0; n < first.size(); ++n)
      CHECK(std::abs(d.A(static_cast<index_t>(n)).im + first[n]) < 6e-6);  // five decimals are published
    for (std::size_t n = 0; n < last.size(); ++n)
      CHECK(std::abs(d.A(N / 2 - static_cast<index_t>(last.size() - n)).im + last[n]) < 1e-8);
  };
  check(Measure::legs, 4, {}, {4.60329301, 0.55650112});
  check(Measure::legs, 64, {1303.27384, 433.03076, 258.15221, 182.62041}, {1.70296817, 0.90585941, 0.26385693});
  check(Measure::legt, 4, {}, {3.60239165, 1.42224274});
  check(Measure::legt, 64, {662.62038, 642.22391}, {1.55852323});
  check(Measure::fourier, 64, {97.389372, 94.247780}, {3.14159265, 0});
  CHECK(nplr(Measure::legs, 64).A(0).re == Approx(-0.5).epsilon(1e-12));
}

TEST_CASE("nplr: the published B and P of legs; 11 of 32 modes are clipped at 2") {
  const Nplr four = nplr(Measure::legs, 4);
  const double B[] = {2.65801507, 0.96693117}, P[] = {1.87950048, 0.68372359};
  for (index_t n = 0; n < 2; ++n) {
    CHECK(std::abs(Z(four.B(n))) == Approx(B[n]).epsilon(1e-8));
    CHECK(std::abs(Z(four.P(0, n))) == Approx(P[n]).epsilon(1e-8));
  }
  const Nplr exact = nplr(Measure::legs, 64), cut = nplr(Measure::legs, 64, 1, 2.0);
  const Z first[] = {{0.0156344, 40.751838}, {0.0157098, 13.605626}, {0.0158607, 8.189033}};
  double largest_re = 0;
  int clipped = 0;
  for (index_t n = 0; n < 32; ++n) {
    if (n < 3) CHECK(std::abs(Z(exact.B(n)) - first[n]) < 1e-6);  // six decimals are published
    largest_re = std::max(largest_re, std::abs(exact.B(n).re));
    clipped += std::abs(exact.B(n).im) > 2;
    CHECK(cut.B(n).re == exact.B(n).re);
    CHECK(cut.B(n).im == std::clamp(exact.B(n).im, -2.0, 2.0));
    CHECK(exact.V(0, n).im == 0);
    CHECK(exact.V(0, n).re > 0);
  }
  CHECK(largest_re == Approx(0.5258).margin(5e-5));
  CHECK(clipped == 11);
}

TEST_CASE("nplr: the published frequencies from which DSS starts") {
  const Tensor<double, 1> four = skew_frequencies(4), many = skew_frequencies(64);
  const double want[] = {19.85741037, 5.35420852, 1.95779415, 0.42748871};
  for (index_t n = 0; n < 4; ++n) CHECK(std::abs(four(n) - want[n]) < 1e-8);
  const double first[] = {5214.66561, 1736.82621, 1040.42254, 741.36913};
  for (index_t n = 0; n < 4; ++n) CHECK(std::abs(many(n) - first[n]) < 6e-6);
  CHECK(std::abs(many(62) - 0.78269061) < 1e-8);
  CHECK(std::abs(many(63) - 0.2352418) < 1e-7);
}

TEST_CASE("nplr: sizes, ranks and measures that cannot be decomposed are errors") {
  CHECK(error_text<ValueError>([] { nplr(Measure::legs, 7); }) ==
        "hippo legs: N is 7, expected an even number: the states come in pairs");
  CHECK(error_text<ValueError>([] { nplr(Measure::legs, 4096); }).find("lin, inv and quad") != std::string::npos);
  CHECK(error_text<ValueError>([] { nplr(Measure::legt, 4, 1); }) == "hippo legt: rank is 1, expected at least 2");
  CHECK(error_text<ValueError>([] { nplr(Measure::lmu, 4); }) == "hippo lmu: has no correction of low rank");
  CHECK(error_text<ValueError>([] { nplr(Measure::legs, 4, 1, -1.0); }) ==
        "nplr: B_clip is -1.000000, expected none or at least 0");
}
