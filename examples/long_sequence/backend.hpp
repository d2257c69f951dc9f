// backend.hpp - what the program does on a device: train, predict, stream. One for the host in backend.cpp, one for
// CUDA in cuda/, where the program was built with longwave::cuda.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "long_sequence/trainer.hpp"
#include "longwave/cuda/device.hpp"

namespace longwave::examples {

// A trained network on some device, with numbers in and out on the host.
class Predictor {
 public:
  virtual ~Predictor() = default;
  // use(i, scores (B, K, M), batch) for every batch, without dropout; rate: of the sampling against training's.
  using Use = std::function<void(index_t, TensorView<const float, 3>, const HostBatch&)>;
  virtual void predict(Batches& batches, double rate, const Use& use) = 0;
  virtual std::unique_ptr<NetworkStream<Host>> make_stream(index_t B, const StepOptions& how) = 0;
  virtual void wait() = 0;  // until all that was asked for has happened
};

struct Backend {
  // Options and data must outlive it. `config` is the text of the options that checkpoints carry.
  std::unique_ptr<Trainer> (*make_trainer)(const RunOptions& options, std::string config, const RunData& data);
  // The network must outlive it.
  std::unique_ptr<Predictor> (*make_predictor)(Network<Host>& network, const RunOptions& options,
                                               const NetworkShape& shape);
};

const Backend& backend_of(const DeviceChoice& device);

const Backend& cuda_backend();  // in cuda/ or no_cuda/

}  // namespace longwave::examples
