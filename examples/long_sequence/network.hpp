// network.hpp - what the program trains: an encoder, a backbone of one kind of layer, a decoder, on one device.
//
//   numbers (B, C, L) or tokens (B, L)  ->  (B, d_model, L)  ->  blocks  ->  scores (B, K, M)
//
// M: one prediction per item, one per position at the end, or one for each. Of pairs rows i and B + i are one item.
#pragma once

#include <memory>
#include <vector>

#include "long_sequence/config.hpp"
#include "longwave/autograd/tape.hpp"
#include "longwave/nn/module.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave::examples {

// What the data asks of a network.
struct NetworkShape {
  index_t channels = 1;       // C, of numbers
  index_t vocabulary = 0;     // of tokens; 0: numbers
  index_t length = 0;         // L of the longest item
  index_t outputs = 1;        // K
  index_t output_length = 1;  // M; -1: every position
  bool one_each = true;       // a prediction per item: pooled over time
  bool pairs = false;
  bool variable = false;  // items have lengths of their own
};

template <device D>
struct NetworkInput {
  TensorView<const float, 3, D> x = {};          // (B, C, L), or
  TensorView<const index_t, 2, D> tokens = {};   // (B, L)
  TensorView<const index_t, 1, D> lengths = {};  // (B); left out: all of L
};

// B copies of a network, each with a state of its own, that take one position at a time. On the host nothing is
// allocated. The network must outlive it and stay as it is.
template <device D>
class NetworkStream {
 public:
  virtual ~NetworkStream() = default;
  virtual void reset() = 0;
  virtual void step(TensorView<const float, 2, D> x, TensorView<float, 2, D> scores) = 0;           // (B, C), (B, K)
  virtual void step_tokens(TensorView<const index_t, 1, D> x, TensorView<float, 2, D> scores) = 0;  // (B), (B, K)
  // All positions of a piece at once; the scores after the last.
  virtual void prefill(const NetworkInput<D>& piece, TensorView<float, 2, D> scores) = 0;
};

// What the layers know of B sequences so far. The network must outlive it.
template <device D>
class NetworkState {
 public:
  virtual ~NetworkState() = default;
  virtual void reset() = 0;
  virtual std::vector<ParameterRef<float, D>> state() = 0;  // what a checkpoint keeps
};

template <device D>
class Network {
 public:
  virtual ~Network() = default;
  virtual Var<float, 3, D> operator()(Tape<float, D>& tape, const NetworkInput<D>& input, double rate) = 0;
  // Pieces that go on from a state, which becomes that after their last position; no gradient reaches earlier pieces.
  virtual Var<float, 3, D> forward(Tape<float, D>& tape, const NetworkInput<D>& input, NetworkState<D>& state) = 0;
  virtual std::unique_ptr<NetworkState<D>> make_state(index_t B) = 0;  // ValueError where the network looks ahead
  // Between the two, passes over L positions of about B rows each share what the parameters make: the kernels of
  // state-space layers. Their gradients reach the parameters in release(). hold() may be called for several L.
  virtual bool holds() const = 0;  // whether there is anything to share
  virtual void hold(index_t B, index_t L) = 0;
  virtual void release() = 0;
  virtual std::vector<ParameterRef<float, D>> trained() = 0;
  virtual std::vector<ParameterRef<float, D>> state() = 0;  // and buffers: what a checkpoint keeps
  // ValueError where the network looks ahead. Of `how` the rate and the mode count.
  virtual std::unique_ptr<NetworkStream<D>> make_stream(index_t B, const StepOptions& how) = 0;
};

template <device D>
std::unique_ptr<Network<D>> make_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);

// One for each kind of layer, in networks/<layer>.cpp of the host and of cuda/.
template <device D>
using MakeNetwork = std::unique_ptr<Network<D>>(const RunOptions&, const NetworkShape&, Generator&);

}  // namespace longwave::examples
