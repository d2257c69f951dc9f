// config.hpp - every option of a run, by group; configs/ holds files of them: one per group's choice (configs/model,
// configs/scheduler, ..) and one per experiment (configs/experiment), which starts from those.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "common/settings.hpp"

namespace longwave::examples {

inline constexpr double unset = std::numeric_limits<double>::quiet_NaN();

struct RunOptions {
  struct {
    std::string name = "mnist1d";
    std::string folder;     // empty: the files shipped with the source (mnist1d), else $LONGWAVE_DATA
    double validation = 0;  // part of the training set held out, where a set brings none
    std::int64_t limit = 0;
    std::int64_t limit_test = 0;
    std::int64_t length = 0;  // longest sequence, 0: the set's own
    std::string permutation = "none";
    bool tokens = false;         // bytes as tokens instead of numbers
    bool gray = false;           // of colour images
    std::int64_t subsample = 1;  // every so many samples are kept
    std::int64_t symbols = 10;   // of copying
    std::int64_t items = 0;      // of sets that are made on the spot; 0: the set's own
    std::int64_t crop = 0;       // pixels that training images are moved by, at most
    bool flip = false;
    bool example_scale = false;  // of colours
    std::string words = "all";   // of speech
    bool mfcc = false;
    bool divide_again = false;
    double dropped = 0;    // share of the samples
    bool reverse = false;  // of copying
    bool variable = false;
    bool fresh = false;  // items that are made: others in each epoch
  } dataset;

  struct {
    std::int64_t batch = 64;
    std::int64_t evaluation_batch = 0;
    std::int64_t buckets = 1;
    bool pad_to_bound = false;  // of the bucket, not only to the batch's longest item
  } loader;

  struct {
    std::string layer = "s4d";
    std::int64_t d_model = 64;
    std::int64_t d_state = 64;
    std::int64_t n_layers = 4;
    double dropout = 0.1;
    bool tie_dropout = true;
    bool prenorm = false;
    std::string norm = "layer";
    std::string residual = "R";
    bool bidirectional = false;
    std::string activation = "default";
    std::string final_act = "default";
    std::int64_t gate = 0;
    std::string gate_act = "none";
    std::string mult_act = "none";
    std::string hyper_act = "off";
    std::int64_t bottleneck = 0;
    double feed_forward = 0;  // of a block after each layer: hidden features per feature
    std::int64_t channels = 1;
    bool swap_channels = false;
    bool weight_norm = false;
    double drop_kernel = 0;
    std::int64_t l_max = 0;
    std::string pool = "none";
    std::int64_t pool_stride = 2;
    std::int64_t pool_expand = 0;
    std::int64_t n_repeat = 1;
    double dt_min = 1e-3;
    double dt_max = 0.1;
    std::string init;  // of A: s4, s4_diag
    std::string disc = "zoh";
    double B_clip = 2;
    std::string B_init = "constant";
    double B_scale = 1;
    double P_scale = 1;
    bool real_random = false;
    bool imag_random = false;
    double real_scale = 1;
    double imag_scale = 1;
    bool normalize = false;
    bool dt_tie = true;
    bool dt_fast = false;
    bool is_real = false;
    double bandlimit = 0;
    std::string dt_transform = "exp";
    std::string real_transform = "exp";
    std::string imag_transform = "none";
    std::int64_t n_ssm = 0;
    std::int64_t rank = 1;
    bool deterministic = false;
    std::string version = "softmax";  // of dss
    std::string Lambda_init = "hippo_skew_pos_imag";
    bool separate_dt = true;
    std::int64_t kernel_size = 7;  // of conv
  } model;

  struct {
    double dropout = 0;
  } encoder;

  struct {
    std::string pool = "mean";
    bool nli = true;  // of pairs
  } decoder;

  struct {
    std::string loss = "mse";  // of numbers
    double smoothing = 0;      // of classes
  } task;

  struct {
    double lr = 0.01;
    double ssm_lr = 1e-3;
    double dt_lr = unset;
    double B_lr = unset;
    double C_lr = unset;
    double weight_decay = 0.01;
    bool decay_all = true;
    double clip = unset;
    double ema = 0;
  } optimizer;

  struct {
    std::string name = "cosine";
    double warmup_epochs = 0;
    std::int64_t warmup_steps = 0;
    std::int64_t steps = 0;
    bool periodic = false;
    double min_lr = 0;
    double factor = 0.2;
    std::int64_t patience = 10;
    std::string milestones;  // epochs, as in "100,200"
  } scheduler;

  struct {
    std::int64_t epochs = 60;
    std::int64_t steps = 0;
    std::int64_t accumulate = 1;
    std::int64_t seed = 0;
    std::int64_t threads = 0;
    std::int64_t log_every = 20;
    std::int64_t evaluate_every = 1;
    std::int64_t checkpoint_every = 1;
    std::int64_t keep_best = 1;
    std::int64_t stop_patience = 0;
    bool finite_check = false;
    std::string state = "none";  // of consecutive windows: what one hands on to the next
    std::int64_t context = 0;
    std::string precision = "float32";  // or bf16: what values between layers' doors are stored in
  } trainer;
};

// The table of all of them; refers to `options`, which must outlive it.
Settings make_settings(RunOptions& options);

// What no single option can tell: throws ValueError.
void check(const RunOptions& options);

}  // namespace longwave::examples
