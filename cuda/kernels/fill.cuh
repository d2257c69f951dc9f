// fill.cuh - fill, copy, add, and a look for NaN and infinity on the device (longwave/cuda/fill.hpp).
// Bytes per element: fill 1 sizeof(T), copy 2, add 3, all_finite 1; all memory-bound.
#pragma once

#include "kernels/map.cuh"
#include "longwave/cuda/fill.hpp"

namespace longwave::cuda {

namespace detail {

template <class Word>
struct Constant {
  Word value;
  __device__ void operator()(Word& y) const { y = value; }
};

struct Same {
  template <class Word>
  __device__ void operator()(Word& y, Word x) const {
    y = x;
  }
};

struct Sum {
  template <class T>
  __device__ void operator()(T& y, T a, T b) const {
    y = static_cast<T>(a + b);
  }
};

inline constexpr int tile = 32, tile_rows = 8;  // a block of 32 x 8 threads moves 32 x 32 elements

// to (.., P, Q) with Q dense = from (.., P, Q) with P dense: each side is read or written along its own dense axis.
struct TransposedCopy {
  int p, q;                  // the axes that are dense in `from` and in `to`
  index_t tiles_p, tiles_q;  // of 32 elements
};

template <class Word>
__global__ void __launch_bounds__(tile* tile_rows) copy_tiles_kernel(Elements<Word, 2> e, TransposedCopy c) {
  __shared__ Word room[tile][tile + 1];
  index_t rest = blockIdx.x;
  const index_t q0 = rest % c.tiles_q * tile;
  rest /= c.tiles_q;
  const index_t p0 = rest % c.tiles_p * tile;
  rest /= c.tiles_p;
  Word* to = e.data[0];
  const Word* from = e.data[1];
  for (int axis = e.plan.rank - 1; axis >= 0; --axis) {
    if (axis == c.p || axis == c.q) continue;
    const index_t index = rest % e.plan.sizes[axis];
    rest /= e.plan.sizes[axis];
    to += index * e.plan.strides[0][axis];
    from += index * e.plan.strides[1][axis];
  }
  const index_t P = e.plan.sizes[c.p], Q = e.plan.sizes[c.q];
  for (int i = threadIdx.y; i < tile; i += tile_rows)
    if (q0 + i < Q && p0 + threadIdx.x < P)
      room[i][threadIdx.x] = from[(q0 + i) * e.plan.strides[1][c.q] + p0 + threadIdx.x];
  __syncthreads();
  for (int i = threadIdx.y; i < tile; i += tile_rows)
    if (p0 + i < P && q0 + threadIdx.x < Q)
      to[(p0 + i) * e.plan.strides[0][c.p] + q0 + threadIdx.x] = room[threadIdx.x][i];
}

// Whether the operands are dense along two different axes that are long enough for tiles.
template <class Word>
bool transposed(const Elements<Word, 2>& e, TransposedCopy& c) {
  c = {-1, -1, 0, 0};
  for (int axis = 0; axis < e.plan.rank; ++axis) {
    if (e.plan.strides[0][axis] == 1) c.q = axis;
    if (e.plan.strides[1][axis] == 1) c.p = axis;
  }
  if (c.p < 0 || c.q < 0 || c.p == c.q || e.plan.sizes[c.p] < 4 || e.plan.sizes[c.q] < 4) return false;
  c.tiles_p = (e.plan.sizes[c.p] + tile - 1) / tile;
  c.tiles_q = (e.plan.sizes[c.q] + tile - 1) / tile;
  return true;
}

template <class T>
__global__ void __launch_bounds__(map_threads) not_finite_kernel(const T* x, Walk<1> walk, index_t count, int* found) {
  bool finite = true;
  const index_t step = index_t(gridDim.x) * map_threads;
  for (index_t i = blockIdx.x * index_t(map_threads) + threadIdx.x; i < count; i += step) {
    index_t offset[1][1];
    walk_to(offset, walk, i, 0);
    finite = finite && isfinite(x[offset[0][0]]);
  }
  if (!finite) *found = 1;
}

}  // namespace detail

template <class Word>
void fill_words(const Elements<Word, 1>& x, Word value) {
  const Word zero = {};
  if (x.count > 0 && x.dense() && std::memcmp(&value, &zero, sizeof(Word)) == 0)
    Memory<Cuda>::zero(x.data[0], static_cast<std::size_t>(x.count) * sizeof(Word));
  else
    map_elements<1>("fill", x, detail::Constant<Word>{value});
}

template <class Word>
void copy_words(const Elements<Word, 2>& e) {
  if (e.count == 0) return;
  detail::TransposedCopy c;
  if (e.dense()) {
    Memory<Cuda>::copy(e.data[0], e.data[1], static_cast<std::size_t>(e.count) * sizeof(Word));
  } else if (detail::transposed(e, c)) {
    const index_t batches = e.count / (e.plan.sizes[c.p] * e.plan.sizes[c.q]);
    const unsigned blocks = detail::blocks_for(batches * c.tiles_p * c.tiles_q, 1);
    detail::copy_tiles_kernel<<<blocks, dim3(detail::tile, detail::tile_rows), 0, stream_handle()>>>(e, c);
    check_launch("copy");
  } else {
    map_elements<1>("copy", e, detail::Same());
  }
}

template <class T>
void add_elements(const Elements<T, 3>& e) {
  map_elements<1>("add_to", e, detail::Sum());
}

template <class T>
bool all_finite(const Elements<T, 1>& e) {
  if (e.count == 0) return true;
  ScratchOn<Cuda> scratch;
  int* found = scratch.take<int>(1);
  Memory<Cuda>::zero(found, sizeof(int));
  const unsigned blocks =
      static_cast<unsigned>(std::min<index_t>(1024, detail::blocks_for(e.count, detail::map_threads)));
  detail::not_finite_kernel<<<blocks, detail::map_threads, 0, stream_handle()>>>(e.data[0], detail::walk_of<1>(e),
                                                                                 e.count, found);
  check_launch("all_finite");
  int answer = 0;
  copy_to_host(&answer, found, sizeof(int));
  return answer == 0;
}

}  // namespace longwave::cuda
