// clip.hpp - gradients scaled down to a largest Euclidean norm over all parameters.
//
//   g = g * min(1, max_norm / (norm + 1e-6)),   norm = sqrt(sum of all g^2)      (as PyTorch's clip_grad_norm_)
//
// The sum runs in double over blocks of fixed size, added in order: the same bits for any number of threads.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "longwave/core/arena.hpp"
#include "longwave/nn/module.hpp"

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

}  // namespace impl

// Norm of the gradients of these parameters (Optimizer::parameters() gives them without an allocation).
template <class T, device D>
double grad_norm(const std::vector<ParameterRef<T, D>>& parameters) {
  double sum = 0;
  for (const ParameterRef<T, D>& p : parameters)
    if (p.grad != nullptr) sum += impl::sum_of_squares(TensorView<const T, 1, D>(p.grad, Extents<1>{p.count}));
  return std::sqrt(sum);
}

// Returns the norm before clipping. A norm that is not finite leaves the gradients as they are: whether to skip the
// step or to stop is the caller's choice.
template <class T, device D>
double clip_grad_norm(const std::vector<ParameterRef<T, D>>& parameters, double max_norm) {
  if (!(std::isfinite(max_norm) && max_norm > 0))
    throw_value_error("clip_grad_norm: max_norm is " + std::to_string(max_norm) + ", expected a finite number above 0");
  const double norm = grad_norm(parameters);
  const double factor = max_norm / (norm + 1e-6);
  if (std::isfinite(norm) && factor < 1)
    for (const ParameterRef<T, D>& p : parameters)
      if (p.grad != nullptr) impl::scale(TensorView<T, 1, D>(p.grad, Extents<1>{p.count}), factor);
  return norm;
}

}  // namespace longwave
