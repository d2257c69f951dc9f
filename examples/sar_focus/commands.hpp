// commands.hpp - the subcommands. Each returns the program's exit code; errors are exceptions.
#pragma once

#include <utility>
#include <vector>

#include "longwave/cuda/device.hpp"
#include "sar_focus/options.hpp"

namespace longwave::examples::sar_focus {

struct TrainArguments {
  std::string config;  // JSON file, or empty
  Overrides overrides;
  bool force = false, quiet = false, resume = false;
  std::string device;  // empty: not named
};

struct SweepArguments {
  std::string grid;                         // JSON file
  std::string out = "sweep";                // folder
  std::int64_t jobs = 1;                    // runs side by side
  std::int64_t limit = 0;                   // runs to start at most; 0: all
  std::vector<std::string> experiment_ids;  // these alone
  std::string slice;                        // "2/10": the second of ten parts alone
  bool list = false;                        // only print the ids
  bool aggregate = false;                   // only put together what is there
  bool quiet = false;
  std::string device;   // empty: not named
  std::string program;  // this one
  Overrides overrides;  // options of train that all runs share
};

struct SimulateArguments {
  std::string out = "data";
  std::string radar;   // JSON file; empty: one in orbit with short apertures
  std::string echoes;  // raw echoes into this npy file in place of products
  std::int64_t rows = 2048, columns = 96, validation_columns = 32, scatterers = 60, mode = 3, delay = 0, seed = 0;
  double brightest = 100, scale_share = 0.999;
  bool force = false;
};

struct CompressArguments {
  std::string raw, radar;  // npy file or Zarr array; JSON file
  std::string out = "data";
  std::string name = "s1a-s3-scene";
  std::string rows_of = "beam";  // zero_doppler: where a scatterer stands in az
  double scale_share = 0.999;    // of the samples lie in the ranges
  std::int64_t validation_columns = 150, gap = 32;
  std::int64_t chunk_rows = 2048, chunk_columns = 8;
  std::int64_t delay = 0, fft_rows = 0;  // 0: as many as needed
  bool estimate_doppler = false, keep_carrier = false, force = false;
};

struct FocusArguments {
  std::string model, product;
  std::string out;  // Zarr group; empty: the product itself
  std::int64_t chunk = 2048, overlap = 512;
  bool whole = false, force = false;
  std::int64_t threads = 0;
  DeviceChoice device;
};

struct EvaluateArguments {
  std::string product, model;
  std::string learned;  // Zarr array with the learned image; empty: the model is run
  std::string out = "evaluation";
  std::string radar;  // JSON file, where the product says nothing of its own
  std::int64_t chunk = 2048, overlap = 512, scatterers = 5;
  bool whole = false, force = false;
  std::int64_t threads = 0;
  DeviceChoice device;
};

int train(const TrainArguments& arguments);  // train.cpp
int sweep(const SweepArguments& arguments);  // sweep.cpp
int simulate(const SimulateArguments& arguments);
int compress(const CompressArguments& arguments);
int focus(const FocusArguments& arguments);
int evaluate(const EvaluateArguments& arguments);

}  // namespace longwave::examples::sar_focus
