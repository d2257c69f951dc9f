// runner_host.hpp - how the steps of an epoch are run, on the host: one after the other.
#pragma once

#include "longwave/core/random.hpp"
#include "longwave/core/view.hpp"

namespace longwave::examples::mnist1d_diffusion {

template <device D>
class EpochRunner;

template <>
class EpochRunner<Host> {
 public:
  // changes: what the epoch does depends on more than its data; draws, optimizer: what counts inside of it.
  template <class Optimizer>
  EpochRunner(bool, Generator&, Optimizer&) {}

  template <class Epoch>
  void run(Epoch&& epoch) {
    epoch();
  }
};

}  // namespace longwave::examples::mnist1d_diffusion
