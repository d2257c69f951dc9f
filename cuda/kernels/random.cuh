// random.cuh - uniform, normal and bernoulli fills on the device: one thread per Philox call, which gives 16 bytes.
// Bytes per element: sizeof(T); about 100 instructions per 16 bytes, some twice what the memory allows for float.
#pragma once

#include "kernels/map.cuh"
#include "longwave/core/random.hpp"

namespace longwave::cuda {

namespace detail {

// Rounded after each operation, as on the host: no fused multiply-add.
__device__ inline float rounded_sum(float a, float b) { return __fadd_rn(a, b); }
__device__ inline double rounded_sum(double a, double b) { return __dadd_rn(a, b); }
__device__ inline float rounded_product(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double rounded_product(double a, double b) { return __dmul_rn(a, b); }

template <class T>
struct UniformDraw {
  T low, width;
  __device__ void operator()(T* out, PhiloxKey key, std::uint64_t group) const {
    philox_uniform(out, key, group);
    for (int i = 0; i < longwave::detail::per_group<T>; ++i) out[i] = rounded_sum(low, rounded_product(width, out[i]));
  }
};

template <class T>
struct NormalDraw {
  T mean, deviation;
  __device__ void operator()(T* out, PhiloxKey key, std::uint64_t group) const {
    philox_normal(out, key, group);
    for (int i = 0; i < longwave::detail::per_group<T>; ++i)
      out[i] = rounded_sum(mean, rounded_product(deviation, out[i]));
  }
};

template <class T>
struct BernoulliDraw {
  T probability;
  __device__ void operator()(T* out, PhiloxKey key, std::uint64_t group) const {
    philox_uniform(out, key, group);
    for (int i = 0; i < longwave::detail::per_group<T>; ++i) out[i] = out[i] < probability ? T(1) : T(0);
  }
};

template <class T, class Draw>
__global__ void __launch_bounds__(map_threads)
    draw_kernel(T* out, index_t n, PhiloxKey key, const Advance* advance, bool aligned, Draw draw) {
  constexpr int group = longwave::detail::per_group<T>;
  const index_t g = blockIdx.x * index_t(map_threads) + threadIdx.x;
  if (g * group >= n) return;
  key.draw += advance->draws;
  T numbers[group];
  draw(numbers, key, static_cast<std::uint64_t>(g));
  if (aligned && (g + 1) * group <= n) {
    store_piece(out + g * group, numbers);
  } else {
    for (int i = 0; i < group; ++i)
      if (g * group + i < n) out[g * group + i] = numbers[i];
  }
}

template <class T, class Draw>
void draw_numbers(const char* name, T* out, index_t n, PhiloxKey key, Draw draw) {
  if (n == 0) return;
  const index_t per_block = index_t(map_threads) * longwave::detail::per_group<T>;
  const Advance* advance = current_stream().advance();
  draw_kernel<<<blocks_for(n, per_block), map_threads, 0, stream_handle()>>>(out, n, key, advance,
                                                                             aligned_for_vectors(out), draw);
  check_launch(name);
}

}  // namespace detail

template <class T>
void draw_uniform(T* out, index_t n, PhiloxKey key, T low, T width) {
  detail::draw_numbers("uniform", out, n, key, detail::UniformDraw<T>{low, width});
}
template <class T>
void draw_normal(T* out, index_t n, PhiloxKey key, T mean, T deviation) {
  detail::draw_numbers("normal", out, n, key, detail::NormalDraw<T>{mean, deviation});
}
template <class T>
void draw_bernoulli(T* out, index_t n, PhiloxKey key, T probability) {
  detail::draw_numbers("bernoulli", out, n, key, detail::BernoulliDraw<T>{probability});
}

}  // namespace longwave::cuda
