// trainer.hpp - a training run between two steps: all that a checkpoint keeps, so that a run that goes on from one
// makes the same numbers, bit for bit, as one that was never interrupted. trainer_on.hpp: on which device.
#pragma once

#include <memory>
#include <string>

#include "long_sequence/scores.hpp"
#include "longwave/io/checkpoint.hpp"

namespace longwave::examples {

struct StepResult {
  index_t step = 0;  // its number, from 1
  double loss = 0;   // mean over the batches
  double lr = 0;
  double grad_norm = 0;  // before clipping
  index_t items = 0;
  ScoreSums sums = {};
};

// Of the epoch so far.
struct EpochSums {
  ScoreSums scores;
  index_t items = 0;
};

class Trainer {
 public:
  virtual ~Trainer() = default;

  // One optimiser step; allocates nothing once each size of batch has been seen. On a device it is queued.
  virtual void step() = 0;

  // The numbers of the oldest step that were not asked for yet; false: none are there. With wait, those of steps that
  // still run on the device are there as well. Throws where they are not finite.
  virtual bool next(StepResult& result, bool wait) = 0;

  virtual void save(const std::string& path) = 0;  // takes what next() has not told into the sums
  virtual void load(const Checkpoint& saved) = 0;

  virtual Scores evaluate(const Part& part) = 0;  // with the averaged weights where the run keeps them

  // What an evaluation of the watched part found: for the schedule, and to know the best. Whether it is that.
  virtual bool judge(const Scores& scores) = 0;

  virtual index_t epoch() const = 0;  // complete epochs
  virtual index_t steps() const = 0;  // in all
  virtual index_t items_per_epoch() const = 0;
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
