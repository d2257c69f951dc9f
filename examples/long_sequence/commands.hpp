// commands.hpp - the subcommands. Each returns the program's exit code; errors are exceptions.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "longwave/cuda/device.hpp"

namespace longwave::examples {

struct TrainArguments {
  std::string config;                                          // JSON file, or empty
  std::vector<std::pair<std::string, std::string>> overrides;  // name, value
  std::string out;                                             // folder; empty: out/long_sequence/<data set>
  std::vector<std::int64_t> seeds;                             // more than one: a run each, then mean and deviation
  bool resume = false;
  bool go_on = false;           // with the run that the folder holds, if there is one
  std::string resume_from;      // file or folder; empty: the output folder
  std::int64_t stop_after = 0;  // steps; 0: none
  bool overwrite = false;       // a folder that holds a run already
  bool quiet = false;
  DeviceChoice device;
};

struct EvaluateArguments {
  std::string checkpoint;  // file, or folder of a run
  std::string data_folder;
  std::string report;                                      // empty: beside the checkpoint
  std::int64_t batch = 0;                                  // 0: chosen
  std::int64_t subsample = 1;                              // only every so many samples of the test set
  double rate = std::numeric_limits<double>::quiet_NaN();  // of the sampling against training's; NaN: subsample
  std::int64_t threads = 0;
  DeviceChoice device;
};

struct StreamArguments {
  std::string checkpoint;
  std::string data_folder;
  std::int64_t count = 200;     // sequences of the test set, side by side; 0: all
  std::string mode = "linear";  // how s4 takes a step
  std::int64_t threads = 0;
  DeviceChoice device;
};

struct GenerateArguments {
  std::string checkpoint;
  std::string prefix;  // a text, or a wav file
  std::string out = "out/long_sequence/generated";
  std::int64_t length = 1000;  // tokens
  std::int64_t count = 1;      // sequences, side by side
  std::string mode = "linear";
  double temperature = 1;  // 0: the most probable token
  double top_p = 1;
  std::int64_t seed = 0;
  std::int64_t threads = 0;
  DeviceChoice device;
};

struct InfoArguments {
  std::string checkpoint;  // empty: the model that `config` and `overrides` describe
  std::string config;
  std::vector<std::pair<std::string, std::string>> overrides;
  DeviceChoice device;
};

struct TableArguments {
  std::string folder;
};

struct ConvertArguments {
  std::string config;  // of the run that a state dict becomes
  std::vector<std::pair<std::string, std::string>> overrides;
  std::string from;  // a state dict as safetensors; or a checkpoint, or the folder of a run
  std::string to;
  std::string prefix;               // of the names in the state dict
  std::vector<std::string> ignore;  // of the state dict's entries
  std::string names = "run";        // to write: of a training run, or of example.py ("example")
  bool transposed = true;           // dss: as from a transposed layer, output_linear.bias (O, 1)
  bool force = false;
};

int train(const TrainArguments& arguments);
int evaluate(const EvaluateArguments& arguments);
int stream(const StreamArguments& arguments);
int generate(const GenerateArguments& arguments);
int info(const InfoArguments& arguments);
int convert(const ConvertArguments& arguments);
int table(const TableArguments& arguments);

}  // namespace longwave::examples
