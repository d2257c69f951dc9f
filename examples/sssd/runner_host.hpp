// runner_host.hpp - a batch on its way to a training step and the loss back, on the host: both are where they are.
//
//   Runner<D>         the batches and the step of training
//   SampleRunner<D>   one step of sampling, over and over
#pragma once

#include "sssd/batches.hpp"

namespace longwave::examples::sssd {

template <device D>
class Runner;
template <device D>
class SampleRunner;

template <>
class Runner<Host> {
 public:
  explicit Runner(const HostBatch& batch) : batch_(batch) {}

  template <class... Counters>
  void advances(Counters&...) {}
  void stage(const HostBatch&) {}
  template <class Step>
  void run(Step&& step) {
    step();
  }
  void publish(TensorView<const float, 0> loss) { newest_ = static_cast<double>(loss()); }
  double newest() const { return newest_; }
  double read(TensorView<const float, 0> value) const { return static_cast<double>(value()); }
  // Where dropout takes its random numbers from, of the two generators of a step.
  static Generator& dropout_of(Generator&, Generator& dropout) { return dropout; }

  TensorView<const float, 3> x0() const { return batch_.x0.view(); }
  TensorView<const float, 3> mask() const { return batch_.mask.view(); }
  TensorView<const float, 3> observed() const { return batch_.observed.view(); }

 private:
  const HostBatch& batch_;
  double newest_ = 0;
};

template <>
class SampleRunner<Host> {
 public:
  template <class Step>
  void run(Generator&, Step&& step) {
    step();
  }
};

}  // namespace longwave::examples::sssd
