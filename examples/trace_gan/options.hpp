// options.hpp - every option of a training run; a settings file (--config) holds the same names.
#pragma once

#include <cstdint>
#include <string>

#include "common/settings.hpp"
#include "longwave/data/block_trace.hpp"
#include "longwave/data/column_scaler.hpp"
#include "longwave/models/lstm_gan.hpp"

namespace longwave::examples::trace_gan {

struct TrainOptions {
  std::string trace_path, layout = "automatic";
  std::int64_t max_lines = 0;

  std::int64_t seq_len = 12, hidden_dim = 128, latent_dim = 16;

  std::int64_t batch_size = 128, num_epochs = 50;
  double lrG = 3e-4, lrD = 3e-4;
  std::int64_t d_updates = 1, g_updates = 2;
  std::string lr_schedule = "constant";
  double label_smoothing = 0, instance_noise = 0, instance_noise_last = 0, weight_decay = 0, generator_ema = 0;
  double mmd_weight = 0;
  std::int64_t mmd_chunks = 64;
  std::string early_stop = "off", target = "0.5";
  std::string keep = "last";
  std::int64_t keep_every = 5;
  double hold_out = 0.1;
  std::int64_t seed = 77, threads = 0;

  std::string transform = "linear";
  bool inter_arrival = false;

  std::string save_dir = "./models/", save_prefix = "model";
  std::string output_synth = "synth.txt";
  std::int64_t num_entries = 0;
  bool sort_time = false;
  std::int64_t align = 0;
};

// The table of all of them; refers to `options`, which must outlive it.
Settings make_settings(TrainOptions& options);

// What no single option can tell: throws ValueError.
void check(const TrainOptions& options);

inline constexpr int features = 4;  // timestamp, length, lba, latency

// "quantile" for all columns, or four names with commas between them.
std::vector<ColumnTransform> transforms_of(const std::string& text);

// Of the discriminator's loss: "0.5" or "2ln2".
double target_of(const std::string& text);

LstmGanOptions gan_options(const TrainOptions& options);

// Streams of the one seed, so that a change in one use of random numbers leaves the others as they are.
enum RandomStream : std::uint32_t {
  initial_weights,
  noise,
  order_of_chunks,
  ties_of_columns,
  noise_of_rows,
  chunks_held_out,
  noise_of_selection
};
inline Generator generator_of(std::int64_t seed, RandomStream stream) {
  return Generator(static_cast<std::uint64_t>(seed), stream);
}

}  // namespace longwave::examples::trace_gan
