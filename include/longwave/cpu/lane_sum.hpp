// lane_sum.hpp - the sum of f(0) .. f(n - 1) in 16 running sums, so that the loop vectorises without fast-math flags
// and its error grows with n / 16. The order depends on n alone.
#pragma once

#include "longwave/core/extents.hpp"

namespace longwave::impl {

template <class T, class F>
T lane_sum(index_t n, F&& f) {
  constexpr int lanes = 16;
  alignas(64) T sum[lanes] = {};
  index_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) sum[k] += f(i + k);
  for (; i < n; ++i) sum[i % lanes] += f(i);
  for (int width = lanes / 2; width > 0; width /= 2)
    for (int k = 0; k < width; ++k) sum[k] += sum[k + width];
  return sum[0];
}

}  // namespace longwave::impl
