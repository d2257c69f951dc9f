// each.cuh - one thread per index: the device's side of core/each.hpp.
#pragma once

#include "kernels/map.cuh"
#include "longwave/cuda/each.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int each_threads = 128;

template <class F>
__global__ void __launch_bounds__(each_threads) each_kernel(index_t n, F f) {
  const index_t i = blockIdx.x * index_t(each_threads) + threadIdx.x;
  if (i < n) f(i);
}

}  // namespace detail

template <class F>
void for_each_index(const char* name, index_t n, const F& f) {
  if (n <= 0) return;
  detail::each_kernel<<<detail::blocks_for(n, detail::each_threads), detail::each_threads, 0, stream_handle()>>>(n, f);
  check_launch(name);
}

}  // namespace longwave::cuda
