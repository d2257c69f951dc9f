// runner.hpp - the same on the device: the first epoch runs as written, then a whole epoch is one graph, of some
// thousand small kernels that follow each other without the host.
#pragma once

#include "longwave/cuda.hpp"
#include "mnist1d_diffusion/runner_host.hpp"

namespace longwave::examples::mnist1d_diffusion {

template <>
class EpochRunner<Cuda> {
 public:
  // A graph repeats what the host decided once, so epochs that change run as written.
  template <class Optimizer>
  EpochRunner(bool changes, Generator& draws, Optimizer& optimizer) : graph_({.eager = changes}) {
    graph_.advances(draws, optimizer);
  }

  template <class Epoch>
  void run(Epoch&& epoch) {
    graph_.run(epoch);
  }

 private:
  cuda::Graph graph_;
};

}  // namespace longwave::examples::mnist1d_diffusion
