// dropout.cuh - dropout on the device, alone, after a rule, and of what is added to a sum (ops/dropout.hpp).
//
// Factors k / (1 - p) are never stored: of 64 elements the threads draw 16 Philox calls, each of which serves four
// elements 16 apart; tied, a block draws once for each of its rows, while its elements are loaded. Bytes per element: 2
// sizeof(T), after a rule 2 and 3, in a sum 3; some 25 instructions of Philox per element keep up with memory. Views of
// bfloat16 are computed in float.
#pragma once

#include "kernels/map.cuh"
#include "longwave/ops/dropout.hpp"

namespace longwave::cuda {

namespace detail {

template <class T>
struct Factors {
  PhiloxKey key;
  const Advance* advance;
  std::uint32_t threshold;
  T kept;

  __device__ PhiloxWords words(index_t call) const {
    PhiloxKey now = key;
    now.draw += advance->draws;
    return philox(now, static_cast<std::uint64_t>(call));
  }
  __device__ T of(std::uint32_t word) const { return word >= threshold ? kept : T(0); }
  // Of all elements of a row, if tied.
  __device__ T of_row(index_t row) const {
    const PhiloxWords words = this->words(row / 64 * 16 + row % 16);
    const int w = static_cast<int>(row / 16 % 4);
    return of(w < 2 ? (w == 0 ? words.word[0] : words.word[1]) : (w == 2 ? words.word[2] : words.word[3]));
  }
};

template <class T>
Factors<T> factors_of(const DropoutDraw& draw) {
  return {draw.key, current_stream().advance(), static_cast<std::uint32_t>(draw.p * 0x1p32),
          static_cast<T>(1 / (1 - draw.p))};
}

// Functions f(factor, y_1&, .., x_1, ..) of dropout's kernels.
template <class T>
struct Dropped {
  T scale;
  template <class S>
  __device__ void operator()(T factor, S& y, S x) const {
    y = S(scale * (x * factor));
  }
};
template <class Rule>
struct DroppedValue {
  Rule rule;
  template <class T, class S>
  __device__ void operator()(T factor, S& y, S x) const {
    y = S(rule.value(T(x)) * factor);
  }
};
template <class Rule>
struct DroppedSlope {
  Rule rule;
  template <class T, class S>
  __device__ void operator()(T factor, S& dx, S dy, S x) const {
    dx = S(dy * factor * rule.slope(T(x)));
  }
};
template <class T>
struct SumWithDropped {
  T a, b;
  __device__ void operator()(T factor, T& z, T x, T y) const { z = a * x + b * (y * factor); }
};
template <class T>
struct SumWithDroppedSlopes {
  T a, b;
  __device__ void operator()(T factor, T& dx, T& dy, T dz) const {
    dx = a * dz;
    dy = b * (dz * factor);
  }
};

template <class F, class A, class T, std::size_t... Y, std::size_t... X>
__device__ void drop_one(F& f, A factor, T* y, const T* x, std::index_sequence<Y...>, std::index_sequence<X...>) {
  f(factor, y[Y]..., x[X]...);
}

// Thread t of the 16 / W of 64 elements: elements 16 w + W t + j.
template <int Outputs, int W, class F, class T, int K>
__global__ void __launch_bounds__(map_threads)
    dropout_kernel(Pointers<T, K> p, Walk<K> walk, index_t count, Factors<Arithmetic<T>> factors, F f) {
  constexpr int inputs = K - Outputs, threads = 16 / W;
  const index_t number = blockIdx.x * index_t(map_threads) + threadIdx.x;
  const index_t call = number / threads * 16 + number % threads * W;  // Philox calls of this thread: call + j
  const index_t first = number / threads * 64 + number % threads * W;
  if (first >= count) return;
  index_t offset[4][K];
  walk_to(offset, walk, first / W, threads);
  T in[4][inputs][W];
#pragma unroll
  for (int w = 0; w < 4; ++w)
#pragma unroll
    for (int k = Outputs; k < K; ++k)
      if (first + 16 * w < count) load_piece(in[w][k - Outputs], p.data[k] + offset[w][k], walk.stride[0][k] == 0);
  PhiloxWords words[W];
#pragma unroll
  for (int j = 0; j < W; ++j) words[j] = factors.words(call + j);
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    if (first + 16 * w >= count) break;
    T out[Outputs][W];
#pragma unroll
    for (int j = 0; j < W; ++j) {
      T y[Outputs], x[inputs];
      for (int k = 0; k < inputs; ++k) x[k] = in[w][k][j];
      drop_one(f, factors.of(words[j].word[w]), y, x, std::make_index_sequence<Outputs>(),
               std::make_index_sequence<inputs>());
      for (int k = 0; k < Outputs; ++k) out[k][j] = y[k];
    }
#pragma unroll
    for (int k = 0; k < Outputs; ++k) store_piece(p.data[k] + offset[w][k], out[k]);
  }
}

// One factor per row of `length` pieces of W elements; a thread's pieces are map_threads apart, as in
// map_strided_kernel.
template <int Outputs, int W, class F, class T, int K>
__global__ void __launch_bounds__(map_threads)
    tied_dropout_kernel(Pointers<T, K> p, Walk<K> walk, index_t count, index_t length, Factors<Arithmetic<T>> factors,
                        F f) {
  constexpr int pieces = map_pieces, inputs = K - Outputs, span = map_threads * pieces;
  __shared__ Arithmetic<T> factor[span + 1];  // of the block's rows
  const index_t begin = blockIdx.x * index_t(span), first = begin + threadIdx.x;
  index_t offset[pieces][K];
  walk_to(offset, walk, first, map_threads);
  T in[pieces][inputs][W];
#pragma unroll
  for (int i = 0; i < pieces; ++i)
#pragma unroll
    for (int k = Outputs; k < K; ++k)
      if (first + i * map_threads < count)
        load_piece(in[i][k - Outputs], p.data[k] + offset[i][k], walk.stride[0][k] == 0);
  const index_t row = begin / length, before = begin - row * length;  // pieces of `row` that are other blocks'
  const int rows = static_cast<int>((before + min(index_t(span), count - begin) + length - 1) / length);
  for (int r = threadIdx.x; r < rows; r += map_threads) factor[r] = factors.of_row(row + r);
  __syncthreads();
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    if (first + i * map_threads >= count) break;
    const index_t at = before + threadIdx.x + i * map_threads;  // from the start of `row`
    const int r = length >= span
                      ? (at >= length ? 1 : 0)
                      : static_cast<int>(static_cast<std::uint32_t>(at) / static_cast<std::uint32_t>(length));
    const Arithmetic<T> k_of_row = factor[r];
    T out[Outputs][W];
#pragma unroll
    for (int j = 0; j < W; ++j) {
      T y[Outputs], x[inputs];
      for (int k = 0; k < inputs; ++k) x[k] = in[i][k][j];
      drop_one(f, k_of_row, y, x, std::make_index_sequence<Outputs>(), std::make_index_sequence<inputs>());
      for (int k = 0; k < Outputs; ++k) out[k][j] = y[k];
    }
#pragma unroll
    for (int k = 0; k < Outputs; ++k) store_piece(p.data[k] + offset[i][k], out[k]);
  }
}

template <int Outputs, int W, class F, class T, int K>
void drop_rows_of(const Elements<T, K>& e, index_t length, const Factors<Arithmetic<T>>& factors, F f) {
  const index_t count = e.count / W;
  tied_dropout_kernel<Outputs, W>
      <<<blocks_for(count, index_t(map_threads) * map_pieces), map_threads, 0, stream_handle()>>>(
          pointers_of(e), walk_of<W>(e), count, length / W, factors, f);
}

template <int Outputs, int W, class F, class T, int K>
void drop_pieces_of(const Elements<T, K>& e, const Factors<Arithmetic<T>>& factors, F f) {
  const unsigned blocks = blocks_for((e.count + 63) / 64 * (16 / W), map_threads);
  dropout_kernel<Outputs, W>
      <<<blocks, map_threads, 0, stream_handle()>>>(pointers_of(e), walk_of<W>(e), e.count, factors, f);
}

template <int Outputs, class F, class T, int K>
void drop(const char* name, const Elements<T, K>& e, DropoutDraw draw, F f) {
  if (e.count == 0) return;
  const auto factors = factors_of<Arithmetic<T>>(draw);
  const bool in_vectors = rows_in_vectors<Outputs>(e);
  if (draw.tied > 0 && in_vectors && draw.tied % Vector<T>::size == 0)
    drop_rows_of<Outputs, Vector<T>::size>(e, draw.tied, factors, f);
  else if (draw.tied > 0)
    drop_rows_of<Outputs, 1>(e, draw.tied, factors, f);
  else if (in_vectors)
    drop_pieces_of<Outputs, Vector<T>::size>(e, factors, f);
  else
    drop_pieces_of<Outputs, 1>(e, factors, f);
  check_launch(name);
}

}  // namespace detail

template <class T>
void dropout(const Elements<T, 2>& elements, DropoutDraw draw, double scale) {
  detail::drop<1>("dropout", elements, draw, detail::Dropped<Arithmetic<T>>{static_cast<Arithmetic<T>>(scale)});
}

template <class Rule, class T>
void dropout_after_forward(const Elements<T, 2>& elements, DropoutDraw draw, Rule rule) {
  detail::drop<1>("dropout_after", elements, draw, detail::DroppedValue<Rule>{rule});
}

template <class Rule, class T>
void dropout_after_backward(const Elements<T, 3>& elements, DropoutDraw draw, Rule rule) {
  detail::drop<1>("dropout_after", elements, draw, detail::DroppedSlope<Rule>{rule});
}

template <class T>
void dropout_sum_forward(const Elements<T, 3>& elements, DropoutDraw draw, double a, double b) {
  detail::drop<1>("dropout_sum", elements, draw, detail::SumWithDropped<T>{static_cast<T>(a), static_cast<T>(b)});
}

template <class T>
void dropout_sum_backward(const Elements<T, 3>& elements, DropoutDraw draw, double a, double b) {
  detail::drop<2>("dropout_sum", elements, draw, detail::SumWithDroppedSlopes<T>{static_cast<T>(a), static_cast<T>(b)});
}

}  // namespace longwave::cuda
