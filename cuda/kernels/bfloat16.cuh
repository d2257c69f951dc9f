// bfloat16.cuh - bfloat16 in kernels: pairs rounded by one instruction, pieces of a row loaded and stored at once.
#pragma once

#include "kernels/map.cuh"
#include "longwave/core/bfloat16.hpp"

namespace longwave::cuda::detail {

// low in the lower half: the first of two in memory.
__device__ inline std::uint32_t pack_bfloat16(float low, float high) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
__device__ inline float low_of_pair(std::uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float high_of_pair(std::uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }

// W neighbours of a row as numbers to compute with. W = 1, or `from` is a multiple of their size or of 16 bytes.
template <int W>
__device__ inline void load_wide(float (&x)[W], const bfloat16* from) {
  if constexpr (W == 1) {
    x[0] = *from;
  } else {
    struct alignas(2 * W) Pairs {
      std::uint32_t at[W / 2];
    };
    const Pairs pairs = *reinterpret_cast<const Pairs*>(from);
#pragma unroll
    for (int j = 0; j < W; j += 2) {
      x[j] = low_of_pair(pairs.at[j / 2]);
      x[j + 1] = high_of_pair(pairs.at[j / 2]);
    }
  }
}
template <int W>
__device__ inline void store_wide(bfloat16* to, const float (&y)[W]) {
  if constexpr (W == 1) {
    *to = bfloat16(y[0]);
  } else {
    struct alignas(2 * W) Pairs {
      std::uint32_t at[W / 2];
    };
    Pairs pairs;
#pragma unroll
    for (int j = 0; j < W; j += 2) pairs.at[j / 2] = pack_bfloat16(y[j], y[j + 1]);
    *reinterpret_cast<Pairs*>(to) = pairs;
  }
}

// Of other types: one vector, or several that follow one another.
template <int W, class T>
__device__ void load_wide(T (&x)[W], const T* from) {
  constexpr int V = Vector<T>::size;
  static_assert(W == 1 || W % V == 0);
  if constexpr (W <= V) {
    load_piece(x, from, false);
  } else {
#pragma unroll
    for (int i = 0; i < W; i += V) {
      T piece[V];
      load_piece(piece, from + i, false);
#pragma unroll
      for (int j = 0; j < V; ++j) x[i + j] = piece[j];
    }
  }
}
template <int W, class T>
__device__ void store_wide(T* to, const T (&y)[W]) {
  constexpr int V = Vector<T>::size;
  static_assert(W == 1 || W % V == 0);
  if constexpr (W <= V) {
    store_piece(to, y);
  } else {
#pragma unroll
    for (int i = 0; i < W; i += V) {
      T piece[V];
#pragma unroll
      for (int j = 0; j < V; ++j) piece[j] = y[i + j];
      store_piece(to + i, piece);
    }
  }
}

}  // namespace longwave::cuda::detail
