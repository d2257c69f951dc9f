// mask_lengths.cuh - zeros from lengths[b] on (ops/mask_lengths.hpp). Bytes per element: 2 sizeof(T).
#pragma once

#include "kernels/map.cuh"
#include "longwave/cuda/mask_lengths.hpp"

namespace longwave::cuda {

namespace detail {

struct Masked {
  index_t per_batch, L;
  const index_t* lengths;
  index_t step;
  // Positions of the row that are left from element i on.
  __device__ index_t at(index_t i) const { return (lengths == nullptr ? L : lengths[i / per_batch * step]) - i % L; }
  template <class T>
  __device__ void operator()(index_t left, int j, T& y, T x) const {
    y = j < left ? x : T(0);
  }
};

}  // namespace detail

template <class T>
void mask_lengths(const Elements<T, 2>& elements, index_t per_batch, index_t L, const index_t* lengths, index_t step) {
  map_places<1>("mask_lengths", elements, L, detail::Masked{per_batch, L, lengths, step});
}

}  // namespace longwave::cuda
