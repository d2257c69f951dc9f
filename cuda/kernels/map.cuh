// map.cuh - one function of single numbers over the elements of equally shaped views on the device, as core/map.hpp on
// the host: f(y_1&, .., x_1, ..), the first `Outputs` operands are written, the rest read.
//
// Memory-bound: each operand is moved once, 16 bytes at a time where all operands are dense and aligned.
#pragma once

#include <utility>

#include "kernels/launch.cuh"
#include "longwave/cuda/elements.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int map_threads = 256;
inline constexpr int map_vectors = 4;  // 16-byte loads per operand and thread in flight before the first use

template <class F, class T, std::size_t... Y, std::size_t... X>
__device__ void map_one(F& f, T* y, const T* x, std::index_sequence<Y...>, std::index_sequence<X...>) {
  f(y[Y]..., x[X]...);
}

// Any strides: position -> one offset per operand.
template <int Outputs, class F, class T, int K>
__global__ void __launch_bounds__(map_threads) map_strided_kernel(Elements<T, K> e, F f) {
  const index_t at = blockIdx.x * index_t(map_threads) + threadIdx.x;
  if (at >= e.count) return;
  index_t offset[K] = {}, rest = at;
  for (int axis = e.plan.rank - 1; axis >= 0; --axis) {
    const index_t index = rest % e.plan.sizes[axis];
    rest /= e.plan.sizes[axis];
    for (int k = 0; k < K; ++k) offset[k] += index * e.plan.strides[k][axis];
  }
  T y[Outputs], x[K - Outputs];
  for (int k = Outputs; k < K; ++k) x[k - Outputs] = e.data[k][offset[k]];
  map_one(f, y, x, std::make_index_sequence<Outputs>(), std::make_index_sequence<K - Outputs>());
  for (int k = 0; k < Outputs; ++k) e.data[k][offset[k]] = y[k];
}

// Dense operands on 16 bytes: each block takes map_threads * map_vectors vectors that follow one another.
template <int Outputs, class F, class T, int K>
__global__ void __launch_bounds__(map_threads) map_dense_kernel(Elements<T, K> e, F f) {
  constexpr int V = Vector<T>::size, inputs = K - Outputs;
  const index_t vectors = e.count / V;
  const index_t first = blockIdx.x * index_t(map_threads * map_vectors) + threadIdx.x;
  Vector<T> in[map_vectors][inputs];
#pragma unroll
  for (int i = 0; i < map_vectors; ++i)
#pragma unroll
    for (int k = 0; k < inputs; ++k)
      if (first + i * map_threads < vectors)
        in[i][k] = reinterpret_cast<const Vector<T>*>(e.data[Outputs + k])[first + i * map_threads];
#pragma unroll
  for (int i = 0; i < map_vectors; ++i) {
    if (first + i * map_threads >= vectors) break;
    Vector<T> out[Outputs];
#pragma unroll
    for (int j = 0; j < V; ++j) {
      T y[Outputs], x[inputs];
      for (int k = 0; k < inputs; ++k) x[k] = in[i][k].at[j];
      map_one(f, y, x, std::make_index_sequence<Outputs>(), std::make_index_sequence<inputs>());
      for (int k = 0; k < Outputs; ++k) out[k].at[j] = y[k];
    }
    for (int k = 0; k < Outputs; ++k) reinterpret_cast<Vector<T>*>(e.data[k])[first + i * map_threads] = out[k];
  }
  const index_t tail = vectors * V + threadIdx.x;  // at most V - 1 elements
  if (blockIdx.x == 0 && tail < e.count) {
    T y[Outputs], x[inputs];
    for (int k = 0; k < inputs; ++k) x[k] = e.data[Outputs + k][tail];
    map_one(f, y, x, std::make_index_sequence<Outputs>(), std::make_index_sequence<inputs>());
    for (int k = 0; k < Outputs; ++k) e.data[k][tail] = y[k];
  }
}

inline unsigned blocks_for(index_t work, index_t per_block) {
  const index_t blocks = (work + per_block - 1) / per_block;
  if (blocks > 0x7fffffff)
    throw_shape_error("cuda: " + std::to_string(work) + " elements are more than one launch takes");
  return static_cast<unsigned>(blocks);
}

}  // namespace detail

template <int Outputs, class F, class T, int K>
void map_elements(const char* name, const Elements<T, K>& e, F f) {
  if (e.count == 0) return;
  bool dense = e.dense();
  for (int k = 0; k < K; ++k) dense = dense && aligned_for_vectors(e.data[k]);
  if (dense) {
    const index_t per_block = index_t(detail::map_threads) * detail::map_vectors * Vector<T>::size;
    detail::map_dense_kernel<Outputs>
        <<<detail::blocks_for(e.count, per_block), detail::map_threads, 0, stream_handle()>>>(e, f);
  } else {
    detail::map_strided_kernel<Outputs>
        <<<detail::blocks_for(e.count, detail::map_threads), detail::map_threads, 0, stream_handle()>>>(e, f);
  }
  check_launch(name);
}

}  // namespace longwave::cuda
