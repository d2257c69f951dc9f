#include "longwave/state_space/hippo.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

const Measure decomposable[] = {Measure::legs,     Measure::legt,  Measure::fourier,   Measure::fourier_decay,
                                Measure::fourier2, Measure::foud,  Measure::legsd,     Measure::lagt,
                                Measure::tlagt,    Measure::glagt, Measure::legt_sssd, Measure::fourier_sssd};

}  // namespace

TEST_CASE("hippo: the published legs matrix of size 4") {
  const Transition t = transition(parse_measure("legs"), 4);
  const double A[4][4] = {{-1, 0, 0, 0},
                          {-1.73205081, -2, 0, 0},
                          {-2.23606798, -3.87298335, -3, 0},
                          {-2.64575131, -4.58257569, -5.91607978, -4}};
  for (index_t i = 0; i < 4; ++i) {
    CHECK(t.B(i) == Approx(std::sqrt(2.0 * static_cast<double>(i) + 1)));
    for (index_t j = 0; j < 4; ++j) CHECK(t.A(i, j) == Approx(A[i][j]).margin(1e-8));
  }
}

TEST_CASE("hippo: the other measures, entry by entry where they differ") {
  const double pi = std::numbers::pi, root2 = std::numbers::sqrt2;
  const auto A = [](Measure m, index_t i, index_t j) { return transition(m, 6).A(i, j); };
  const auto B = [](Measure m, index_t i) { return transition(m, 6).B(i); };

  CHECK(A(Measure::legt, 3, 0) == Approx(-std::sqrt(7.0) / 2));
  CHECK(A(Measure::legt, 0, 3) == Approx(std::sqrt(7.0) / 2));
  CHECK(A(Measure::legt, 0, 2) == Approx(-std::sqrt(5.0) / 2));
  CHECK(B(Measure::legt, 2) == Approx(std::sqrt(5.0) / 2));
  CHECK(A(Measure::legt_sssd, 3, 0) == Approx(-std::sqrt(7.0)));
  CHECK(B(Measure::legt_sssd, 2) == Approx(std::sqrt(5.0)));

  CHECK(A(Measure::fourier, 4, 5) == Approx(-2 * pi));
  CHECK(A(Measure::fourier, 5, 4) == Approx(2 * pi));
  CHECK(A(Measure::fourier, 0, 0) == Approx(-1));
  CHECK(A(Measure::fourier, 2, 0) == Approx(-root2));
  CHECK(A(Measure::fourier, 1, 2) == 0);
  CHECK(A(Measure::fourier_decay, 2, 4) == Approx(-1));
  CHECK(B(Measure::fourier_decay, 2) == Approx(root2 / 2));
  CHECK(A(Measure::fourier2, 2, 3) == Approx(-2 * pi));
  CHECK(A(Measure::fourier2, 2, 4) == Approx(-4));
  CHECK(B(Measure::fourier2, 0) == Approx(2));
  CHECK(A(Measure::foud, 2, 3) == Approx(-2 * pi));
  CHECK(A(Measure::foud, 3, 3) == Approx(-0.5));
  CHECK(A(Measure::foud, 2, 4) == 0);
  CHECK(B(Measure::foud, 2) == Approx(root2));
  CHECK(A(Measure::fourier_sssd, 2, 3) == Approx(2 * pi));
  CHECK(A(Measure::fourier_sssd, 3, 2) == Approx(-2 * pi));
  CHECK(A(Measure::fourier_sssd, 1, 3) == Approx(-1));
  CHECK(A(Measure::fourier_sssd, 1, 2) == 0);
  CHECK(B(Measure::fourier_sssd, 3) == 0);

  CHECK(A(Measure::lagt, 2, 2) == -0.5);
  CHECK(A(Measure::tlagt, 2, 2) == -1);
  CHECK(A(Measure::glagt, 2, 2) == Approx(-0.505));
  CHECK(B(Measure::glagt, 5) == Approx(0.1));
  for (const Measure m : {Measure::lagt, Measure::tlagt, Measure::glagt}) {
    CHECK(A(m, 4, 1) == -1);
    CHECK(A(m, 1, 4) == 0);
  }
  CHECK(A(Measure::lmu, 1, 3) == -3);
  CHECK(A(Measure::lmu, 3, 1) == -7);
  CHECK(A(Measure::lmu, 3, 2) == 7);
  CHECK(A(Measure::lmu, 2, 2) == -5);
  CHECK(B(Measure::lmu, 3) == -7);
  CHECK(A(Measure::legsd, 2, 1) == Approx(-std::sqrt(15.0) / 2));
  CHECK(A(Measure::legsd, 1, 2) == Approx(std::sqrt(15.0) / 2));
  CHECK(A(Measure::legsd, 2, 2) == Approx(-0.5));
  CHECK(B(Measure::legsd, 2) == Approx(std::sqrt(5.0) / 2));
}

TEST_CASE("hippo: drawn matrices come from the generator and nowhere else") {
  Generator a(3), b(3);
  const Transition t = transition(Measure::random, 5, &a), same = transition(Measure::random, 5, &b);
  CHECK(relative_error(t.A, same.A) == 0);
  CHECK(relative_error(t.B, same.B) == 0);
  const Transition d = transition(Measure::diagonal, 5, &a);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 5; ++j) CHECK((i == j ? d.A(i, j) < 0 : d.A(i, j) == 0));
  CHECK(error_text<ValueError>([] { transition(Measure::random, 4); }) ==
        "hippo random: the matrix is drawn, a Generator is needed");
}

TEST_CASE("hippo: the correction of low rank leaves a multiple of I plus a skew matrix") {
  for (const Measure m : decomposable)
    for (const index_t N : {2, 6, 16}) {
      const Transition t = transition(m, N);
      const Tensor<double, 2> P = rank_correction(m, N, 3);
      double scale = 1, worst = 0;
      Tensor<double, 2> S = t.A.clone();
      for (index_t i = 0; i < N; ++i)
        for (index_t j = 0; j < N; ++j)
          for (index_t r = 0; r < 3; ++r) S(i, j) += P(r, i) * P(r, j);
      for (index_t i = 0; i < N; ++i)
        for (index_t j = 0; j < N; ++j) {
          worst = std::max(worst, std::abs(S(i, j) + S(j, i) - (i == j ? 2 * S(0, 0) : 0)));
          scale = std::max(scale, std::abs(S(i, j)));
        }
      INFO(to_string(m) << " N " << N);
      CHECK(worst < 1e-14 * scale);
      CHECK(P(2, 0) == 0);
    }
}

TEST_CASE("hippo: names, sizes and ranks that do not exist are errors that say what does") {
  CHECK(
      error_text<ValueError>([] { parse_measure("lags"); }) ==
      "unknown measure 'lags', expected one of legs, legt, fourier, fout, fourier_decay, fourier2, foud, legsd, lagt, "
      "tlagt, glagt, lmu, random, diagonal, legt_sssd, fourier_sssd");
  for (const auto& entry : detail::measure_names) CHECK(parse_measure(entry.name) == entry.measure);
  CHECK(to_string(parse_measure("fout")) == "fourier");
  CHECK(transition(Measure::legt, 5).B.size(0) == 5);  // only blocks and decompositions need pairs
  CHECK(error_text<ValueError>([] { transition(Measure::fourier, 5); }) ==
        "hippo fourier: N is 5, expected an even number: the states come in pairs");
  CHECK(error_text<ValueError>([] { transition(Measure::legs, 0); }).find("N is 0, expected 1 to 2048") !=
        std::string::npos);
  CHECK(error_text<ValueError>([] { rank_correction(Measure::legt, 4, 1); }) ==
        "hippo legt: rank is 1, expected at least 2");
  CHECK(error_text<ValueError>([] { rank_correction(Measure::legs, 4, 0); }) ==
        "hippo legs: rank is 0, expected at least 1");
}
