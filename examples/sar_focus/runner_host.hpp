// runner_host.hpp - a batch on its way to a training step and the step's numbers back, on the host: both are where they
// are.
#pragma once

#include "longwave/models/sar_loss.hpp"
#include "sar_focus/trainer.hpp"

namespace longwave::examples::sar_focus {

// The lines of a batch (B, L, 2) as an image (L, 2B).
struct LineImage {
  Tensor<float, 2> pixels;

  void fill(TensorView<const float, 3> lines) {
    const index_t B = lines.size(0), L = lines.size(1);
    if (pixels.sizes() != Extents<2>{L, 2 * B}) pixels = Tensor<float, 2>(L, 2 * B);
    for (index_t b = 0; b < B; ++b)
      for (index_t l = 0; l < L; ++l)
        for (index_t q = 0; q < 2; ++q) pixels(l, 2 * b + q) = lines(b, l, q);
  }
};

template <device D>
class Runner;

// stage() brings a batch; run() makes a step on it; publish(), in the step, hands over its numbers, of which next()
// gives one after the other. number() and lines() wait.
template <>
class Runner<Host> {
 public:
  template <class... Counters>
  void advances(Counters&...) {}

  void stage(const SarBatch& batch) {
    x_ = batch.x.view();
    target_ = batch.target.view();
  }
  TensorView<const float, 3> x() const { return x_; }
  TensorView<const float, 3> target() const { return target_; }

  template <class Step>
  void run(Step&& step, bool /*replay*/) {
    step();
  }
  void publish(TensorView<const float, 0> total, TensorView<const float, 0> mae, TensorView<const double, 0> norm) {
    result_ = {.total = static_cast<double>(total()), .mae = static_cast<double>(mae()), .grad_norm = norm()};
    there_ = true;
  }
  bool next(StepResult& result, bool) {
    if (!there_) return false;
    result = result_;
    there_ = false;
    return true;
  }

  double number(TensorView<const float, 0> value) const { return static_cast<double>(value()); }
  void lines(LineImage& image, TensorView<const float, 3> y) const { image.fill(y); }

 private:
  TensorView<const float, 3> x_, target_;
  StepResult result_;
  bool there_ = false;
};

}  // namespace longwave::examples::sar_focus
