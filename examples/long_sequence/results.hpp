// results.hpp - what the test set said of a run, kept in its folder as lines of test.jsonl, and tables of such runs.
#pragma once

#include <string>
#include <vector>

#include "long_sequence/judge.hpp"

namespace longwave::examples {

struct TestResult {
  index_t step = 0, subsample = 1;
  double rate = 1;
  Scores scores;
  index_t items = 0, parameters = 0, epochs = 0;
  double seconds = 0;  // in training steps
};
TestResult test_result(Trained& trained, const Judgement& test, index_t subsample, double rate);

// Of the folder's run. The first line is of the run as it was trained, `afresh` begins with it.
void write_test_result(const std::string& folder, const TestResult& result, bool afresh);
std::vector<TestResult> read_test_results(const std::string& folder);  // empty: there are none

// Runs that differ in their seeds only: those in folders seed<N> of one folder, or one run alone.
struct RunGroup {
  std::string name;  // of the folder, seen from where the search began
  std::vector<std::vector<TestResult>> runs;
};
// All in a folder and below it, by name. ValueError: there are none.
std::vector<RunGroup> find_runs(const std::string& folder);

// Markdown, a row per group: mean and deviation over its runs.
std::string results_table(const std::vector<RunGroup>& groups);

}  // namespace longwave::examples
