// elements.hpp - views with their rank taken away, as kernels over elements take them: one kernel per type, not per
// rank.
#pragma once

#include "longwave/core/rows.hpp"

namespace longwave::cuda {

inline constexpr int max_rank = 8;

// K operands of one shape: axes that follow one another merged (core/rows.hpp), data[k] + sum index stride[k].
template <class T, int K>
struct Elements {
  T* data[K];
  index_t count;
  longwave::detail::RowPlan<max_rank, K> plan;

  template <int N, class... Views>
  explicit Elements(TensorView<T, N, Cuda> first, Views... others)
      : data{first.data(), const_cast<T*>(others.data())...},
        count(first.count()),
        plan(padded(first.sizes()), {padded(first.strides()), padded(others.strides())...}) {
    static_assert(sizeof...(Views) == K - 1);
    static_assert(N <= max_rank, "the device's elementwise kernels take up to 8 axes; reshape to fewer");
  }

  bool dense() const {
    bool all = plan.rank <= 1;
    for (int k = 0; k < K; ++k) all = all && (plan.rank == 0 || plan.strides[k][0] == 1);
    return all;
  }

 private:
  template <int N>
  static Extents<max_rank> padded(const Extents<N>& extents) {
    Extents<max_rank> all;
    for (int axis = 0; axis < max_rank; ++axis) all[axis] = axis < N ? extents[axis] : 1;
    return all;
  }
};

}  // namespace longwave::cuda
