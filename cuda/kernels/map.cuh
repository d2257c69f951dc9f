// map.cuh - one function of single numbers over the elements of equally shaped views on the device, as core/map.hpp on
// the host: f(y_1&, .., x_1, ..), the first `Outputs` operands are written, the rest read.
//
// Memory-bound: each operand is moved once. Three kernels, by what the views allow:
//   dense     all operands dense and aligned: 16 bytes at a time, no index arithmetic
//   rows      rows of the last axis dense (inputs: or repeated) and aligned: 16 bytes at a time, one row lookup each
//   strided   anything else: one element at a time, coalesced where the last axis is dense
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

// W neighbours of the last axis as one load: W = 1, or 16 bytes of a dense row, or one element repeated.
template <int W, class T>
__device__ void load_piece(T (&x)[W], const T* from, bool repeated) {
  if constexpr (W == 1) {
    x[0] = *from;
  } else if (repeated) {
    const T value = *from;
#pragma unroll
    for (int j = 0; j < W; ++j) x[j] = value;
  } else {
    const Vector<T> v = *reinterpret_cast<const Vector<T>*>(from);
#pragma unroll
    for (int j = 0; j < W; ++j) x[j] = v.at[j];
  }
}

template <int W, class T>
__device__ void store_piece(T* to, const T (&y)[W]) {
  if constexpr (W == 1) {
    *to = y[0];
  } else {
    Vector<T> v;
#pragma unroll
    for (int j = 0; j < W; ++j) v.at[j] = y[j];
    *reinterpret_cast<Vector<T>*>(to) = v;
  }
}

// How the number of a piece of W elements is taken apart into indices: by products and shifts where there are fewer
// than 2^31 pieces, n / d = n factor >> shift with factor = ceil(2^shift / d), shift = 31 + ceil(log2 d).
struct PieceNumbers {
  std::uint32_t factor[max_rank];
  int shift[max_rank];
  bool small;
};

template <int W, class T, int K>
PieceNumbers piece_numbers(const Elements<T, K>& e) {
  PieceNumbers numbers = {};
  numbers.small = e.count / W < (index_t(1) << 31);
  for (int axis = 0; axis < e.plan.rank; ++axis) {
    const index_t size = axis == e.plan.rank - 1 ? e.plan.sizes[axis] / W : e.plan.sizes[axis];
    int log2 = 0;
    while (log2 < 31 && (index_t(1) << log2) < size) ++log2;
    numbers.shift[axis] = 31 + log2;
    numbers.factor[axis] = static_cast<std::uint32_t>(
        ((std::uint64_t(1) << (31 + log2)) + static_cast<std::uint64_t>(size) - 1) / static_cast<std::uint64_t>(size));
  }
  return numbers;
}

// Offsets of piece number `rest`.
template <int W, class T, int K>
__device__ void piece_offsets(index_t (&offset)[K], const Elements<T, K>& e, const PieceNumbers& numbers,
                              index_t rest) {
#pragma unroll
  for (int k = 0; k < K; ++k) offset[k] = 0;
#pragma unroll 1
  for (int axis = e.plan.rank - 1; axis >= 0; --axis) {
    const int width = axis == e.plan.rank - 1 ? W : 1;
    const index_t size = width == 1 ? e.plan.sizes[axis] : e.plan.sizes[axis] / W;
    index_t before = 0, index = rest;
    if (axis > 0 && numbers.small) {
      const auto n = static_cast<std::uint32_t>(rest);
      const auto q = static_cast<std::uint32_t>(std::uint64_t(n) * numbers.factor[axis] >> numbers.shift[axis]);
      before = q;
      index = n - q * static_cast<std::uint32_t>(size);
    } else if (axis > 0) {
      before = rest / size;
      index = rest - before * size;
    }
    rest = before;
#pragma unroll
    for (int k = 0; k < K; ++k) offset[k] += index * width * e.plan.strides[k][axis];
  }
}

template <int W>
inline constexpr int map_pieces = W == 1 ? 4 : 2;  // per thread, all loaded before the first use

// A function that does not ask where its elements lie; see map_places.
template <class F>
struct AnyPlace {
  F f;
  struct Nothing {};
  __device__ Nothing at(index_t) const { return {}; }
  template <class... A>
  __device__ void operator()(Nothing, int, A&... a) const {
    f(a...);
  }
};

template <class F, class Place, class T, std::size_t... Y, std::size_t... X>
__device__ void map_one_at(F& f, const Place& place, int j, T* y, const T* x, std::index_sequence<Y...>,
                           std::index_sequence<X...>) {
  f(place, j, y[Y]..., x[X]...);
}

// Any strides; with W > 1 rows that rows_in_vectors has seen. f as in map_places.
template <int Outputs, int W, class F, class T, int K>
__global__ void __launch_bounds__(map_threads) map_strided_kernel(Elements<T, K> e, PieceNumbers numbers, F f) {
  constexpr int pieces = map_pieces<W>, inputs = K - Outputs;
  const index_t all = e.count / W;
  const index_t first = blockIdx.x * index_t(map_threads * pieces) + threadIdx.x;
  index_t to[pieces][Outputs];
  T in[pieces][inputs > 0 ? inputs : 1][W];
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    if (first + i * map_threads >= all) break;
    index_t offset[K];
    piece_offsets<W>(offset, e, numbers, first + i * map_threads);
#pragma unroll
    for (int k = 0; k < Outputs; ++k) to[i][k] = offset[k];
#pragma unroll
    for (int k = Outputs; k < K; ++k)
      load_piece(in[i][k - Outputs], e.data[k] + offset[k], e.plan.rank > 0 && e.plan.strides[k][e.plan.rank - 1] == 0);
  }
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    if (first + i * map_threads >= all) break;
    const auto place = f.at((first + i * map_threads) * W);
    T out[Outputs][W];
#pragma unroll
    for (int j = 0; j < W; ++j) {
      T y[Outputs], x[inputs > 0 ? inputs : 1];
      for (int k = 0; k < inputs; ++k) x[k] = in[i][k][j];
      map_one_at(f, place, j, y, x, std::make_index_sequence<Outputs>(), std::make_index_sequence<inputs>());
      for (int k = 0; k < Outputs; ++k) out[k][j] = y[k];
    }
#pragma unroll
    for (int k = 0; k < Outputs; ++k) store_piece(e.data[k] + to[i][k], out[k]);
  }
}

// Dense operands on 16 bytes: each block takes map_threads * map_vectors vectors that follow one another.
template <int Outputs, class F, class T, int K>
__global__ void __launch_bounds__(map_threads) map_dense_kernel(Elements<T, K> e, F f) {
  constexpr int V = Vector<T>::size, inputs = K - Outputs;
  const index_t vectors = e.count / V;
  const index_t first = blockIdx.x * index_t(map_threads * map_vectors) + threadIdx.x;
  Vector<T> in[map_vectors][inputs > 0 ? inputs : 1];
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
      T y[Outputs], x[inputs > 0 ? inputs : 1];
      for (int k = 0; k < inputs; ++k) x[k] = in[i][k].at[j];
      map_one(f, y, x, std::make_index_sequence<Outputs>(), std::make_index_sequence<inputs>());
      for (int k = 0; k < Outputs; ++k) out[k].at[j] = y[k];
    }
    for (int k = 0; k < Outputs; ++k) reinterpret_cast<Vector<T>*>(e.data[k])[first + i * map_threads] = out[k];
  }
  const index_t tail = vectors * V + threadIdx.x;  // at most V - 1 elements
  if (blockIdx.x == 0 && tail < e.count) {
    T y[Outputs], x[inputs > 0 ? inputs : 1];
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

template <class T, int K>
bool all_in_vectors(const Elements<T, K>& e) {
  bool dense = e.dense();
  for (int k = 0; k < K; ++k) dense = dense && aligned_for_vectors(e.data[k]);
  return dense;
}

// Rows of the last axis are whole vectors in every operand, or one repeated element of an input.
template <int Outputs, class T, int K>
bool rows_in_vectors(const Elements<T, K>& e) {
  constexpr int V = Vector<T>::size;
  const int last = e.plan.rank - 1;
  bool whole = V > 1 && last >= 0 && e.plan.sizes[last] % V == 0;
  for (int k = 0; k < K && whole; ++k) {
    if (k >= Outputs && e.plan.strides[k][last] == 0) continue;
    whole = e.plan.strides[k][last] == 1 && aligned_for_vectors(e.data[k]);
    for (int axis = 0; axis < last; ++axis) whole = whole && e.plan.strides[k][axis] % V == 0;
  }
  return whole;
}

}  // namespace detail

namespace detail {

template <int Outputs, class F, class T, int K>
void map_strided(const char* name, const Elements<T, K>& e, F f, bool in_vectors) {
  constexpr int V = Vector<T>::size;
  if (in_vectors) {
    const unsigned blocks = blocks_for(e.count, index_t(map_threads) * map_pieces<V> * V);
    map_strided_kernel<Outputs, V><<<blocks, map_threads, 0, stream_handle()>>>(e, piece_numbers<V>(e), f);
  } else {
    const unsigned blocks = blocks_for(e.count, index_t(map_threads) * map_pieces<1>);
    map_strided_kernel<Outputs, 1><<<blocks, map_threads, 0, stream_handle()>>>(e, piece_numbers<1>(e), f);
  }
  check_launch(name);
}

}  // namespace detail

template <int Outputs, class F, class T, int K>
void map_elements(const char* name, const Elements<T, K>& e, F f) {
  using namespace detail;
  if (e.count == 0) return;
  if (all_in_vectors(e)) {
    const index_t per_block = index_t(map_threads) * map_vectors * Vector<T>::size;
    map_dense_kernel<Outputs><<<blocks_for(e.count, per_block), map_threads, 0, stream_handle()>>>(e, f);
    check_launch(name);
  } else {
    map_strided<Outputs>(name, e, AnyPlace<F>{f}, rows_in_vectors<Outputs>(e));
  }
}

// The same where f depends on the row-major number i of an element. place = f.at(i) is asked for once per piece, of
// elements i, i + 1, .. of one row of `length`; element i + j is f(place, j, y_1&, .., x_1, ..).
template <int Outputs, class F, class T, int K>
void map_places(const char* name, const Elements<T, K>& e, index_t length, F f) {
  if (e.count == 0) return;
  detail::map_strided<Outputs>(name, e, f, length % Vector<T>::size == 0 && detail::rows_in_vectors<Outputs>(e));
}

}  // namespace longwave::cuda
