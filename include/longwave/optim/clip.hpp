// clip.hpp - gradients scaled down to a largest Euclidean norm over all parameters.
//
//   g = g * min(1, max_norm / (norm + 1e-6)),   norm = sqrt(sum of all g^2)      (as PyTorch's clip_grad_norm_)
//
//   clip_grad_norm(optimizer.parameters(), 1.0);        // returns the norm: on the device, waits for it
//   GradClip clip(optimizer.parameters(), 1.0);         // once
//   clip.apply();  ...  clip.last_norm()                // nothing is read back by apply(): it may be captured in a
//   graph
//
// The sum runs in double over blocks of fixed size, added in order: the same bits for any number of threads.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "longwave/core/arena.hpp"
#include "longwave/nn/module.hpp"
#include "longwave/optim/update_list.hpp"

namespace longwave {

namespace impl {

inline constexpr index_t norm_block = 1 << 13;

template <class T>
double sum_of_squares(TensorView<const T, 1, Host> x) {
  constexpr int lanes = 8;
  const index_t n = x.size(0), blocks = (n + norm_block - 1) / norm_block;
  Scratch scratch;
  double* partial = scratch.take<double>(blocks);
  parallel_blocks(n, norm_block, [&](index_t begin, index_t end) {
    double sum[lanes] = {};
    index_t i = begin;
    for (; i + lanes <= end; i += lanes)
      for (int k = 0; k < lanes; ++k) sum[k] += double(x.data()[i + k]) * double(x.data()[i + k]);
    for (; i < end; ++i) sum[0] += double(x.data()[i]) * double(x.data()[i]);
    double all = 0;
    for (double s : sum) all += s;
    partial[begin / norm_block] = all;
  });
  double sum = 0;
  for (index_t i = 0; i < blocks; ++i) sum += partial[i];
  return sum;
}

template <class T>
void scale(TensorView<T, 1, Host> x, double factor) {
  const T by = static_cast<T>(factor);
  parallel_blocks(x.size(0), 1 << 15, [=](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) x.data()[i] *= by;
  });
}

template <class T>
void clip_gradients(const Updates<T, Host>& updates, double max_norm, TensorView<double, 0, Host> norm) {
  double sum = 0;
  const auto grad = [&](index_t i) {
    return TensorView<T, 1>(updates.list(i).grad, Extents<1>{updates.list(i).count});
  };
  for (index_t i = 0; i < updates.list.size(0); ++i) sum += sum_of_squares(TensorView<const T, 1>(grad(i)));
  norm() = std::sqrt(sum);
  const double factor = max_norm / (norm() + 1e-6);
  if (!std::isfinite(norm()) || factor >= 1) return;
  for (index_t i = 0; i < updates.list.size(0); ++i) scale(grad(i), factor);
}

}  // namespace impl

// Gradients scaled in place, on their device. The parameters' tensors must stay where they are. A norm that is not
// finite leaves the gradients as they are: whether to skip the step or to stop is the caller's choice.
template <class T, device D = Host>
class GradClip {
 public:
  GradClip(const std::vector<ParameterRef<T, D>>& parameters, double max_norm) : max_norm_(checked(max_norm)) {
    std::vector<impl::Update<T>> list;
    for (const ParameterRef<T, D>& p : parameters)
      if (p.grad != nullptr) list.push_back({.grad = p.grad, .count = p.count});
    list_ = detail::UpdateList<T, D>(list);
  }

  void apply() { impl::clip_gradients(list_.updates(), max_norm_, norm_.view()); }

  TensorView<const double, 0, D> norm() const { return norm_.view(); }  // before clipping

  // The same on the host. On the device, waits for the work so far.
  double last_norm() const {
    if constexpr (std::is_same_v<D, Host>)
      return norm_();
    else
      return cuda::to_host(norm_)();
  }

 private:
  static double checked(double max_norm) {
    if (!(max_norm > 0))
      throw_value_error("GradClip: max_norm is " + std::to_string(max_norm) + ", expected more than 0");
    return max_norm;
  }

  double max_norm_;
  detail::UpdateList<T, D> list_;
  Tensor<double, 0, D> norm_{Extents<0>()};
};

// Norm of the gradients of these parameters (Optimizer::parameters() gives them without an allocation).
template <class T, device D>
double grad_norm(const std::vector<ParameterRef<T, D>>& parameters) {
  if constexpr (std::is_same_v<D, Cuda>) {
    GradClip<T, D> clip(parameters, INFINITY);
    clip.apply();
    return clip.last_norm();
  } else {
    double sum = 0;
    for (const ParameterRef<T, D>& p : parameters)
      if (p.grad != nullptr) sum += impl::sum_of_squares(TensorView<const T, 1>(p.grad, Extents<1>{p.count}));
    return std::sqrt(sum);
  }
}

// Returns the norm before clipping; GradClip is the same for every step of a training run.
template <class T, device D>
double clip_grad_norm(const std::vector<ParameterRef<T, D>>& parameters, double max_norm) {
  if (!(std::isfinite(max_norm) && max_norm > 0))
    throw_value_error("clip_grad_norm: max_norm is " + std::to_string(max_norm) + ", expected a finite number above 0");
  if constexpr (std::is_same_v<D, Cuda>) {
    GradClip<T, D> clip(parameters, max_norm);
    clip.apply();
    return clip.last_norm();
  } else {
    const double norm = grad_norm(parameters);
    const double factor = max_norm / (norm + 1e-6);
    if (std::isfinite(norm) && factor < 1)
      for (const ParameterRef<T, D>& p : parameters)
        if (p.grad != nullptr) impl::scale(TensorView<T, 1>(p.grad, Extents<1>{p.count}), factor);
    return norm;
  }
}

}  // namespace longwave
