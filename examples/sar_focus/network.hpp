// network.hpp - the network that the options of training describe, whatever its kind, and the files that hold it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "longwave/autograd/tape.hpp"
#include "longwave/io/checkpoint.hpp"
#include "longwave/nn/module.hpp"
#include "sar_focus/options.hpp"

namespace longwave::examples::sar_focus {

template <device D>
class Network {
 public:
  virtual ~Network() = default;

  // x (B, L, 3) -> (B, L, 2), any L
  virtual Var<float, 3, D> operator()(Tape<float, D>& tape, Var<float, 3, D> x) = 0;

  virtual std::vector<ParameterRef<float, D>> parameters() = 0;  // trained
  virtual std::vector<ParameterRef<float, D>> state() = 0;       // all that a file holds
};

// For Host here, for Cuda in cuda/.
template <device D>
std::unique_ptr<Network<D>> make_network(const TrainOptions& options, Generator& init);

// --- files: weights and, as JSON, the options of the training

// The file of a trained model: `path` itself, or in the folder of a training its `model`, or in a version of it the
// last checkpoint.
std::string model_file(const std::string& path);

struct TrainedNetwork {
  TrainOptions options;
  std::int64_t epoch = 0;  // complete ones it was trained for
  std::unique_ptr<Checkpoint> file;

  const std::string& path() const { return file->path(); }

  template <device D>
  std::unique_ptr<Network<D>> network() const {
    Generator unused(0);
    std::unique_ptr<Network<D>> network = make_network<D>(options, unused);
    file->load_model(network->state());
    return network;
  }
};

// IoError: there is none, or it is of another program.
TrainedNetwork load_trained(const std::string& path);

}  // namespace longwave::examples::sar_focus
