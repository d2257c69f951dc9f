// lines.cuh - what kernels share that reduce along an axis and then write along it: who owns what, and sums over the
// threads that share a line.
//
// A block owns `width` lines; `turns` threads share one, each with elements turn, turn + turns, .. of it. The first
// `items` of them stay in its registers, so x is read once; the rest of a very long line is read again. Neighbouring
// threads are neighbours in memory: along the line, or across lines (axis 1 of (B, H, L)), at least 32 bytes of them.
#pragma once

#include <algorithm>

#include "kernels/sum.cuh"
#include "longwave/cuda/lines.hpp"

namespace longwave::cuda::detail {

inline constexpr int line_threads = 512;  // at most: leaves 128 registers per thread
template <class T>
inline constexpr int many_items = 64 / static_cast<int>(sizeof(T));
inline constexpr int few_items = 4;

struct LineCut {
  int width, turns;
  bool few;  // few_items per thread are enough
  int threads() const { return width * turns; }
};

// From sizes and strides alone.
template <class T>
LineCut line_cut(index_t length, bool across) {
  constexpr index_t many = many_items<T>;
  const auto turns_for = [&](index_t items, index_t most) {
    return static_cast<int>(power_of_two_from(std::clamp<index_t>((length + items - 1) / items, 1, most)));
  };
  if (!across) {
    const bool few = length <= few_items * 256;
    const int turns = few ? turns_for(few_items, 256) : turns_for(many, line_threads);
    return {std::max(1, 256 / turns), turns, few};
  }
  if (length <= few_items * 8) {
    const int turns = turns_for(few_items, 8);
    return {256 / turns, turns, true};
  }
  const int width = length <= many * 8 ? 32 : length <= many * 32 ? 16 : 8;
  return {width, turns_for(many, line_threads / width), false};
}

// How values are combined over the threads that share something, all of which get the same result: over a warp by
// exchange, then over warps through `room`.
struct Fold {
  int from, to;              // exchange with lanes at distances from, 2 from, .. < to
  int first, stride, count;  // then with these threads
};

// Threads whose numbers differ in n consecutive ones.
__device__ inline Fold fold_low(int n) {
  const int t = static_cast<int>(threadIdx.x);
  return {1, min(n, 32), t / n * n, 32, n / 32};
}
// Threads whose numbers are equal modulo n.
__device__ inline Fold fold_high(int n) {
  const int stride = max(n, 32);
  return {n, 32, static_cast<int>(threadIdx.x) % n, stride, static_cast<int>(blockDim.x) / stride};
}

struct Add {
  __device__ double operator()(double a, double b) const { return a + b; }
};
struct Larger {
  __device__ double operator()(double a, double b) const { return b > a ? b : a; }
};

// room: M * blockDim.x numbers, not used again before the next __syncthreads().
template <class Op, int M>
__device__ void fold(double (&v)[M], const Fold& f, double* room, Op op) {
  for (int distance = f.from; distance < f.to; distance *= 2)
#pragma unroll
    for (int m = 0; m < M; ++m) v[m] = op(v[m], __shfl_xor_sync(0xffffffffu, v[m], distance));
  if (f.count <= 1) return;  // the same for all threads of a block
#pragma unroll
  for (int m = 0; m < M; ++m) room[m * blockDim.x + threadIdx.x] = v[m];
  __syncthreads();
#pragma unroll
  for (int m = 0; m < M; ++m) v[m] = room[m * blockDim.x + f.first];
  for (int i = 1; i < f.count; ++i)
#pragma unroll
    for (int m = 0; m < M; ++m) v[m] = op(v[m], room[m * blockDim.x + f.first + i * f.stride]);
}

// This thread's place: lane = which of the block's lines, turn = which share of it.
struct LinePlace {
  int lane, turn, turns;
  __device__ LinePlace(bool across, int width) {
    const int t = static_cast<int>(threadIdx.x);
    turns = static_cast<int>(blockDim.x) / width;
    lane = across ? t % width : t / turns;
    turn = across ? t / width : t % turns;
  }
};

// Element k of a line: products of 32 bits, one instruction per address (line_grid has seen that they suffice). Inputs
// are read past the stores to outputs, which the compiler could not know to be elsewhere: a thread writes what only it
// reads, and reads it before.
template <class T>
struct LineOf {
  T* data;
  int step;
  __device__ LineOf(T* first, index_t offset, index_t along) : data(first + offset), step(static_cast<int>(along)) {}
  __device__ std::conditional_t<std::is_const_v<T>, T, T&> operator[](int k) const {
    T* at = data + static_cast<index_t>(k) * static_cast<index_t>(step);
    if constexpr (std::is_const_v<T>)
      return __ldg(at);
    else
      return *at;
  }
};

// Over the threads of one line, or over lines for one turn.
__device__ inline Fold fold_turns(bool across, int width) {
  return across ? fold_high(width) : fold_low(static_cast<int>(blockDim.x) / width);
}
__device__ inline Fold fold_lanes(bool across, int width) {
  return across ? fold_low(width) : fold_high(static_cast<int>(blockDim.x) / width);
}

inline std::size_t line_room(const LineCut& cut, int numbers) {
  return static_cast<std::size_t>(numbers) * static_cast<std::size_t>(cut.threads()) * sizeof(double);
}

template <class T, int K>
unsigned line_grid(const char* name, const Lines<T, K>& lines, const LineCut& cut) {
  const index_t blocks = (lines.count + cut.width - 1) / cut.width;
  bool small = blocks <= 0x7fffffff && lines.length <= 0x3fffffff;
  for (const index_t step : lines.step) small = small && step <= 0x7fffffff && step >= -0x7fffffff;
  if (!small)
    throw_shape_error(std::string(name) + ": " + std::to_string(lines.count) + " lines of " +
                      std::to_string(lines.length) + " elements are more than one launch takes");
  return static_cast<unsigned>(blocks);
}

}  // namespace longwave::cuda::detail
