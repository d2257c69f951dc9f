// backend.hpp - what the program does on a device: train, predict, stream. One for the host in backend.cpp, one for
// CUDA in cuda/, where the program was built with longwave::cuda.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "long_sequence/trainer.hpp"
#include "longwave/cuda/device.hpp"

namespace longwave::examples {

struct StreamResult {
  Tensor<float, 2> logits;               // after the last sample
  std::vector<double> accuracy_by_time;  // after sample t
  double seconds = 0;                    // in steps
};

struct Backend {
  // Options and data must outlive it. `config` is the text of the options that checkpoints carry.
  std::unique_ptr<Trainer> (*make_trainer)(const RunOptions& options, std::string config, const RunData& data);

  // Logits (n, classes) of all sequences, `batch` at a time, without dropout.
  Tensor<float, 2> (*predict)(Model& model, TensorView<const float, 3> x, index_t batch);

  // All sequences side by side, sample after sample.
  StreamResult (*stream_all)(Model& model, const Dataset<float>& data);

  // Nanoseconds for one sample of one sequence: the smallest mean over a sequence, of several.
  double (*ns_per_step)(Model& model, const Dataset<float>& data);
};

const Backend& backend_of(const DeviceChoice& device);

const Backend& cuda_backend();  // in cuda/ or no_cuda/

}  // namespace longwave::examples
