// random.hpp - the device's side of core/random.hpp, which includes this. Defined in longwave::cuda.
//
// The numbers are those of the host: uniform and bernoulli bit for bit, normal up to the last places of log, sin and
// cos. In a graph's replay each fill makes the numbers of a draw of its own (Advance in stream.hpp).
#pragma once

#include "longwave/cuda/memory.hpp"

namespace longwave {

struct PhiloxKey;

namespace cuda {

// n numbers of one draw to dense memory.
template <class T>
void draw_uniform(T* out, index_t n, PhiloxKey key, T low, T width);
template <class T>
void draw_normal(T* out, index_t n, PhiloxKey key, T mean, T deviation);
template <class T>
void draw_bernoulli(T* out, index_t n, PhiloxKey key, T probability);

}  // namespace cuda
}  // namespace longwave
