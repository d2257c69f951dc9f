// lines.hpp - K operands seen as many lines along one axis, their rank taken away: what softmax, layer_norm and others
// that reduce along an axis and write along it give to their kernels (kernels/lines.cuh).
#pragma once

#include "longwave/cuda/elements.hpp"

namespace longwave::cuda {

// Operands have one shape, or size 1 along the axis, or are default views, without data. Sizes are those of the first
// operand unless they are given.
template <class T, int K>
struct Lines {
  T* data[K];
  index_t step[K];  // along the axis
  index_t length;   // of a line
  index_t count;    // of lines
  bool across;      // neighbouring lines are closer in memory than neighbours of a line
  longwave::detail::RowPlan<max_rank, K> plan;

  template <int N, class... Views>
  Lines(int axis, index_t line, TensorView<T, N, Cuda> first, Views... others)
      : Lines(axis, line, first.sizes(), first, others...) {}

  template <int N, class... Views>
  Lines(int axis, index_t line, const Extents<N>& sizes, TensorView<T, N, Cuda> first, Views... others)
      : Lines(axis, line, sizes, {first.data(), const_cast<T*>(others.data())...},
              {first.strides(), others.strides()...}) {
    static_assert(sizeof...(Views) == K - 1);
    static_assert(N <= max_rank, "the device's reductions take up to 8 axes; reshape to fewer");
  }

 private:
  template <int N>
  struct Order {
    Extents<max_rank> sizes, strides[K];
    bool across = false;

    // The axes but one by descending sums of strides; equal ones stay in order.
    Order(int axis, const Extents<N>& from, const Extents<N> (&steps)[K]) {
      index_t weight[N] = {};
      for (int i = 0; i < N; ++i)
        for (int k = 0; k < K; ++k) weight[i] += steps[k][i] < 0 ? -steps[k][i] : steps[k][i];
      int order[N] = {}, n = 0;
      for (int i = 0; i < N; ++i) {
        if (i == axis) continue;
        int at = n++;
        for (; at > 0 && weight[order[at - 1]] < weight[i]; --at) order[at] = order[at - 1];
        order[at] = i;
        across = across || (from[i] > 1 && weight[i] > 0 && weight[i] < weight[axis]);
      }
      for (int i = 0; i < max_rank; ++i) {
        sizes[i] = i < n ? from[order[i]] : 1;
        for (int k = 0; k < K; ++k) strides[k][i] = i < n ? steps[k][order[i]] : 0;
      }
    }
  };

  template <int N>
  Lines(int axis, index_t line, const Extents<N>& sizes, T* const (&from)[K], const Extents<N> (&strides)[K])
      : Lines(Order<N>(axis, sizes, strides)) {
    length = line;
    for (int k = 0; k < K; ++k) {
      data[k] = from[k];
      step[k] = strides[k][axis];
    }
  }

  template <int N>
  explicit Lines(const Order<N>& o) : count(o.sizes.count()), across(o.across), plan(o.sizes, o.strides) {}
};

}  // namespace longwave::cuda
