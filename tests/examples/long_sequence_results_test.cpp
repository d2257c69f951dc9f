// What the test set said of runs of long_sequence: kept in their folders, and side by side as a table.
#include <filesystem>

#include "check.hpp"
#include "files.hpp"
#include "long_sequence/results.hpp"

using namespace longwave::examples;
using longwave::IoError;
using longwave::test::error_text;
using longwave::test::TemporaryFolder;

namespace {

TestResult result_of(double accuracy, longwave::index_t subsample = 1) {
  TestResult result;
  result.step = 30;
  result.subsample = subsample;
  result.rate = static_cast<double>(subsample);
  result.scores = {.loss = 0.25, .accuracy = accuracy};
  result.items = 50;
  result.parameters = 346;
  result.epochs = 3;
  result.seconds = 6;
  return result;
}

std::string made(const std::string& folder) {
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

TEST_CASE("long_sequence: a run's results stand in its folder") {
  const TemporaryFolder place;
  const std::string& folder = place.path();
  CHECK(read_test_results(folder).empty());
  write_test_result(folder, result_of(0.5), true);
  write_test_result(folder, result_of(0.25, 2), false);
  const auto results = read_test_results(folder);
  REQUIRE(results.size() == 2);
  CHECK(results[0].scores.accuracy == 0.5);
  CHECK(std::isnan(results[0].scores.mae));
  CHECK(results[1].subsample == 2);
  CHECK(results[1].rate == 2);
  CHECK(results[1].items == 50);
  CHECK(results[1].parameters == 346);
  CHECK(results[1].epochs == 3);
  CHECK(results[1].seconds == 6);
  write_test_result(folder, result_of(0.75), true);  // trained anew
  CHECK(read_test_results(folder).size() == 1);
}

TEST_CASE("long_sequence: runs that differ in their seeds are one row") {
  const TemporaryFolder place;
  const std::string& folder = place.path();
  write_test_result(made(folder + "/s4/seed0"), result_of(0.5), true);
  write_test_result(folder + "/s4/seed0", result_of(0.25, 2), false);
  write_test_result(folder + "/s4/seed0", result_of(0.375, 2), false);  // the later one counts
  write_test_result(made(folder + "/s4/seed1"), result_of(0.75), true);
  write_test_result(made(folder + "/numbers"), result_of(NAN), true);
  made(folder + "/unfinished/seed0");

  CHECK(results_table(find_runs(folder)) ==
        "| run | parameters | epochs | s per epoch | test | one of 2 samples |\n"
        "|---|---|---|---|---|---|\n"
        "| numbers | 346 | 3 | 2 | 0.25 |  |\n"
        "| s4 | 346 | 3 | 2 | 62.50 % +- 17.68 (2) | 37.50 % |\n");
  const std::vector<RunGroup> one = find_runs(folder + "/s4/seed1");
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "s4");
  CHECK(find_runs(folder + "/s4")[0].name == "s4");
  CHECK(error_text<IoError>([&] { (void)find_runs(folder + "/unfinished"); }).find("test.jsonl") != std::string::npos);
  CHECK(error_text<IoError>([&] { (void)find_runs(folder + "/none"); }).find("no folder") != std::string::npos);
}
