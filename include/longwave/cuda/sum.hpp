// sum.hpp - sum_to of core/sum.hpp, which includes this, on the device. Instantiated per functor in longwave::cuda,
// with kernels/sum.cuh:
//
//   template void sum_to(const SumPlan<float, 2>&, Product);       // K operands beside the output
#pragma once

#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

// Kept and summed axes of K operands of one shape, each set ordered by the operands' strides, so that the last axis of
// a set is the densest: the order of summation is free.
template <class T, int K>
struct SumPlan {
  T* out;
  const T* data[K];
  longwave::detail::RowPlan<max_rank, K + 1> over;  // kept; operand 0 is the output
  longwave::detail::RowPlan<max_rank, K> along;     // summed
  index_t outputs;
  bool across;  // neighbours in memory are kept, not summed
  double scale;

  template <int N, class... Views>
  SumPlan(TensorView<T, N, Cuda> y, double factor, TensorView<const T, N, Cuda> first, Views... others)
      : SumPlan(y, factor, first.sizes(), {first.data(), others.data()...}, {first.strides(), others.strides()...}) {
    static_assert(sizeof...(Views) == K - 1);
    static_assert(N <= max_rank, "the device's sums take up to 8 axes; reshape to fewer");
  }

  // Positions of the last two summed axes, and of those before them.
  LONGWAVE_HD index_t inner() const {
    return (along.rank > 0 ? along.sizes[along.rank - 1] : 1) * (along.rank > 1 ? along.sizes[along.rank - 2] : 1);
  }
  LONGWAVE_HD index_t outer() const {
    index_t n = 1;
    for (int axis = 0; axis + 2 < along.rank; ++axis) n *= along.sizes[axis];
    return n;
  }

 private:
  template <int N>
  SumPlan(TensorView<T, N, Cuda> y, double factor, const Extents<N>& sizes, const T* const (&from)[K],
          const Extents<N> (&strides)[K])
      : SumPlan(Order<N>(y, sizes, strides)) {
    out = y.data();
    scale = factor;
    for (int k = 0; k < K; ++k) data[k] = from[k];
  }

  // Axes by descending sums of the operands' strides; equal ones stay in order.
  template <int N>
  struct Order {
    Extents<max_rank> kept, summed, strides[K + 1];
    bool across = true;

    Order(TensorView<T, N, Cuda> y, const Extents<N>& sizes, const Extents<N> (&steps)[K]) {
      int order[max_rank] = {};
      index_t weight[max_rank] = {};
      for (int axis = 0; axis < N; ++axis) {
        for (int k = 0; k < K; ++k) weight[axis] += steps[k][axis] < 0 ? -steps[k][axis] : steps[k][axis];
        int at = axis;
        for (; at > 0 && weight[order[at - 1]] < weight[axis]; --at) order[at] = order[at - 1];
        order[at] = axis;
      }
      for (int i = 0; i < max_rank; ++i) {
        kept[i] = summed[i] = 1;
        if (i >= N) continue;
        const int axis = order[i];
        const bool keep = y.size(axis) == sizes[axis];
        (keep ? kept : summed)[i] = sizes[axis];
        if (sizes[axis] != 1) across = keep;
        strides[0][i] = y.stride(axis);
        for (int k = 0; k < K; ++k) strides[k + 1][i] = steps[k][axis];
      }
    }
  };

  template <int N, std::size_t... X>
  static auto plan_along(const Order<N>& o, std::index_sequence<X...>) {
    return longwave::detail::RowPlan<max_rank, K>(o.summed, {o.strides[X + 1]...});
  }

  template <int N>
  explicit SumPlan(const Order<N>& o)
      : over(o.kept, o.strides),
        along(plan_along(o, std::make_index_sequence<K>())),
        outputs(o.kept.count()),
        across(o.across) {}
};

template <class F, class T, int K>
void sum_to(const SumPlan<T, K>& plan, F f);

}  // namespace cuda

// As on the host; F is a named functor. Deterministic: what is added in which order follows from sizes and strides.
template <class F, class T, int N, class... Views>
void sum_to(TensorView<T, N, Cuda> out, double scale, F f, TensorView<const T, N, Cuda> first, Views... others) {
  cuda::sum_to(cuda::SumPlan<T, 1 + static_cast<int>(sizeof...(Views))>(out, scale, first, others...), f);
}

}  // namespace longwave
