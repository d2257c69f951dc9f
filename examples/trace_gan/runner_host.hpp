// runner_host.hpp - how the updates of a batch are run, on the host: one after the other.
#pragma once

#include "longwave/models/lstm_gan.hpp"

namespace longwave::examples::trace_gan {

// runner.of(sequences of the batch) is what LstmGanTrainer::step runs its updates with.
template <device D>
class UpdateRunner;

template <>
class UpdateRunner<Host> {
 public:
  UpdateRunner(Generator&, Adam<float>&, Adam<float>&) {}

  // The updates have changed.
  void reset() {}
  auto of(index_t) {
    return [](GanNetwork, auto&& update) { update(); };
  }
};

}  // namespace longwave::examples::trace_gan
