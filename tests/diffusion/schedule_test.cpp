#include "longwave/diffusion/schedule.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("schedule: the linear one has the published values") {
  const auto s = NoiseSchedule::linear(200, 1e-4, 0.02);
  CHECK(s.steps() == 200);
  CHECK(s.beta(0) == 1e-4);
  CHECK(s.beta(199) == Approx(0.02).epsilon(1e-15));
  CHECK(std::abs(s.alpha_bar(0) - 0.9999) < 1e-12);
  CHECK(std::abs(s.alpha_bar(1) - 0.99970002) < 5e-9);
  CHECK(std::abs(s.alpha_bar(99) - 0.60248031) < 5e-9);
  CHECK(std::abs(s.alpha_bar(199) - 0.13218275) < 5e-9);
  CHECK(s.sigma(0) == Approx(0.01).epsilon(1e-14));  // sqrt(beta_0), where the formula would say 0
  CHECK(std::abs(s.sigma(1) - 0.00816524) < 5e-9);
  CHECK(std::abs(s.sigma(199) - 0.14120138) < 5e-9);
}

TEST_CASE("schedule: products and deviations agree with their definitions") {
  for (const index_t T : {1, 2, 7, 50}) {
    const auto linear = NoiseSchedule::linear(T, 1e-3, 0.1), quadratic = NoiseSchedule::quadratic(T, 1e-3, 0.1);
    const auto cosine = NoiseSchedule::cosine(T);
    for (const NoiseSchedule* s : {&linear, &quadratic, &cosine}) {
      REQUIRE(s->steps() == T);
      double product = 1;
      for (index_t t = 0; t < T; ++t) {
        const double before = product;
        product *= s->alpha(t);
        CHECK(s->alpha(t) == 1 - s->beta(t));
        CHECK(s->alpha_bar(t) == Approx(product).epsilon(1e-14));
        const double variance = t == 0 ? s->beta(0) : s->beta(t) * (1 - before) / (1 - product);
        CHECK(s->sigma(t) * s->sigma(t) == Approx(variance).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("schedule: quadratic steps are even in the root of beta") {
  const auto s = NoiseSchedule::quadratic(50, 1e-4, 0.5);  // as CSDI has it
  CHECK(s.beta(0) == Approx(1e-4).epsilon(1e-14));
  CHECK(s.beta(49) == Approx(0.5).epsilon(1e-14));
  for (index_t t = 1; t < 49; ++t)
    CHECK(std::sqrt(s.beta(t)) == Approx((std::sqrt(s.beta(t - 1)) + std::sqrt(s.beta(t + 1))) / 2).epsilon(1e-12));
}

TEST_CASE("schedule: the cosine one follows its alpha_bar until beta is cut") {
  const double want[] = {
      0.02790726288603096, 0.07549363729672243, 0.12439598636904847, 0.17718952540157384, 0.23728153019052478,
      0.30988344010857216, 0.40400314303967555, 0.5369981776428854,  0.743829366895427,   0.999};
  const auto s = NoiseSchedule::cosine(10);
  const auto f = [](double t) { return std::pow(std::cos((t / 10 + 0.008) / 1.008 * std::numbers::pi / 2), 2); };
  for (index_t t = 0; t < 10; ++t) CHECK(s.beta(t) == Approx(want[t]).epsilon(1e-12));
  for (index_t t = 0; t < 9; ++t) CHECK(s.alpha_bar(t) == Approx(f(double(t + 1)) / f(0)).epsilon(1e-12));
  CHECK(NoiseSchedule::cosine(10, 0.008, 0.5).beta(9) == 0.5);
}

TEST_CASE("schedule: one of fewer steps has the same alpha_bar where it stops") {
  const auto s = NoiseSchedule::linear(200, 1e-4, 0.02);
  const std::vector<index_t> some = {0, 3, 4, 77, 198};
  const auto r = s.respaced(some);
  REQUIRE(r.steps() == 5);
  for (index_t i = 0; i < 5; ++i)
    CHECK(r.alpha_bar(i) == Approx(s.alpha_bar(some[static_cast<std::size_t>(i)])).epsilon(1e-14));
  CHECK(r.beta(2) == s.beta(4));
  const auto all = s.respaced(even_steps(200, 200));
  CHECK(relative_error(all.beta, s.beta) == 0);
  CHECK(relative_error(all.sigma, s.sigma) == 0);
}

TEST_CASE("schedule: even steps reach both ends") {
  CHECK(even_steps(200, 1) == std::vector<index_t>{199});
  CHECK(even_steps(200, 2) == std::vector<index_t>{0, 199});
  CHECK(even_steps(10, 4) == std::vector<index_t>{0, 3, 6, 9});
  CHECK(even_steps(1, 1) == std::vector<index_t>{0});
  for (const index_t count : {3, 7, 20, 199, 200}) {
    const auto steps = even_steps(200, count);
    CHECK(steps.front() == 0);
    CHECK(steps.back() == 199);
    CHECK_NOTHROW(detail::check_steps("test", steps, 200));  // so they increase
  }
}

TEST_CASE("schedule: steps are spaced as they are named, and always increase") {
  const auto s = NoiseSchedule::linear(200, 1e-4, 0.02);
  CHECK(spaced_steps(s, 5, Spacing::even) == even_steps(200, 5));
  CHECK(spaced_steps(s, 5, Spacing::leading) == std::vector<index_t>{0, 40, 80, 120, 160});
  CHECK(spaced_steps(s, 5, Spacing::trailing) == std::vector<index_t>{39, 79, 119, 159, 199});
  CHECK(spaced_steps(s, 5, Spacing::quadratic) == std::vector<index_t>{0, 12, 50, 112, 199});
  const auto by_snr = spaced_steps(s, 5, Spacing::log_snr);
  const auto snr = [&](std::size_t i) { return detail::log_snr(s.alpha_bar(by_snr[i])); };
  for (std::size_t i = 1; i < 5; ++i) CHECK(snr(i) - snr(i - 1) == Approx((snr(4) - snr(0)) / 4).epsilon(0.15));
  for (const Spacing how : {Spacing::even, Spacing::leading, Spacing::trailing, Spacing::quadratic, Spacing::log_snr}) {
    CHECK(spaced_steps(s, 1, how) == std::vector<index_t>{199});
    for (const index_t count : {2, 3, 7, 20, 150, 199, 200}) {
      const auto steps = spaced_steps(s, count, how);
      CHECK(static_cast<index_t>(steps.size()) == count);
      CHECK_NOTHROW(detail::check_steps("test", steps, 200));
      if (how != Spacing::trailing) CHECK(steps.front() == 0);
      if (how != Spacing::leading) CHECK(steps.back() == 199);
    }
  }
  for (const char* name : {"even", "leading", "trailing", "quadratic", "log_snr"}) CHECK_NOTHROW(spacing(name));
  CHECK(spacing("trailing") == Spacing::trailing);
  CHECK(error_text<ValueError>([] { spacing("odd"); }) ==
        "spacing: 'odd' is not one of even, leading, trailing, quadratic, log_snr");
}

TEST_CASE("schedule: the posterior has the published values, and at step 0 it is the data") {
  const auto s = NoiseSchedule::linear(20, 1e-4, 0.02);
  const Posterior q(s);
  CHECK(std::abs(s.alpha_bar(10) - 0.94277893) < 5e-9);
  CHECK(std::abs(s.alpha_bar(19) - 0.8167771) < 5e-8);
  CHECK(q.variance(0) == 0);
  CHECK(std::abs(q.variance(1) - 9.1992e-5) < 5e-10);
  CHECK(std::abs(q.variance(10) - 8.71193e-3) < 5e-9);
  CHECK(std::abs(q.variance(19) - 1.81805e-2) < 5e-8);
  CHECK(q.from_x0(0) == 1);
  CHECK(q.from_xt(0) == 0);
  CHECK(std::abs(q.from_x0(1) - 0.91986984) < 5e-9);
  CHECK(std::abs(q.from_x0(19) - 0.09965268) < 5e-9);
  CHECK(std::abs(q.from_xt(1) - 0.08013014) < 5e-9);
  CHECK(std::abs(q.from_xt(19) - 0.89988766) < 5e-9);
}

TEST_CASE("schedule: errors name the number") {
  CHECK(error_text<ValueError>([] { NoiseSchedule::linear(0, 1e-4, 0.02); }) ==
        "NoiseSchedule::linear: T is 0, expected at least 1");
  CHECK(error_text<ValueError>([] { NoiseSchedule::linear(3, 0, 0.02); }) ==
        "NoiseSchedule: beta of step 0 is 0.000000, expected between 0 and 1");
  CHECK(error_text<ValueError>([] { NoiseSchedule::quadratic(3, 0.1, 1); }) ==
        "NoiseSchedule: beta of step 2 is 1.000000, expected between 0 and 1");
  CHECK(error_text<ValueError>([] { NoiseSchedule::linear(3, NAN, 0.02); }) ==
        "NoiseSchedule: beta of step 0 is nan, expected between 0 and 1");
  CHECK(error_text<ValueError>([] { NoiseSchedule::cosine(10, -1); }) ==
        "NoiseSchedule::cosine: s is -1.000000, expected at least 0");
  CHECK(error_text<ValueError>([] { NoiseSchedule::from_beta({}); }) == "NoiseSchedule: no steps");
  const auto s = NoiseSchedule::linear(5, 1e-4, 0.02);
  const auto respace = [&](std::vector<index_t> steps) { return error_text<ValueError>([&] { s.respaced(steps); }); };
  CHECK(respace({}) == "NoiseSchedule::respaced: no steps");
  CHECK(respace({0, 5}) == "NoiseSchedule::respaced: step number 1 is 5, expected 0 to 4");
  CHECK(respace({-1}) == "NoiseSchedule::respaced: step number 0 is -1, expected 0 to 4");
  CHECK(respace({2, 2}) == "NoiseSchedule::respaced: step number 1 is 2 after 2, expected increasing steps");
  CHECK(error_text<ValueError>([] { even_steps(5, 6); }) == "even_steps: count is 6, expected 1 to T = 5");
}
