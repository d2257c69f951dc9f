// cast.cuh - a change of the type of storage on the device (ops/cast.hpp). Bytes per element: sizeof(U) + sizeof(T);
// memory-bound.
#pragma once

#include "kernels/bfloat16.cuh"
#include "longwave/cuda/cast.hpp"

namespace longwave::cuda {

namespace detail {

// Eight neighbours per piece where both sides are dense, else one. Four pieces per thread are read before any is
// written; y and x share no memory.
template <int W, class U, class T>
__global__ void __launch_bounds__(map_threads) cast_kernel(U* y, const T* x, Walk<2> walk, index_t pieces) {
  const index_t first = blockIdx.x * index_t(map_threads * map_pieces) + threadIdx.x;
  index_t offset[map_pieces][2];
  walk_to(offset, walk, first, map_threads);
  Arithmetic<T> in[map_pieces][W];
#pragma unroll
  for (int i = 0; i < map_pieces; ++i)
    if (first + i * map_threads < pieces) load_wide(in[i], x + offset[i][1]);
#pragma unroll
  for (int i = 0; i < map_pieces; ++i)
    if (first + i * map_threads < pieces) store_wide(y + offset[i][0], in[i]);
}

template <int W, class U, class T>
void start_cast(const CastElements<U, T>& e) {
  const index_t pieces = e.places.count / W;
  cast_kernel<W><<<blocks_for(pieces, index_t(map_threads) * map_pieces), map_threads, 0, stream_handle()>>>(
      e.y, e.x, walk_of<W>(e.places), pieces);
  check_launch("cast");
}

}  // namespace detail

template <class U, class T>
void cast(const CastElements<U, T>& e) {
  constexpr int W = 8;
  if (e.places.count == 0) return;
  const index_t whole = e.places.count / W * W;
  if (!e.places.dense() || whole == 0 || !aligned_for_vectors(e.y) || !aligned_for_vectors(e.x))
    return detail::start_cast<1>(e);
  CastElements<U, T> part = e;
  part.places.count = part.places.plan.sizes[0] = whole;
  detail::start_cast<W>(part);
  if (whole == e.places.count) return;
  part.y += whole, part.x += whole;
  part.places.count = part.places.plan.sizes[0] = e.places.count - whole;
  detail::start_cast<1>(part);
}

}  // namespace longwave::cuda
