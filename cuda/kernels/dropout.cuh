// dropout.cuh - dropout on the device, alone, after a rule, and of what is added to a sum (ops/dropout.hpp).
//
// Factors k / (1 - p) are never stored: of 64 elements the threads draw 16 Philox calls, each of which serves four
// elements 16 apart (tied: each 16 bytes draw for their row). Bytes per element: 2 sizeof(T), after a rule 2 and 3, in
// a sum 3; some 25 instructions of Philox per element keep up with memory. Views of bfloat16 are computed in float.
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
};

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

// One factor per row of `length` elements, for map_places.
template <class F, class T>
struct TiedFactor {
  F f;
  Factors<T> factors;
  index_t length;
  __device__ T at(index_t i) const {
    const index_t row = i / length;
    const PhiloxWords words = factors.words(row / 64 * 16 + row % 16);
    const int w = static_cast<int>(row / 16 % 4);
    return factors.of(w < 2 ? (w == 0 ? words.word[0] : words.word[1]) : (w == 2 ? words.word[2] : words.word[3]));
  }
  template <class... A>
  __device__ void operator()(T factor, int, A&... a) const {
    f(factor, a...);
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

template <int Outputs, int W, class F, class T, int K>
void drop_pieces_of(const Elements<T, K>& e, const Factors<Arithmetic<T>>& factors, F f) {
  const unsigned blocks = blocks_for((e.count + 63) / 64 * (16 / W), map_threads);
  dropout_kernel<Outputs, W>
      <<<blocks, map_threads, 0, stream_handle()>>>(pointers_of(e), walk_of<W>(e), e.count, factors, f);
}

template <int Outputs, class F, class T, int K>
void drop(const char* name, const Elements<T, K>& e, DropoutDraw draw, F f) {
  if (e.count == 0) return;
  using A = Arithmetic<T>;
  const Factors<A> factors{draw.key, current_stream().advance(), static_cast<std::uint32_t>(draw.p * 0x1p32),
                           static_cast<A>(1 / (1 - draw.p))};
  if (draw.tied > 0) {
    map_places<Outputs>(name, e, draw.tied, TiedFactor<F, A>{f, factors, draw.tied});
    return;
  }
  if (rows_in_vectors<Outputs>(e))
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
