// carried.hpp - the state that passes over consecutive windows (contiguous.hpp) hand on, as trainer.state asks for.
//
//   tbptt   from the state that the window before left, without its gradient; zero at the start of an epoch
//   reset   the same, and zero again after every context + 1 windows
//   bptt    from the state after the context windows before, worked out with the present weights
//   none    there is no state
#pragma once

#include <algorithm>

#include "long_sequence/network.hpp"

namespace longwave::examples {

template <device D>
class Carried {
 public:
  explicit Carried(const RunOptions& options)
      : mode_(options.trainer.state), context_(static_cast<index_t>(options.trainer.context)) {}

  bool on() const { return mode_ != "none"; }

  // Zero states of B rows; else the first window makes them.
  void prepare(Network<D>& network, index_t B) {
    if (on()) state_ = network.make_state(B);
  }

  // What a checkpoint keeps.
  std::vector<ParameterRef<float, D>> state() {
    return state_ ? state_->state() : std::vector<ParameterRef<float, D>>();
  }

  // Window i of an epoch comes next. input(j): an earlier one, which is passed over for its state.
  template <class Input>
  void start(Network<D>& network, Tape<float, D>& tape, index_t i, Input&& input) {
    if (!on()) return;
    const bool anew = mode_ == "bptt" || (mode_ == "reset" && i % (context_ + 1) == 0);
    if (state_ && (i == 0 || anew)) state_->reset();
    if (mode_ != "bptt") return;
    const bool recording = tape.recording();
    tape.evaluate();
    tape.set_recording(false);
    for (index_t j = std::max<index_t>(0, i - context_); j < i; ++j) {
      tape.rewind();
      (*this)(network, tape, input(j), 1);
    }
    tape.set_recording(recording);
  }

  // The network on an input, from the state where there is one.
  Var<float, 3, D> operator()(Network<D>& network, Tape<float, D>& tape, const NetworkInput<D>& input, double rate) {
    if (!on()) return network(tape, input, rate);
    if (rate != 1)
      throw_value_error("trainer.state = " + mode_ + ": windows hand on a state at the rate of training only");
    if (!state_) prepare(network, input.x.data() != nullptr ? input.x.size(0) : input.tokens.size(0));
    return network.forward(tape, input, *state_);
  }

 private:
  std::string mode_;
  index_t context_;
  std::unique_ptr<NetworkState<D>> state_;
};

}  // namespace longwave::examples
