#include "longwave/state_space/init.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Z = std::complex<double>;
constexpr double pi = std::numbers::pi;

SsmInit make(SsmInitOptions o, std::uint64_t seed = 1) {
  Generator gen(seed);
  return ssm_init(o, gen);
}

bool same(TensorView<const complex<double>, 1> a, TensorView<const complex<double>, 1> b) {
  for (index_t n = 0; n < a.size(0); ++n)
    if (!(a(n) == b(n))) return false;
  return a.size(0) == b.size(0);
}

double distance(complex<double> a, Z b) { return std::abs(Z(a) - b); }

}  // namespace

TEST_CASE("ssm_init: the diagonal initialisations by their formulas") {
  const index_t N = 10;
  const auto A = [&](const char* init, index_t n) { return make({.init = init, .d_state = N}).A(0, n); };
  for (index_t n = 0; n < N / 2; ++n) {
    const auto k = static_cast<double>(n);
    CHECK(distance(A("diag-lin", n), {-0.5, -pi * k}) < 1e-12);
    CHECK(distance(A("diag-inv", n), {-0.5, -10 / pi * (10 / (2 * k + 1) - 1)}) < 1e-12);
    CHECK(distance(A("diag-inv2", n), {-0.5, -10 / pi * (10 / (k + 1) - 1)}) < 1e-12);
    CHECK(distance(A("diag-quad", n), {-0.5, -(2 * k + 1) * (2 * k + 1) / pi}) < 1e-12);
    CHECK(A("diag-real", n) == complex<double>(-(k + 1), 0));
    CHECK(distance(A("diag-legs", n), {-0.5, nplr(Measure::legs, N).A(n).im}) < 1e-12);
    CHECK(A("diag-rand", n).im < 0);
    CHECK(A("diag-linear", n) == A("dplr-lin", n));
    CHECK(A("diag-hippo", n) == A("diag-legs", n));
  }
}

TEST_CASE("ssm_init: scales and random parts of A") {
  const SsmInit scaled = make({.init = "diag-lin", .d_state = 8, .real_scale = 3, .imag_scale = 0.5});
  CHECK(distance(scaled.A(0, 2), {-1.5, -pi}) < 1e-12);
  const SsmInit drawn = make({.init = "diag-lin", .d_state = 64, .n_ssm = 4, .real_random = true, .imag_random = true});
  double re = 0, im = 0;
  for (index_t s = 0; s < 4; ++s)
    for (index_t n = 0; n < 32; ++n) {
      CHECK((drawn.A(s, n).re < 0 && drawn.A(s, n).re > -1));
      CHECK((drawn.A(s, n).im < 0 && drawn.A(s, n).im > -32 * pi));
      re -= drawn.A(s, n).re / 128;
      im -= drawn.A(s, n).im / 128;
    }
  CHECK(re == Approx(0.5).margin(0.1));  // four deviations of the mean of 128 uniform numbers
  CHECK(im == Approx(16 * pi).margin(3.3 * pi));
  CHECK_FALSE(drawn.A(0, 0) == drawn.A(1, 0));
  const SsmInit real = make({.init = "diag-real", .d_state = 8, .real_random = true, .real_scale = 100});
  for (index_t n = 0; n < 4; ++n) CHECK((real.A(0, n).re < 0 && real.A(0, n).re > -4 && real.A(0, n).im == 0));
}

TEST_CASE("ssm_init: the initialisations of B") {
  const auto B = [](const char* B_init, index_t n, double scale = 1) {
    return make({.init = "diag-lin", .d_state = 6, .B_init = B_init, .B_scale = scale}).B(0, n);
  };
  CHECK(B("constant", 2) == complex<double>(1));
  CHECK(B("constant", 2, 2.5) == complex<double>(2.5));
  CHECK(B("alternating", 1) == complex<double>(-1));
  CHECK(B("alternating", 2) == complex<double>(1));
  CHECK(distance(B("unit-cw", 1), std::polar(1.0, -pi / 3)) < 1e-15);
  CHECK(distance(B("unit-ccw", 2), std::polar(1.0, 2 * pi / 3)) < 1e-15);

  const SsmInit random = make({.init = "diag-inv", .d_state = 256, .n_ssm = 8, .B_init = "random"});
  double power = 0;
  for (index_t i = 0; i < random.B.count(); ++i) power += norm2(random.B.data()[i]) / 1024;
  CHECK(power == Approx(1).margin(0.15));  // four deviations of 1/32
}

TEST_CASE("ssm_init: a normalised B answers a constant input with unit variance") {
  for (const char* init : {"diag-quad", "diag-inv", "diag-legs", "dplr-lin"}) {
    const SsmInit s = make({.init = init, .d_state = 16, .n_ssm = 2, .B_scale = 3, .normalize = true});
    for (index_t copy = 0; copy < 2; ++copy) {
      double sum = 0;
      for (index_t n = 0; n < 8; ++n) sum += 2 * norm2(s.B(copy, n) / s.A(copy, n));
      CHECK(sum == Approx(1));
    }
  }
}

TEST_CASE("ssm_init: measures come by their decomposition, B cut at 2 unless told otherwise") {
  const SsmInit cut = make({.init = "legs", .d_state = 16, .rank = 2, .n_ssm = 2});
  const SsmInit exact = make({.init = "legs", .d_state = 16, .B_clip = std::nullopt});
  const Nplr want = nplr(Measure::legs, 16, 2);
  for (index_t n = 0; n < 8; ++n) {
    CHECK(cut.A(1, n) == want.A(n));
    CHECK(cut.B(1, n) == complex<double>(want.B(n).re, std::clamp(want.B(n).im, -2.0, 2.0)));
    CHECK(exact.B(0, n) == want.B(n));
    CHECK(cut.P(0, 1, n) == want.P(0, n));
    CHECK(cut.P(1, 0, n) == complex<double>());
    CHECK(cut.C(0, n) == conj(want.V(0, n)));
  }
  CHECK(same(make({.init = "fout", .d_state = 8}).A.view()[0], make({.init = "fourier", .d_state = 8}).A.view()[0]));
}

TEST_CASE("ssm_init: diag- has no P, dplr- a complex normal one") {
  const SsmInit diag = make({.init = "diag-lin", .d_state = 8, .rank = 2});
  for (index_t i = 0; i < diag.P.count(); ++i) CHECK(diag.P.data()[i] == complex<double>());
  const SsmInit dplr = make({.init = "dplr-lin", .d_state = 256, .rank = 2, .n_ssm = 4, .P_scale = 2});
  double power = 0;
  for (index_t i = 0; i < dplr.P.count(); ++i) power += norm2(dplr.P.data()[i]) / 1024;
  CHECK(power == Approx(4).margin(0.6));
  CHECK(diag.C(0, 0) == complex<double>(1));
  CHECK(diag.C(0, 1) == complex<double>());
}

TEST_CASE("ssm_init: combinations split the copies evenly and in order") {
  const auto part = [](const char* init) { return make({.init = init, .d_state = 12}); };
  const SsmInit all = make({.init = "all", .d_state = 12, .n_ssm = 8});
  const char* order[] = {"legs", "legs", "fourier", "fourier", "diag-inv", "diag-inv", "diag-lin", "diag-lin"};
  for (index_t s = 0; s < 8; ++s) {
    const SsmInit one = part(order[s]);
    CHECK(same(all.A.view()[s], one.A.view()[0]));
    CHECK(same(all.B.view()[s], one.B.view()[0]));
    CHECK(same(all.P.view()[0][s], one.P.view()[0][0]));
  }
  CHECK(same(make({.init = "hippo", .d_state = 12, .n_ssm = 2}).A.view()[1], part("fourier").A.view()[0]));
  CHECK(same(make({.init = "diag", .d_state = 12, .n_ssm = 2}).A.view()[0], part("diag-inv").A.view()[0]));
}

TEST_CASE("ssm_init: what cannot be made is an error that says what can") {
  CHECK(
      error_text<ValueError>([] { make({.init = "diag-log"}); }) ==
      "ssm_init: unknown init 'diag-log', expected hippo, diag, all, diag-NAME or dplr-NAME with NAME one of lin, inv, "
      "inv2, quad, rand, real, legs, or a measure: " +
          measure_list());
  CHECK(error_text<ValueError>([] { make({.init = "lin"}); }).find("unknown init 'lin'") != std::string::npos);
  CHECK(error_text<ValueError>([] { make({.init = "diag-lin", .B_init = "ones"}); }) ==
        "ssm_init: unknown B_init 'ones', expected one of constant, random, alternating, unit-cw, unit-ccw");
  CHECK(error_text<ValueError>([] { make({.d_state = 7}); }) ==
        "ssm_init: d_state is 7, expected an even number of at least 2: modes come in pairs");
  CHECK(error_text<ValueError>([] { make({.init = "all", .n_ssm = 6}); }) ==
        "ssm_init: n_ssm is 6, expected a multiple of 4, for init 'all' has as many parts");
  CHECK(error_text<ValueError>([] { make({.n_ssm = 0}); }).find("n_ssm is 0") != std::string::npos);
  CHECK(error_text<ValueError>([] { make({.rank = 0}); }).find("rank is 0") != std::string::npos);
  CHECK(error_text<ValueError>([] { make({.real_scale = -1}); }).find("real_scale is -1") != std::string::npos);
  CHECK(error_text<ValueError>([] { make({.init = "legt", .rank = 1}); }).find("rank is 1, expected at least 2") !=
        std::string::npos);
  CHECK(error_text<ValueError>([] { make({.init = "lmu"}); }).find("no correction of low rank") != std::string::npos);
  CHECK(error_text<ValueError>([] { make({.d_state = 4096}); }).find("N is 4096") != std::string::npos);
  CHECK(make({.init = "diag-lin", .d_state = 4096}).A.size(1) == 2048);
}

TEST_CASE("dt_init: steps lie in their range, spread over the orders of magnitude") {
  Generator gen(5);
  const Tensor<double, 2> dt = dt_init({500, 2}, 1e-3, 1e-1, false, gen);
  int small = 0;
  for (index_t i = 0; i < dt.count(); ++i) {
    CHECK((dt.data()[i] >= 1e-3 && dt.data()[i] <= 1e-1));
    small += dt.data()[i] < 1e-2;
  }
  CHECK(small == Approx(500).margin(64));  // four deviations of a fair coin thrown 1000 times
  CHECK(dt(0, 0) != dt(0, 1));

  const Tensor<double, 2> even = dt_init({5, 2}, 1e-3, 1e1, true, gen);
  for (index_t h = 0; h < 5; ++h)
    for (index_t n = 0; n < 2; ++n) CHECK(even(h, n) == Approx(1e-3 * std::pow(10.0, static_cast<double>(h))));
  CHECK(even(4, 0) == 10);
  CHECK(dt_init({1, 1}, 1e-3, 1e-1, true, gen)(0, 0) == Approx(1e-3));
  CHECK(dt_init({3, 1}, 0.1, 0.1, false, gen)(2, 0) == 0.1);
  CHECK(error_text<ValueError>([&] {
          dt_init({4, 1}, 0.1, 0.01, false, gen);
        }) == "dt_init: dt_min is 0.100000 and dt_max 0.010000, expected 0 < dt_min <= dt_max");
  for (const double low : {0.0, -1.0, double(NAN)}) CHECK_THROWS_AS(dt_init({4, 1}, low, 1, true, gen), ValueError);
  CHECK_THROWS_AS(dt_init({4, 1}, 1, double(INFINITY), true, gen), ValueError);
}

TEST_CASE("dss_lambda_init: the published values, random ones, and errors") {
  Generator gen(2);
  const Tensor<complex<double>, 1> Lambda = dss_lambda_init("hippo_skew_pos_imag", 4, gen);
  const double want[] = {19.85741037, 5.35420852, 1.95779415, 0.42748871};
  for (index_t n = 0; n < 4; ++n) CHECK(distance(Lambda(n), {-0.5, want[n]}) < 1e-8);
  const Tensor<complex<double>, 1> drawn = dss_lambda_init("randn", 2000, gen);
  double power = 0;
  for (index_t n = 0; n < 2000; ++n) power += norm2(drawn(n)) / 2000;
  CHECK(power == Approx(1).margin(0.1));
  CHECK(error_text<ValueError>([&] { dss_lambda_init("legs", 4, gen); }) ==
        "dss_lambda_init: unknown init 'legs', expected hippo_skew_pos_imag or randn");
  CHECK_THROWS_AS(dss_lambda_init("randn", 0, gen), ValueError);
}
