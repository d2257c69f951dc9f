// trainer.hpp - a training run between two steps: all that a checkpoint keeps, so that a run that goes on from one
// makes the same numbers, bit for bit, as one that was never interrupted.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "long_sequence/datasets.hpp"
#include "long_sequence/model.hpp"
#include "longwave/data/loader.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/ema.hpp"

namespace longwave::examples {

// Sums over the sequences of the epoch so far.
struct EpochSums {
  double loss = 0;
  index_t right = 0, seen = 0;
  double mean_loss() const { return seen > 0 ? loss / static_cast<double>(seen) : 0; }
  double accuracy() const { return seen > 0 ? static_cast<double>(right) / static_cast<double>(seen) : 0; }
};

struct StepResult {
  double loss = 0;  // mean over the batch
  double lr = 0;
  double grad_norm = 0;  // before clipping
};

class Trainer {
 public:
  // Both must outlive it. `config` is the text of the options that checkpoints carry.
  Trainer(const RunOptions& options, std::string config, const RunData& data);

  StepResult step();  // one batch; allocates nothing once each size of batch has been seen

  void save(const std::string& path);
  void load(const Checkpoint& saved);

  Scores evaluate(const Dataset<float>& data);  // with the averaged weights where the run keeps them

  index_t epoch() const { return epoch_; }              // complete epochs
  index_t steps() const { return optimizer_.steps(); }  // in all
  index_t batches() const { return loader_.batches(); }
  index_t samples_per_epoch() const;
  bool in_epoch() const { return batch_ > 0; }
  bool done() const { return epoch_ == options_.train.epochs; }
  const EpochSums& sums() const { return sums_; }  // of the epoch under way, or of the one that step() just ended
  Model& model() { return model_; }
  double seconds = 0;  // of training, over all parts of the run

 private:
  double lr_factor() const;
  std::vector<ParameterRef<float>> optimizer_state();

  const RunOptions& options_;
  std::string config_;
  const RunData& data_;
  Generator init_;
  Generator dropout_;
  Model model_;
  AdamW<float> optimizer_;
  std::optional<Ema<float>> ema_;
  Loader<float> loader_;
  Tape<float> tape_, evaluation_tape_;
  index_t epoch_ = 0, batch_ = 0;
  EpochSums sums_;
};

}  // namespace longwave::examples
