// results.hpp - what the experiments gave, as the files of a run: JSON, Markdown, and everything else (curves, samples)
// in a second JSON file that the report and a restart read.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "mnist1d_diffusion/task.hpp"

namespace longwave::examples::mnist1d_diffusion {

// One test row with what was made for it.
struct Sample {
  int digit = 0;
  std::vector<float> target, predicted;
};

struct Record {
  Experiment experiment = {};
  std::int64_t repeat = 0, seed = 0;
  std::int64_t parameters = 0, points = 0;
  std::vector<double> losses;  // mean of each epoch
  Figures test;
  double train_mse = NAN;  // the same on training rows
  double seconds = 0;
  std::string error;  // a failed experiment has nothing else
  std::vector<Sample> samples;

  bool failed() const { return !error.empty(); }
  double final_loss() const { return losses.empty() ? NAN : losses.back(); }
  double convergence_rate() const {
    return losses.empty() ? NAN : (losses.front() - losses.back()) / static_cast<double>(losses.size());
  }
};

struct SweepResult {
  std::string options;  // JSON: what the numbers depend on
  std::string start_time, end_time, device;
  std::vector<std::pair<std::string, Figures>> baselines;
  std::vector<Record> records;  // in the order of experiments, then repeats
};

// Mean and deviation over the repeats that did not fail.
struct Spread {
  double mean = NAN, deviation = 0;
  std::string text(const char* format) const;  // "3.98", "3.98 +- 0.05"
};

// One line per experiment.
struct Row {
  Experiment experiment = {};
  int repeats = 0, failed = 0;
  Spread mse, mae, kl, loss, seconds, train_mse;
};
std::vector<Row> rows_of(const SweepResult& result);

// "20260102_030405", UTC: the ending of the names of a run's files.
std::string file_time();

std::string results_json(const SweepResult& result);
std::string details_json(const SweepResult& result);
SweepResult parse_details(const std::string& text, const std::string& source);
SweepResult read_details(const std::string& path);

std::string markdown(const SweepResult& result);
std::string console_table(const SweepResult& result);

std::string banner(const Experiment& experiment, int number, int of);
std::string results_block(const Record& record);

}  // namespace longwave::examples::mnist1d_diffusion
