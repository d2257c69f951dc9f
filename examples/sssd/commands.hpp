// commands.hpp - the subcommands. Each returns an exit code and throws what main.cpp shows in one line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/cuda/device.hpp"
#include "sssd/network.hpp"

namespace longwave::examples::sssd {

struct TrainArguments {
  std::string config;                                          // JSON file
  std::vector<std::pair<std::string, std::string>> overrides;  // option and value, from the command line
  std::string data;                                            // folder
  bool force = false, quiet = false;
  std::int64_t stop_after = -1;  // iteration after which to save and leave
  DeviceChoice device;
};
int train(const TrainArguments& arguments);

// What impute, forecast and generate have in common.
struct DrawArguments {
  std::string config;  // official file: its gen_config names checkpoint and output
  std::string checkpoint, iteration = "max";
  std::string data, output_dir;
  std::int64_t batch_size = 16, seed = 0, threads = 0;
  SamplerChoice sampler;
  bool force = false, quiet = false;
  DeviceChoice device;
};

// What is hidden of the test data.
struct GapArguments : DrawArguments {
  std::string masking;            // empty: as trained; also block
  std::int64_t missing_k = 0;     // 0: as trained
  std::int64_t block_start = -1;  // block: its first position; -1: in the middle
  std::int64_t limit = 0;         // series of the test data; 0: all
};

struct ImputeArguments : GapArguments {
  std::string input;               // the user's file with gaps; empty: the test data
  std::int64_t num_samples = 500;  // series per imputation{i}.npy
  std::int64_t samples = 1;        // draws per series
  std::int64_t period = 24;        // series: of the seasonal baseline
  std::string report;              // HTML file; empty: report.html in the output folder
};
int impute(const ImputeArguments& arguments);

// Several samplers of one network on the same gaps, each with `draws` seeds.
struct SamplersArguments : GapArguments {
  std::vector<std::string> samplers;  // as parse_sampler() reads them
  std::int64_t draws = 3;
  std::string output;  // JSON file
};
int samplers(const SamplersArguments& arguments);

struct ForecastArguments : ImputeArguments {
  std::int64_t horizon = 0;  // 0: missing_k as trained
};
int forecast(const ForecastArguments& arguments);

struct GenerateArguments : DrawArguments {
  std::int64_t num_samples = 100, seq_len = 0;  // 0: as trained
};
int generate(const GenerateArguments& arguments);

struct EvaluateArguments {
  std::string generated, real, output;
  bool force = false;
};
int evaluate(const EvaluateArguments& arguments);

}  // namespace longwave::examples::sssd
