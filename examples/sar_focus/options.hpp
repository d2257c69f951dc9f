// options.hpp - the options of training: names, defaults and one- or two-letter forms.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/settings.hpp"
#include "longwave/data/sar_product.hpp"

namespace longwave::examples::sar_focus {

struct TrainOptions {
  std::string directory = "experiment_1", model_name = "model_1";
  std::int64_t gpu_no = -1;  // cuda:<gpu_no>; -1: what --device says
  std::int64_t num_layers = 4, hidden_state_size = 8;
  std::int64_t epochs = 3, batch_size = 10, valid_batch_size = 10;
  double learning_rate = 0.005, weight_decay = 0.01;
  double ssim = 0.5;  // weight of the SSIM loss; the rest is the MAE's
  std::string act_fun = "leakyrelu";
  std::string train_dir = "data/training", val_dir = "data/validation";

  // The network beyond its definition; see models/sar_focus.hpp.
  std::int64_t width = 2;
  bool bidirectional = false, complex_valued = false, residual = false, batch_norm = false;
  std::int64_t taps = 512;  // complex_valued: length of the kernels, of each side
  double position_first = __builtin_nan(""),
         position_last = position_first;  // and where columns lie; NaN: as in the data
  double dropout = 0;
  double w_mse = 0, w_huber = 0, w_edge = 0;  // further terms of the loss

  std::string schedule = "constant";
  double gradient_clip = 0;   // largest norm; 0: none
  std::int64_t patience = 0;  // epochs without a better val_loss; 0: never stop early
  double min_delta = 0.001;
  std::int64_t keep_best = 3;  // checkpoints
  std::string precision = "fp32";
  std::int64_t max_steps = 0;  // 0: all of the epochs
  std::int64_t seed = 0, threads = 0;

  // Of both folders; samples_per_prod and max_products are the training's.
  std::int64_t patch_rows = 10000, patch_columns = 1, buffer_rows = 1000, buffer_columns = 1000;
  std::int64_t stride_rows = 10000, stride_columns = 1;
  std::string order = "col", patch_mode = "rectangular", position = "column", ranges = "extra_tight";
  std::string level_from = "rc", level_to = "az";
  std::int64_t samples_per_prod = 20000, max_products = 1, cache = 100, workers = 1;
  bool clip = false, shuffle = true;
};

using Overrides = std::vector<std::pair<std::string, std::string>>;  // options of a command line: name, value

// All of them by name; the table refers to `options`.
Settings make_settings(TrainOptions& options);

// The device that --device names (empty: not given), or --gpu_no; cpu where neither does. A command line with both:
// UsageError, unless they mean the same; in a configuration file, gpu_no gives way to --device.
std::string device_name(const std::string& device, const TrainOptions& options, const Overrides& overrides);

// What no single option can tell: UsageError.
void check(const TrainOptions& options);

SarSampling sampling_of(const TrainOptions& options);

// -nl, -hs and the like, which are no short options in the usual sense.
struct ShortName {
  const char* letters;
  const char* name;
};
const std::vector<ShortName>& short_names();

// The arguments after the program's name with the short names written out: -nl 4 and -nl=4 become --num_layers.
std::vector<std::string> with_long_names(int argc, const char* const* argv);

}  // namespace longwave::examples::sar_focus
