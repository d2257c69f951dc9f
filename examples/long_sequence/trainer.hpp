// trainer.hpp - a training run between two steps: all that a checkpoint keeps, so that a run that goes on from one
// makes the same numbers, bit for bit, as one that was never interrupted. trainer_on.hpp: on which device.
#pragma once

#include <string>

#include "long_sequence/datasets.hpp"
#include "long_sequence/model.hpp"

namespace longwave::examples {

// Sums over the sequences of the epoch so far.
struct EpochSums {
  double loss = 0;
  index_t right = 0, seen = 0;
  double mean_loss() const { return seen > 0 ? loss / static_cast<double>(seen) : 0; }
  double accuracy() const { return seen > 0 ? static_cast<double>(right) / static_cast<double>(seen) : 0; }
};

struct StepResult {
  index_t step = 0;  // its number, from 1
  double loss = 0;   // mean over the batch
  double lr = 0;
  double grad_norm = 0;  // before clipping
  index_t right = 0, sequences = 0;
};

class Trainer {
 public:
  virtual ~Trainer() = default;

  // One batch; allocates nothing once each size of batch has been seen. On a device it is queued.
  virtual void step() = 0;

  // The numbers of the oldest step that were not asked for yet; false: none are there. With wait, those of steps that
  // still run on the device are there as well. Throws where they are not finite.
  virtual bool next(StepResult& result, bool wait) = 0;

  virtual void save(const std::string& path) = 0;  // takes what next() has not told into the sums
  virtual void load(const Checkpoint& saved) = 0;

  virtual Scores evaluate(const Dataset<float>& data) = 0;  // with the averaged weights where the run keeps them

  virtual index_t epoch() const = 0;  // complete epochs
  virtual index_t steps() const = 0;  // in all
  virtual index_t batches() const = 0;
  virtual index_t samples_per_epoch() const = 0;
  virtual bool in_epoch() const = 0;
  virtual bool done() const = 0;
  virtual index_t count_parameters() const = 0;

  // Of the steps that next() has told: of the epoch under way, or of the one that step() just ended.
  const EpochSums& sums() const { return sums_; }
  double seconds = 0;  // of training, over all parts of the run

 protected:
  EpochSums sums_;
};

}  // namespace longwave::examples
