// trainer.hpp - a training run between two steps: network, optimiser and their numbers, on the device that
// trainer_on.hpp is made for. What a checkpoint keeps of them makes a run that goes on from it the same, bit for bit,
// as one that was never interrupted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "longwave/cuda/device.hpp"
#include "longwave/data/sar_batches.hpp"
#include "longwave/io/checkpoint.hpp"
#include "sar_focus/options.hpp"

namespace longwave::examples::sar_focus {

// The losses of a batch and its SSIM as a figure (metrics/image.hpp), or their means over batches.
struct Figures {
  double total = 0, mae = 0, mse = 0, huber = 0, ssim_loss = 0, edge = 0, ssim = 0;

  void add(const Figures& other, double share);
};

struct StepResult {
  index_t step = 0;  // its number, from 1
  double lr = 0, total = 0, mae = 0;
  double grad_norm = 0;  // before clipping
};

class Trainer {
 public:
  virtual ~Trainer() = default;

  // One batch; allocates nothing once it has seen the batch's size. With `all`, every figure of the batch is computed
  // and, on a device, waited for.
  virtual void step(const SarBatch& batch, Figures* all = nullptr) = 0;

  // The numbers of the oldest step that were not asked for yet; false: there are none. With wait, also those of steps
  // that still run on the device. ValueError where they are not finite.
  virtual bool next(StepResult& result, bool wait) = 0;

  // All figures without a gradient, in evaluation mode.
  virtual Figures evaluate(const SarBatch& batch) = 0;

  virtual void save(const std::string& path, CheckpointInfo info) = 0;  // adds step and generators to info
  virtual void load(const Checkpoint& saved) = 0;
  virtual void load_weights(const Checkpoint& saved) = 0;

  // The weights alone: a checkpoint without an optimiser, and plain safetensors with the network's names.
  virtual void export_model(const std::string& path, const std::string& weights_path, CheckpointInfo info) = 0;

  virtual index_t steps() const = 0;
  virtual index_t count_parameters() const = 0;
};

// steps: of the whole run, for the schedule. Options must outlive it.
std::unique_ptr<Trainer> make_trainer(const TrainOptions& options, index_t steps, const DeviceChoice& device);
std::unique_ptr<Trainer> make_cuda_trainer(const TrainOptions& options, index_t steps);  // in cuda/ or no_cuda/

}  // namespace longwave::examples::sar_focus
