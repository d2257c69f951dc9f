// config.hpp - the options of a run, in the sections of the official SSSD configuration files. Keys of our own stand
// beside the official ones; an official file runs as it is.
#pragma once

#include <string>
#include <vector>

#include "common/settings.hpp"

namespace longwave::examples::sssd {

enum class ModelKind { s4, s4d, diffwave, categorical };

struct Options {
  struct Diffusion {
    std::int64_t T = 200;
    double beta_0 = 1e-4, beta_T = 0.02;
    std::string schedule = "linear", prediction = "noise";
  } diffusion;

  struct Wavenet {
    std::int64_t in_channels = 0, out_channels = 0;  // 0: as the data
    std::int64_t num_res_layers = 24, res_channels = 128, skip_channels = 128;
    std::int64_t embed_in = 128, embed_mid = 512, embed_out = 512;
    std::int64_t s4_lmax = 0;  // 0: the segment's length
    std::int64_t s4_d_state = 64;
    double s4_dropout = 0;
    std::int64_t s4_bidirectional = 1, s4_layernorm = 1;
    std::int64_t dilation_cycle = 12;  // DiffWave
  } wavenet;

  struct Train {
    std::string output_directory = "checkpoints_sssd";
    std::string ckpt_iter = "max";
    std::int64_t iters_per_ckpt = 1000, iters_per_logging = 100, n_iters = 10000;
    double learning_rate = 2e-4;
    std::int64_t only_generate_missing = 1, use_model = 2;
    std::string masking = "rm";
    std::int64_t missing_k = 10;
    std::string model;  // empty: by use_model
    std::int64_t batch_size = 32;
    std::int64_t mask_per_sample = -1;  // -1: 0 with npy files in the official layout, else 1
    double uncond_prob = 0;
    bool consistent_known = false, shuffle = true;
    std::string lr_schedule = "constant";
    std::int64_t warmup = 0;   // iterations
    double clip = 0, ema = 0;  // 0: none
    std::int64_t seed = 0, threads = 0;
  } train;

  struct TrainSet {
    std::string train_data_path, test_data_path;
    std::int64_t segment_length = 200, sampling_rate = 0;
    std::string dataset;                // a kernel trace in the user's data folder
    std::string split = "published";    // traces: or "honest"
    std::string columns;                // csv: "OT,HUFL"; empty: all of them
    std::string train_rows, test_rows;  // csv: "0:8640"; empty: all
    std::string normalize = "auto";
    std::string guess = "none";
    std::int64_t period = 24;
  } trainset;

  struct Gen {
    std::string output_directory, ckpt_path;
  } gen;
};

// Refers to `options`, which must outlive it.
Settings make_settings(Options& options);

// The official layout: sections of keys, 0/1 or true/false for switches, ckpt_iter "max" or a number.
void load_config_text(Settings& settings, const std::string& text, const std::string& origin);
void load_config_file(Settings& settings, const std::string& path);

// What the command line calls an option: "--lr" and "--learning_rate" for train_config.learning_rate.
std::vector<std::string> flags_of(const std::string& name);

// Options that contradict one another; ValueError.
void check(const Options& options);

ModelKind model_kind(const Options& options);
const char* model_name(ModelKind kind);

// One section as JSON, such as "diffusion_config".
std::string section_json(const std::string& config, const std::string& section);

// The first option in which a checkpoint's configuration differs from this one, as "wavenet_config.res_channels is 64
// in the checkpoint, 128 here"; "" where none does. Options that a run may change on the way are left out.
std::string first_difference(const std::string& saved, const std::string& here);

// "T200_beta00.0001_betaT0.02", floats as Python writes them.
std::string diffusion_folder(const Options& options);
std::string python_float(double x);

}  // namespace longwave::examples::sssd
