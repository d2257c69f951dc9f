// commands.hpp - the subcommands. Each returns the program's exit code; errors are exceptions.
#pragma once

#include <utility>
#include <vector>

#include "longwave/cuda/device.hpp"
#include "trace_gan/options.hpp"

namespace longwave::examples::trace_gan {

struct TrainArguments {
  std::string config;                                          // JSON file, or empty
  std::vector<std::pair<std::string, std::string>> overrides;  // name, value
  bool force = false, quiet = false;
  DeviceChoice device;
};

struct GenerateArguments {
  std::string model;  // folder and prefix
  std::string out = "synth.txt";
  std::int64_t rows = 0;   // 0: as many as the model's options say, else as were learnt from
  std::int64_t seed = -1;  // negative: that of the training
  bool sort_time = false, force = false;
  std::int64_t align = 0, threads = 0;
  DeviceChoice device;
};

struct MmdArguments {
  std::string original, synthetic;
  std::string layout = "automatic";
  std::string protocol = "p1";
  std::vector<std::string> columns;  // empty: the protocol's own
  std::int64_t max_lines = 0, max_rows = 10000;
  std::int64_t seed = 42, threads = 0;
  std::int64_t permutations = 0, features = 0;  // 0: no test, no approximate value
  bool single_precision = false, no_references = false, force = false;
  std::string curves;  // CSV file, or empty
};

struct ReportArguments {
  std::string original, synthetic;
  std::string layout = "automatic";
  std::string model;  // folder and prefix, or empty: no losses
  std::string out = "report.html";
  std::int64_t max_lines = 0, seed = 42, threads = 0;
  bool force = false;
};

struct TuneArguments {
  std::string trace_name, trace_dir = ".", trace_path;
  std::string space = "main", sampler = "tpe", target = "0.5";
  std::string storage = "study.jsonl", study_name = "trace_gan", device = "cpu";
  std::int64_t n_trials = 50, jobs = 1, seed = 77;
  std::int64_t num_epochs = 0, max_lines = 0;              // 0: the space's own
  std::vector<std::pair<std::string, std::string>> extra;  // further options of train
  std::string program;                                     // argv[0], for the trials
};

struct RecordArguments {
  std::string out = "trace.txt", folder;  // folder of the scratch file; empty: that of out
  std::int64_t requests = 20000, size_mb = 64, seed = 77;
  double seconds = 30, write_share = 0.4;
  bool force = false;
};

int train(const TrainArguments& arguments);
int generate(const GenerateArguments& arguments);
int mmd_command(const MmdArguments& arguments);
int report(const ReportArguments& arguments);
int tune(const TuneArguments& arguments);
int record(const RecordArguments& arguments);

}  // namespace longwave::examples::trace_gan
