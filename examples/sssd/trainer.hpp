// trainer.hpp - a training run between two iterations: all that a checkpoint keeps, so that a run that goes on from one
// makes the same numbers, bit for bit, as one that was never interrupted. trainer_on.hpp: on which device.
#pragma once

#include <string>

#include "longwave/io/checkpoint.hpp"
#include "sssd/dataset.hpp"

namespace longwave::examples::sssd {

class Trainer {
 public:
  virtual ~Trainer() = default;

  // One batch: rows, masks, noise, gradients, Adam. Allocates nothing after the first ones.
  virtual void step() = 0;

  // Of the last step; waits for the device. ValueError where it is not finite: the iteration and what to change.
  virtual double loss() = 0;

  // The mean loss of one batch of test series, always the same ones with the same masks and noise.
  virtual double validate() = 0;

  virtual void save(const std::string& path) = 0;
  virtual void load(const Checkpoint& saved) = 0;

  virtual std::int64_t iteration() const = 0;  // of the last step, from 0; -1: none was made
  virtual index_t count_parameters() const = 0;

  double seconds = 0;  // of training, over all parts of the run
};

}  // namespace longwave::examples::sssd
