// backend.hpp - what the program does on a device: train, draw. One for the host in backend.cpp, one for CUDA in cuda/,
// where the program was built with longwave::cuda.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "longwave/cuda/device.hpp"
#include "sssd/network.hpp"
#include "sssd/trained.hpp"
#include "sssd/trainer.hpp"

namespace longwave::examples::sssd {

struct DrawRequest {
  TensorView<const float, 3> cond, mask;  // (N, C, L), coded; mask 1 = known
  index_t samples = 1;                    // draws of each series, S
  index_t batch = 32;                     // series at a time
  SamplerChoice sampler;
  std::uint64_t seed = 0;
  std::function<void(index_t done, index_t total)> progress = {};  // of series times draws
};

// A trained network, ready to be drawn with.
class Drawer {
 public:
  virtual ~Drawer() = default;
  // Draws (S, N, C, L), coded; known entries are those of cond.
  virtual Tensor<float, 4> draw(const DrawRequest& request) = 0;
};

struct Backend {
  // Options and data must outlive it. `config` is the text of the options that checkpoints carry.
  std::unique_ptr<Trainer> (*make_trainer)(const Options& options, std::string config, const RunData& data);

  // trained must outlive it.
  std::unique_ptr<Drawer> (*make_drawer)(const Trained& trained);
};

const Backend& backend_of(const DeviceChoice& device);

const Backend& cuda_backend();  // in cuda/ or no_cuda/

}  // namespace longwave::examples::sssd
