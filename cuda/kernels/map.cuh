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

// How the number of a piece of W elements becomes an offset per operand. Axes from the innermost; quotients by products
// and shifts where there are fewer than 2^31 pieces: n / d = n factor >> shift with factor = ceil(2^shift / d) and
// shift = 31 + ceil(log2 d).
template <int K>
struct Walk {
  int rank;
  bool small;
  std::uint32_t factor[max_rank];
  int shift[max_rank];
  index_t size[max_rank];       // pieces along the axis
  index_t stride[max_rank][K];  // from one to the next
};

template <int W, class T, int K>
Walk<K> walk_of(const Elements<T, K>& e) {
  Walk<K> walk = {};
  walk.rank = e.plan.rank;
  walk.small = e.count / W < (index_t(1) << 31);
  for (int axis = 0; axis < walk.rank; ++axis) {
    const int from = walk.rank - 1 - axis, width = axis == 0 ? W : 1;
    walk.size[axis] = e.plan.sizes[from] / width;
    for (int k = 0; k < K; ++k) walk.stride[axis][k] = e.plan.strides[k][from] * width;
    const auto size = static_cast<std::uint64_t>(walk.size[axis]);
    int log2 = 0;
    while (log2 < 31 && (std::uint64_t(1) << log2) < size) ++log2;
    walk.shift[axis] = 31 + log2;
    walk.factor[axis] = static_cast<std::uint32_t>(((std::uint64_t(1) << (31 + log2)) + size - 1) / size);
  }
  return walk;
}

// One axis of several pieces: what is left of their numbers, and where that leads.
template <class Index, int pieces, int K>
__device__ __forceinline__ void walk_axis(index_t (&offset)[pieces][K], Index (&rest)[pieces], const Walk<K>& walk,
                                          int axis) {
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    Index index = rest[i];
    if (axis + 1 < walk.rank) {
      if constexpr (sizeof(Index) == 4)
        rest[i] = static_cast<Index>(std::uint64_t(index) * walk.factor[axis] >> walk.shift[axis]);
      else
        rest[i] = index / walk.size[axis];
      index -= rest[i] * static_cast<Index>(walk.size[axis]);
    }
#pragma unroll
    for (int k = 0; k < K; ++k) offset[i][k] += static_cast<index_t>(index) * walk.stride[axis][k];
  }
}

// Offsets of pieces first, first + step, ..; those beyond the last are not to be used.
template <int pieces, int K>
__device__ __forceinline__ void walk_to(index_t (&offset)[pieces][K], const Walk<K>& walk, index_t first,
                                        index_t step) {
#pragma unroll
  for (int i = 0; i < pieces; ++i)
#pragma unroll
    for (int k = 0; k < K; ++k) offset[i][k] = 0;
  if (walk.small) {
    std::uint32_t rest[pieces];
#pragma unroll
    for (int i = 0; i < pieces; ++i) rest[i] = static_cast<std::uint32_t>(first + i * step);
#pragma unroll
    for (int axis = 0; axis < 3; ++axis)  // what most views have, without a look-up per axis
      if (axis < walk.rank) walk_axis(offset, rest, walk, axis);
#pragma unroll 1
    for (int axis = 3; axis < walk.rank; ++axis) walk_axis(offset, rest, walk, axis);
  } else {
    index_t rest[pieces];
#pragma unroll
    for (int i = 0; i < pieces; ++i) rest[i] = first + i * step;
#pragma unroll 1
    for (int axis = 0; axis < walk.rank; ++axis) walk_axis(offset, rest, walk, axis);
  }
}

template <class T, int K>
struct Pointers {
  T* data[K];
};
template <class T, int K>
Pointers<T, K> pointers_of(const Elements<T, K>& e) {
  Pointers<T, K> p;
  for (int k = 0; k < K; ++k) p.data[k] = e.data[k];
  return p;
}

inline constexpr int map_pieces = 4;  // per thread, all loaded before the first use

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
__global__ void __launch_bounds__(map_threads) map_strided_kernel(Pointers<T, K> p, Walk<K> walk, index_t all, F f) {
  constexpr int pieces = map_pieces, inputs = K - Outputs;
  const index_t first = blockIdx.x * index_t(map_threads * pieces) + threadIdx.x;
  index_t offset[pieces][K];
  walk_to(offset, walk, first, map_threads);
  T in[pieces][inputs > 0 ? inputs : 1][W];
#pragma unroll
  for (int i = 0; i < pieces; ++i)
#pragma unroll
    for (int k = Outputs; k < K; ++k)
      if (first + i * map_threads < all)
        load_piece(in[i][k - Outputs], p.data[k] + offset[i][k], walk.stride[0][k] == 0);
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
    for (int k = 0; k < Outputs; ++k) store_piece(p.data[k] + offset[i][k], out[k]);
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

template <int Outputs, int W, class F, class T, int K>
void map_pieces_of(const char* name, const Elements<T, K>& e, F f) {
  const unsigned blocks = blocks_for(e.count / W, index_t(map_threads) * map_pieces);
  map_strided_kernel<Outputs, W>
      <<<blocks, map_threads, 0, stream_handle()>>>(pointers_of(e), walk_of<W>(e), e.count / W, f);
  check_launch(name);
}

template <int Outputs, class F, class T, int K>
void map_strided(const char* name, const Elements<T, K>& e, F f, bool in_vectors) {
  if (in_vectors)
    map_pieces_of<Outputs, Vector<T>::size>(name, e, f);
  else
    map_pieces_of<Outputs, 1>(name, e, f);
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
