#include "longwave/optim/lr_schedule.hpp"

#include <vector>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class Schedule>
std::vector<double> run(Schedule schedule, int steps) {
  std::vector<double> lr{schedule.lr()};
  for (int i = 0; i < steps; ++i) {
    schedule.step();
    lr.push_back(schedule.lr());
  }
  return lr;
}

void check_close(const std::vector<double>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(std::abs(got[i] - want[i]) < 1e-15);
}

std::vector<double> run(PlateauSchedule schedule, const std::vector<double>& metrics) {
  std::vector<double> lr{schedule.lr()};
  for (double metric : metrics) {
    schedule.step(metric);
    lr.push_back(schedule.lr());
  }
  return lr;
}

}  // namespace

TEST_CASE("lr_schedule: cosine goes down to min_lr and up again") {
  const auto lr = run(CosineSchedule({.lr = 1, .steps = 4, .min_lr = 0.2}), 8);
  const double r = std::sqrt(0.5);
  check_close(lr, {1, 0.6 + 0.4 * r, 0.6, 0.6 - 0.4 * r, 0.2, 0.6 - 0.4 * r, 0.6, 0.6 + 0.4 * r, 1});
}

TEST_CASE("lr_schedule: step and exponential multiply") {
  check_close(run(StepSchedule({.lr = 0.1, .step_size = 2, .gamma = 0.5}), 5), {0.1, 0.1, 0.05, 0.05, 0.025, 0.025});
  check_close(run(ExponentialSchedule({.lr = 2, .gamma = 0.5}), 3), {2, 1, 0.5, 0.25});
}

TEST_CASE("lr_schedule: warm-up rises to lr, then a cosine ends at min_lr and stays") {
  const auto lr = run(WarmupCosineSchedule({.lr = 1, .warmup = 2, .steps = 6, .min_lr = 0.5}), 8);
  const double r = std::sqrt(0.5) / 4;
  check_close(lr, {0.5, 1, 1, 0.75 + r, 0.75, 0.75 - r, 0.5, 0.5, 0.5});
  CHECK(run(WarmupCosineSchedule({.lr = 1, .warmup = 0, .steps = 1}), 0)[0] == 1);
}

TEST_CASE("lr_schedule: plateau reduces after more than patience bad steps, and rests in the cooldown") {
  const PlateauOptions options{.lr = 1, .factor = 0.5, .patience = 1, .cooldown = 2, .min_lr = 0.2};
  // best 3 | bad, bad: reduce, rest two | bad, bad: reduce | improvement clears the count
  check_close(run(PlateauSchedule(options), {3, 4, 4, 4, 4, 4, 4}), {1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25});
  check_close(run(PlateauSchedule(options), {3, 4, 2, 4, 1, 4, NAN}), {1, 1, 1, 1, 1, 1, 1, 0.5});
}

TEST_CASE("lr_schedule: plateau can look for a maximum and an absolute threshold") {
  const PlateauOptions options{
      .lr = 1, .maximize = true, .factor = 0.1, .patience = 0, .threshold = 0.5, .relative = false};
  check_close(run(PlateauSchedule(options), {1, 1.4, 2, 2.5}), {1, 1, 0.1, 0.1, 0.01});
}

TEST_CASE("lr_schedule: a restored schedule goes on alike") {
  const PlateauOptions options{.lr = 1, .patience = 2, .cooldown = 1};
  PlateauSchedule one(options), two(options);
  for (double metric : {3.0, 4.0, 5.0}) one.step(metric);
  two.set_state(one.state());
  for (double metric : {3.5, 2.0, 3.0, 3.0, 3.0, 3.0}) {
    one.step(metric);
    two.step(metric);
    CHECK(one.lr() == two.lr());
  }
  CHECK(one.lr() == 0.1 * 0.1);
  CosineSchedule first({.lr = 1, .steps = 9}), second({.lr = 1, .steps = 9});
  first.step();
  second.set_state(first.state());
  CHECK(first.lr() == second.lr());
}

TEST_CASE("lr_schedule: options outside their range are named") {
  CHECK(error_text<ValueError>([] { CosineSchedule({.lr = 1, .steps = 0}); }) ==
        "CosineSchedule: steps is 0.000000, expected more than 0");
  CHECK(error_text<ValueError>([] { StepSchedule({.lr = NAN, .step_size = 1}); }).find("StepSchedule: lr") == 0);
  CHECK(error_text<ValueError>([] { PlateauSchedule({.lr = 1, .factor = 1}); }).find("factor") != std::string::npos);
  CHECK(error_text<ValueError>([] { WarmupCosineSchedule({.lr = 1, .warmup = 5, .steps = 5}); }).find("steps") !=
        std::string::npos);
  CHECK(error_text<ValueError>([] { ExponentialSchedule({.lr = 1, .gamma = -1}); }).find("gamma") != std::string::npos);
}
