// runner.hpp - the same on the device, with nobody waiting for anybody: batches travel through pinned memory, the step
// is captured and replayed, its loss arrives in pinned memory.
#pragma once

#include <optional>

#include "longwave/cuda.hpp"
#include "longwave/cuda/readback.hpp"
#include "longwave/cuda/staging.hpp"
#include "sssd/runner_host.hpp"

namespace longwave::examples::sssd {

template <int N>
void move(TensorView<float, N, Cuda> to, TensorView<const float, N, Host> from) {
  cuda::copy(to, from);
}
template <int N>
void move(TensorView<float, N, Host> to, TensorView<const float, N, Cuda> from) {
  cuda::copy(to, from);
}

template <>
class Runner<Cuda> {
 public:
  explicit Runner(const HostBatch& batch)
      : x0_(batch.x0.sizes()),
        mask_(x0_.sizes()),
        observed_(x0_.sizes()),
        slots_{Slot(x0_.sizes()), Slot(x0_.sizes())} {
    graph_.advances(losses_);
  }

  // What counts steps or draws inside of run().
  template <class... Counters>
  void advances(Counters&... counters) {
    (graph_.advances(counters), ...);
  }
  // The noise's: a graph advances one generator.
  static Generator& dropout_of(Generator& noise, Generator&) { return noise; }

  // Replays are on the current stream, so the copies come after the step before and before the next one. The host may
  // be one batch ahead.
  void stage(const HostBatch& batch) {
    Slot& slot = slots_[turn_];
    turn_ = 1 - turn_;
    slot.taken.synchronize();
    send(x0_, slot.x0, batch.x0);
    send(mask_, slot.mask, batch.mask);
    send(observed_, slot.observed, batch.observed);
    slot.taken.record();
  }
  template <class Step>
  void run(Step&& step) {
    graph_.run(step);
  }
  void publish(TensorView<const float, 0, Cuda> loss) { losses_.publish(loss); }
  double newest() { return losses_.published() > 0 ? losses_.value(losses_.published() - 1) : 0; }
  double read(TensorView<const float, 0, Cuda> value) const {
    float number = 0;
    cuda::copy_to_host(&number, value.data(), sizeof number);
    return static_cast<double>(number);
  }

  TensorView<const float, 3, Cuda> x0() const { return x0_.view(); }
  TensorView<const float, 3, Cuda> mask() const { return mask_.view(); }
  TensorView<const float, 3, Cuda> observed() const { return observed_.view(); }

 private:
  struct Slot {
    explicit Slot(Extents<3> sizes) : x0(sizes), mask(sizes), observed(sizes) {}
    cuda::PinnedTensor<float, 3> x0, mask, observed;
    cuda::Event taken;
  };

  static void send(Tensor<float, 3, Cuda>& to, cuda::PinnedTensor<float, 3>& by, const Tensor<float, 3>& from) {
    copy(by.view(), from.view());
    cuda::copy_async(to.view(), by.view());
  }

  Tensor<float, 3, Cuda> x0_, mask_, observed_;
  Slot slots_[2];
  int turn_ = 0;
  cuda::Readback losses_;
  cuda::Graph graph_;
};

// The first call with a generator runs as written, all others are replays: one object for one sampler.
template <>
class SampleRunner<Cuda> {
 public:
  template <class Step>
  void run(Generator& gen, Step&& step) {
    if (gen_ != &gen) {
      graph_.emplace();
      graph_->advances(gen);
      gen_ = &gen;
    }
    graph_->run(step);
  }

 private:
  std::optional<cuda::Graph> graph_;
  Generator* gen_ = nullptr;
};

}  // namespace longwave::examples::sssd
