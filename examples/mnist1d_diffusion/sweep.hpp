// sweep.hpp - the experiments of a run, one per thread, with partial results on the way: a run that was stopped goes on
// where it was.
#pragma once

#include <string>

#include "mnist1d_diffusion/backend.hpp"
#include "mnist1d_diffusion/results.hpp"

namespace longwave::examples::mnist1d_diffusion {

struct RunSettings {
  std::string out = "out/mnist1d_diffusion";
  int jobs = 1;            // experiments at a time
  bool force = false;      // replace partial results of another configuration
  bool regressor = false;  // the network as a plain regressor among the answers without diffusion
  bool quiet = false;
  DeviceChoice device;
};

inline constexpr const char* partial_name = "mnist1d_experiment_results_partial.json";
inline constexpr int partial_every = 2;  // experiments

struct SweepFiles {
  std::string results, details, report;  // JSON, JSON, Markdown
};

// Runs what the folder's partial file does not hold yet. ValueError where that is of another configuration.
// Interrupted by Ctrl-C: stops after the experiments under way, the partial file stays, `interrupted` is set.
struct SweepOutcome {
  SweepResult result;
  SweepFiles files;
  bool interrupted = false;
};
SweepOutcome run_sweep(const Options& options, const RunSettings& settings, const Backend& backend);

}  // namespace longwave::examples::mnist1d_diffusion
