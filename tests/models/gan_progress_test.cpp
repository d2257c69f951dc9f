#include "longwave/models/gan_progress.hpp"

#include <functional>
#include <string>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr double d_eq = 2 * 0.69314718055994531, g_eq = 0.69314718055994531;

// Epochs (from 1) until the rule stops, at most `most`; 0 if it never does.
int stops_after(GanStopping& rule, int most, const std::function<GanLosses(int)>& losses) {
  for (int epoch = 1; epoch <= most; ++epoch)
    if (rule.stop(losses(epoch))) return epoch;
  return 0;
}

GanPattern pattern(int epochs, const std::function<GanLosses(int)>& losses) {
  std::vector<GanLosses> all;
  for (int epoch = 1; epoch <= epochs; ++epoch) all.push_back(losses(epoch));
  return diagnose_gan(all).pattern;
}

}  // namespace

TEST_CASE("gan stopping: the equilibrium is 2 ln 2 and ln 2") {
  CHECK(gan_equilibrium.discriminator == Approx(1.386294361));
  CHECK(gan_equilibrium.generator == Approx(0.693147181));
  CHECK(equilibrium_distance({d_eq, g_eq + 0.2}) == Approx(0.2));
  CHECK(equilibrium_distance({d_eq - 0.3, g_eq + 0.2}) == Approx(0.3));
}

TEST_CASE("gan stopping: off never stops") {
  GanStopping rule(GanStopRule::off);
  CHECK(stops_after(rule, 50, [](int) { return GanLosses{0.5, 1}; }) == 0);
  CHECK(std::string(rule.reason()).empty());
  CHECK(rule.epochs().size() == 50);
}

TEST_CASE("gan stopping: normal wants a jump from far to the target") {
  GanStopping jumps(GanStopRule::normal);
  const double ds[] = {1.3, 1.2, 0.81, 0.54, 0.5};
  CHECK(stops_after(jumps, 5, [&](int e) { return GanLosses{ds[e - 1], 1}; }) == 4);
  CHECK(std::string(jumps.reason()) == "the discriminator's loss has come to its target");
  GanStopping glides(GanStopRule::normal);
  CHECK(stops_after(glides, 40, [&](int e) { return GanLosses{1.3 - 0.04 * (e - 1), 1}; }) == 0);
  GanStopping corrected(GanStopRule::normal, d_eq);
  const double up[] = {0.5, 1.05, 1.36};
  CHECK(stops_after(corrected, 3, [&](int e) { return GanLosses{up[e - 1], 1}; }) == 3);
  CHECK(error_text<ValueError>([] { GanStopping(GanStopRule::normal, INFINITY); }) ==
        "GanStopping: the target is not a finite number");
}

TEST_CASE("gan stopping: adv stops without improvement, at a standstill and when both rise") {
  // Improving until epoch 5, then never again.
  GanStopping stale(GanStopRule::adv);
  auto worse = [](int e) {
    const double wave = e % 2 == 0 ? 0.01 : 0.0;
    return e <= 5 ? GanLosses{1.0 - 0.05 * e, 1.0 - 0.05 * e} : GanLosses{0.9 + wave, 0.75};
  };
  CHECK(stops_after(stale, 40, worse) == 17);
  CHECK(std::string(stale.reason()) == "no improvement of either loss for 12 epochs");

  GanStopping still(GanStopRule::adv);  // falling too slowly to count as moving, improving by more than 1e-4
  CHECK(stops_after(still, 40, [](int e) { return GanLosses{0.9 - 0.0002 * e, 0.9 - 0.0002 * e}; }) == 10);
  CHECK(std::string(still.reason()) == "both losses have stood still for 10 epochs");

  GanStopping rising(GanStopRule::adv);
  CHECK(stops_after(rising, 40, [](int e) { return GanLosses{0.9 + 0.01 * e, 0.9 + 0.01 * e}; }) == 10);
  CHECK(std::string(rising.reason()) == "both losses have risen over 10 epochs");

  GanStopping falling(GanStopRule::adv);
  CHECK(stops_after(falling, 40, [](int e) { return GanLosses{1.4 - 0.02 * e, 0.9 + 0.01 * e}; }) == 0);
}

TEST_CASE("gan stopping: eq stops at the equilibrium, but not where training starts") {
  GanStopping idle(GanStopRule::eq);
  CHECK(stops_after(idle, 50, [](int) { return GanLosses{d_eq + 0.01, g_eq}; }) == 0);
  GanStopping returns(GanStopRule::eq);
  auto away = [](int e) { return e < 10 ? GanLosses{d_eq - 0.2, g_eq + 0.3} : GanLosses{d_eq - 0.04, g_eq + 0.04}; };
  CHECK(stops_after(returns, 50, away) == 12);
  CHECK(std::string(returns.reason()) == "both losses have been at their equilibrium for 3 epochs");
  GanStopping restless(GanStopRule::eq);
  CHECK(stops_after(restless, 50, [](int e) { return GanLosses{d_eq - (e % 3 == 0 ? 0.2 : 0.0), g_eq}; }) == 0);
}

TEST_CASE("gan diagnosis: every pattern is told from the others") {
  CHECK(pattern(4, [](int) { return GanLosses{d_eq, g_eq}; }) == GanPattern::too_few);
  CHECK(pattern(20, [](int) { return GanLosses{d_eq, g_eq}; }) == GanPattern::idle);
  CHECK(pattern(20, [](int e) { return GanLosses{1.38 - 0.02 * e, 0.7 + 0.01 * e}; }) == GanPattern::moving);
  CHECK(pattern(20, [](int e) {
          return GanLosses{0.6 - 0.02 * e, 1.5 + 0.1 * e};
        }) == GanPattern::discriminator_winning);
  CHECK(pattern(20, [](int) { return GanLosses{0.5, 1.6}; }) == GanPattern::discriminator_winning);
  CHECK(pattern(20, [](int e) { return GanLosses{1.6 + 0.01 * e, 0.4 - 0.01 * e}; }) == GanPattern::generator_winning);
  CHECK(pattern(20, [](int e) { return GanLosses{1.2 + (e % 2 == 0 ? 0.2 : -0.2), 0.8}; }) == GanPattern::oscillating);
  CHECK(pattern(20, [](int e) { return GanLosses{1.2, 1.2 + (e % 4 < 2 ? 0.4 : -0.4)}; }) == GanPattern::oscillating);
  CHECK(pattern(20, [](int) { return GanLosses{1.0, 1.1}; }) == GanPattern::stuck);
  CHECK(pattern(20, [](int e) {
          return e < 10 ? GanLosses{1.0, 1.1} : GanLosses{d_eq - 0.05, g_eq + 0.05};
        }) == GanPattern::balanced);
}

TEST_CASE("gan diagnosis: each comes with its name and an advice") {
  const std::vector<GanLosses> epochs(10, GanLosses{1.0, 1.1});
  const GanDiagnosis stuck = diagnose_gan(epochs);
  CHECK(std::string(stuck.name) == "stuck at the wrong equilibrium");
  CHECK(std::string(stuck.advice).find("2 ln 2") != std::string::npos);
  CHECK(value_of_name("early_stop", "eq", gan_stop_rules) == GanStopRule::eq);
  CHECK(error_text<ValueError>([] { value_of_name("early_stop", "x", gan_stop_rules); }) ==
        "early_stop: 'x' is unknown, expected one of off, normal, adv, eq");
}
