// reduce.hpp - the device's overloads of what ops/reduce.hpp calls, which includes this before its front. Sums and
// means need none: sum_to and map_elements are overloaded themselves.
#pragma once

#include "longwave/cuda/lines.hpp"

namespace longwave {

namespace cuda {

enum class SoftmaxKind { logsumexp, softmax, log_softmax };

// Operands y, x; y has size 1 along the axis for logsumexp.
template <class T>
void softmax_forward(const Lines<T, 2>& lines, SoftmaxKind kind);
// Operands dx, dy, y.
template <class T>
void softmax_backward(const Lines<T, 3>& lines, bool log);

}  // namespace cuda

namespace impl {

template <class T, int N>
void logsumexp_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> x, int axis) {
  cuda::softmax_forward(cuda::Lines<T, 2>(axis, x.size(axis), y, x), cuda::SoftmaxKind::logsumexp);
}

template <class T, int N>
void softmax_forward(TensorView<T, N, Cuda> y, TensorView<const T, N, Cuda> x, int axis, bool log) {
  cuda::softmax_forward(cuda::Lines<T, 2>(axis, x.size(axis), y, x),
                        log ? cuda::SoftmaxKind::log_softmax : cuda::SoftmaxKind::softmax);
}

template <class T, int N>
void softmax_backward(TensorView<T, N, Cuda> dx, TensorView<const T, N, Cuda> dy, TensorView<const T, N, Cuda> y,
                      int axis, bool log) {
  cuda::softmax_backward(cuda::Lines<T, 3>(axis, y.size(axis), dx, dy, y), log);
}

}  // namespace impl
}  // namespace longwave
