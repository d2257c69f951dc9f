// runner.hpp - the same on the device: one graph for an update of the discriminator, one for an update of the
// generator, since they make different numbers of steps per batch. A smaller last batch runs as written.
#pragma once

#include "longwave/cuda.hpp"
#include "longwave/cuda/graph.hpp"
#include "trace_gan/runner_host.hpp"

namespace longwave::examples::trace_gan {

template <>
class UpdateRunner<Cuda> {
 public:
  UpdateRunner(Generator& noise, Adam<float, Cuda>& discriminator, Adam<float, Cuda>& generator) {
    discriminator_.advances(noise, discriminator);
    generator_.advances(noise, generator);
  }

  // The updates have changed: they are captured anew.
  void reset() {
    discriminator_.reset();
    generator_.reset();
  }

  // The first size is that of all batches but the last.
  auto of(index_t sequences) {
    if (sequences_ == 0) sequences_ = sequences;
    return [this, whole = sequences == sequences_](GanNetwork network, auto&& update) {
      if (!whole)
        update();
      else
        (network == GanNetwork::discriminator ? discriminator_ : generator_).run(update);
    };
  }

 private:
  cuda::Graph discriminator_, generator_;
  index_t sequences_ = 0;
};

}  // namespace longwave::examples::trace_gan
