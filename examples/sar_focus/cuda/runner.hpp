// runner.hpp - the same on the device: a batch is copied to memory that stays, the step is captured once and replayed,
// its numbers arrive in pinned memory.
#pragma once

#include "longwave/cuda.hpp"
#include "longwave/cuda/readback.hpp"
#include "sar_focus/runner_host.hpp"

namespace longwave::examples::sar_focus {

template <>
class Runner<Cuda> {
 public:
  template <class... Counters>
  void advances(Counters&... counters) {
    graph_.advances(counters..., numbers_);
  }

  void stage(const SarBatch& batch) {
    if (x_.sizes() != batch.x.sizes()) {
      x_ = Tensor<float, 3, Cuda>(batch.x.sizes());
      target_ = Tensor<float, 3, Cuda>(batch.target.sizes());
    }
    cuda::copy(x_.view(), batch.x.view());
    cuda::copy(target_.view(), batch.target.view());
  }
  TensorView<const float, 3, Cuda> x() const { return x_.view(); }
  TensorView<const float, 3, Cuda> target() const { return target_.view(); }

  // replay: the step makes the same calls as at other times.
  template <class Step>
  void run(Step&& step, bool replay) {
    if (replay)
      graph_.run(step);
    else
      step();
  }
  void publish(TensorView<const float, 0, Cuda> total, TensorView<const float, 0, Cuda> mae,
               TensorView<const double, 0, Cuda> norm) {
    numbers_.publish(total, mae, norm);
  }
  bool next(StepResult& result, bool wait) {
    if (told_ == numbers_.published() || (!wait && numbers_.newest() < told_)) return false;
    result = {
        .total = numbers_.value(told_, 0), .mae = numbers_.value(told_, 1), .grad_norm = numbers_.value(told_, 2)};
    ++told_;
    return true;
  }

  double number(TensorView<const float, 0, Cuda> value) const {
    float number = 0;
    cuda::copy_to_host(&number, value.data(), sizeof number);
    return static_cast<double>(number);
  }
  void lines(LineImage& image, TensorView<const float, 3, Cuda> y) {
    if (dense_.sizes() != y.sizes()) {
      dense_ = Tensor<float, 3, Cuda>(y.sizes());
      here_ = Tensor<float, 3>(y.sizes());
    }
    copy(dense_.view(), y);
    cuda::copy(here_.view(), std::as_const(dense_).view());
    image.fill(std::as_const(here_).view());
  }

 private:
  Tensor<float, 3, Cuda> x_, target_, dense_;
  Tensor<float, 3> here_;
  cuda::Readback numbers_;
  cuda::Graph graph_;
  index_t told_ = 0;
};

}  // namespace longwave::examples::sar_focus
