// run_folder.hpp - the files of a training and what its checkpoints say about it.
//
//   <directory>/<model_name>/model            weights and options, for load_trained()
//                            model_weights    the weights alone, safetensors
//                            config.json      every option
//                            final_metrics.json
//                            version_N/       one for each start: hparams.yaml, metrics.jsonl, TensorBoard events,
//                                             checkpoints/last.ckpt and the best, best-{epoch}-{val_loss}.ckpt
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "common/settings.hpp"
#include "sar_focus/trainer.hpp"

namespace longwave::examples::sar_focus {

class RunFolder {
 public:
  RunFolder(const TrainOptions& options, std::int64_t version)
      : root_(options.directory + "/" + options.model_name), version_(version) {}

  // Of the next start: one more than the largest there.
  static RunFolder next(const TrainOptions& options);
  // The newest with a checkpoint to go on from; IoError: there is none.
  static RunFolder newest(const TrainOptions& options);

  const std::string& root() const { return root_; }
  std::string version_name() const { return "version_" + std::to_string(version_); }
  std::string version() const { return root_ + "/" + version_name(); }
  std::string checkpoints() const { return version() + "/checkpoints"; }
  std::string last() const { return checkpoints() + "/last.ckpt"; }
  std::string model() const { return root_ + "/model"; }
  std::string weights() const { return root_ + "/model_weights"; }
  std::string metrics() const { return root_ + "/final_metrics.json"; }
  std::string config() const { return root_ + "/config.json"; }

 private:
  std::string root_;
  std::int64_t version_;
};

// A kept checkpoint and what it was kept for.
struct BestCheckpoint {
  std::int64_t epoch = 0;  // from 1
  double val_loss = 0;
  Figures figures;
  std::string file;  // in checkpoints/; empty where none was to be kept
};

// A training between two steps, beyond network and optimiser.
struct RunState {
  std::int64_t epoch = 0, batch = 0;                       // complete epochs; batches of the next that are done
  double mae = 0, total = 0;                               // sums over those
  double epoch_mae = 0, epoch_total = 0;                   // means over the last complete epoch
  Figures validation;                                      // after it
  double least = std::numeric_limits<double>::infinity();  // val_loss that early stopping compares with
  std::int64_t epochs_since = 0;                           // without a smaller one
  bool stopped_early = false;
  BestCheckpoint best;               // the smallest val_loss so far
  std::vector<BestCheckpoint> kept;  // smallest first
  double seconds = 0;                // in training steps and reading, over all parts of the run

  std::string to_json() const;
  static RunState from_json(const std::string& text, const std::string& origin);
};

// "best-07-0.012345.ckpt"
std::string best_name(std::int64_t epoch, double val_loss);

// Every option as a line "name: value".
std::string yaml_text(const Settings& settings);

}  // namespace longwave::examples::sar_focus
