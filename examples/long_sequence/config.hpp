// config.hpp - every option of a run, by group; configs/*.json hold the same names.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "common/settings.hpp"

namespace longwave::examples {

struct RunOptions {
  struct {
    std::string name = "mnist1d";
    std::string folder;     // empty: the files shipped with the source (mnist1d), else $LONGWAVE_DATA
    double validation = 0;  // part of the training set held out to tune with
    std::int64_t limit = 0;
    std::int64_t limit_test = 0;
  } data;

  struct {
    std::int64_t d_model = 64;
    std::int64_t d_state = 64;
    std::int64_t n_layers = 4;
    double dropout = 0.1;
    bool prenorm = false;
    std::string pooling = "mean";
    double dt_min = 1e-3;
    double dt_max = 0.1;
  } model;

  struct {
    double lr = 0.01;
    double ssm_lr = 1e-3;
    double weight_decay = 0.01;
    double clip = std::numeric_limits<double>::quiet_NaN();
    double ema = 0;
  } optimizer;

  struct {
    std::string name = "cosine";
    double warmup_epochs = 0;
    double min_lr = 0;
  } schedule;

  struct {
    std::int64_t epochs = 60;
    std::int64_t batch = 64;
    std::int64_t seed = 0;
    std::int64_t threads = 0;
    std::int64_t log_every = 20;
    std::int64_t evaluate_every = 1;
    std::int64_t checkpoint_every = 1;
    bool finite_check = false;
  } train;
};

// The table of all of them; refers to `options`, which must outlive it.
Settings make_settings(RunOptions& options);

// What no single option can tell: throws ValueError.
void check(const RunOptions& options);

}  // namespace longwave::examples
