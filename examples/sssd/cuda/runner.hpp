// runner.hpp - the same on the device: the batch is copied to memory that stays, the step is captured and replayed, its
// loss arrives in pinned memory.
#pragma once

#include "longwave/cuda.hpp"
#include "longwave/cuda/readback.hpp"
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
  explicit Runner(const HostBatch& batch) : x0_(batch.x0.sizes()), mask_(x0_.sizes()), observed_(x0_.sizes()) {}

  template <class... Counters>
  void advances(Counters&... counters) {
    graph_.advances(counters..., losses_);
  }
  template <class Counter>
  void advances_too(Counter& counter) {
    graph_.advances(counter);
  }
  void stage(const HostBatch& batch) {
    cuda::copy(x0_.view(), batch.x0.view());
    cuda::copy(mask_.view(), batch.mask.view());
    cuda::copy(observed_.view(), batch.observed.view());
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
  Tensor<float, 3, Cuda> x0_, mask_, observed_;
  cuda::Readback losses_;
  cuda::Graph graph_;
};

}  // namespace longwave::examples::sssd
