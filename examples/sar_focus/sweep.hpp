// sweep.hpp - a training for every combination of a grid, as processes of their own, side by side.
//
// A grid is a JSON object of options of train: an array is an axis of the grid, anything else holds for all. The last
// axis runs fastest. Experiment n (from 1) has the id sweep_exp_%04d and its folder <out>/<id>, a training of that
// model name (run_folder.hpp); sweep_summary.csv and best_params.json of all stand beside.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sar_focus/commands.hpp"

namespace longwave::examples::sar_focus {

struct Experiment {
  std::string id;
  std::vector<std::string> values;  // of the axes, as the command line takes them
};

struct Grid {
  std::vector<std::string> axes;
  std::vector<std::pair<std::string, std::string>> shared;
  std::vector<Experiment> experiments;
};

// ValueError: what it names is no option of train, or a value is not allowed.
Grid read_grid(const std::string& path);

// Those with a position p (from 0) where p % parts == part; "2/10" is the second of ten. UsageError.
std::vector<Experiment> slice_of(const std::vector<Experiment>& all, const std::string& part_of_parts);

// Every option of an experiment in `out`.
TrainOptions options_of(const Grid& grid, const Experiment& experiment, const SweepArguments& arguments);

// final_metrics.json of an experiment that is finished. ValueError: its folder belongs to another configuration.
struct Outcome {
  bool started = false, failed = false;
  std::vector<std::pair<std::string, double>> figures;  // empty: not finished

  bool finished() const { return !figures.empty(); }
  double figure(const std::string& name) const;  // NaN: there is none
};
Outcome outcome_of(const std::string& out, const Experiment& experiment, const TrainOptions& options);

std::string summary_csv(const Grid& grid, const std::vector<Outcome>& outcomes);
// Of the smallest val_loss; "" where nothing is finished that has one.
std::string best_params_json(const Grid& grid, const std::vector<Outcome>& outcomes);

}  // namespace longwave::examples::sar_focus
