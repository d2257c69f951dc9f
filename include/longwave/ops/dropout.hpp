// dropout.hpp - y = x k / (1 - p), where k is 0 with probability p and 1 otherwise.   dx = dy k / (1 - p)
// DropoutAfter<Rule>  y = value(x) k / (1 - p)                  dx = dy slope(x) k / (1 - p)
// DropoutSum          z = a x + b y k / (1 - p)                 dx = a dz,   dy = b dz k / (1 - p)
//
// x, y: same shape, any rank. Tied: one k for all of the last axis, so for x (B, H, L) one per (b, h).
// No mask is stored: k is a function of the key and the element's row-major number i (tied: the number of its row),
//   i = 64 q + 16 w + j:   k = [word w of philox(key, 16 q + j) >= p 2^32],
// the same for float and double and for any strides. Sixteen neighbours share a word number, so that SIMD lanes and the
// threads of a GPU draw side by side.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/map.hpp"
#include "longwave/core/random.hpp"
#include "longwave/cuda/dropout.hpp"
#include "longwave/ops/cast.hpp"
#include "longwave/ops/elementwise.hpp"

namespace longwave {

namespace detail {

inline constexpr int philox_lanes = 16;

// word[w][j] = philox(key, first + j).word[w]: Philox4x32-10 with the lanes inside, so that compilers vectorise it.
inline void philox_side_by_side(std::uint32_t (&word)[4][philox_lanes], PhiloxKey key, std::uint64_t first) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int j = 0; j < philox_lanes; ++j) {
    const std::uint64_t index = first + static_cast<std::uint64_t>(j);
    word[0][j] = static_cast<std::uint32_t>(index);
    word[1][j] = static_cast<std::uint32_t>(index >> 32);
    word[2][j] = key.draw;
    word[3][j] = key.stream;
  }
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < philox_lanes; ++j) {
      const std::uint64_t a = std::uint64_t(0xD2511F53u) * word[0][j];
      const std::uint64_t b = std::uint64_t(0xCD9E8D57u) * word[2][j];
      word[0][j] = static_cast<std::uint32_t>(b >> 32) ^ word[1][j] ^ k0;
      word[1][j] = static_cast<std::uint32_t>(b);
      word[2][j] = static_cast<std::uint32_t>(a >> 32) ^ word[3][j] ^ k1;
      word[3][j] = static_cast<std::uint32_t>(a);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// k / (1 - p) of elements 64 block .. 64 block + 63.
template <class T>
void dropout_factors(T (&factor)[4 * philox_lanes], PhiloxKey key, index_t block, std::uint32_t threshold, T kept) {
  std::uint32_t word[4][philox_lanes];
  philox_side_by_side(word, key, static_cast<std::uint64_t>(block) * philox_lanes);
  for (int w = 0; w < 4; ++w)
    for (int j = 0; j < philox_lanes; ++j) factor[w * philox_lanes + j] = word[w][j] >= threshold ? kept : T(0);
}

// y = x times its factors: blocks of 64 numbers, cut where a row of the views ends.
template <class T, int N>
void dropout_elements(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, PhiloxKey key, std::uint32_t threshold,
                      T kept) {
  constexpr index_t width = 4 * philox_lanes;
  const RowPlan<N, 2> plan(y.sizes(), {y.strides(), x.strides()});
  const index_t count = y.count(), length = plan.length();
  parallel_blocks((count + width - 1) / width, 1 << 8, [&](index_t first, index_t last) {
    T factor[width];
    for (index_t block = first; block < last; ++block) {
      dropout_factors(factor, key, block, threshold, kept);
      const index_t begin = block * width, end = std::min(count, begin + width);
      for (index_t i = begin, n; i < end; i += n) {
        const Row<2> row = plan.row(i / length);
        const index_t at = i % length;
        n = std::min(end - i, length - at);
        T* out = y.data() + row.offset[0] + at * row.step[0];
        const T* in = x.data() + row.offset[1] + at * row.step[1];
        if (n == width && row.step[0] == 1 && row.step[1] == 1) {
          T product[width];
          for (index_t j = 0; j < width; ++j) product[j] = in[j] * factor[j];
          for (index_t j = 0; j < width; ++j) out[j] = product[j];
        } else {
          for (index_t j = 0; j < n; ++j) out[j * row.step[0]] = in[j * row.step[1]] * factor[i - begin + j];
        }
      }
    }
  });
}

}  // namespace detail

namespace impl {

// Forward with x, backward with dy.
template <class T, int N>
void dropout(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, PhiloxKey key, double p, bool tied) {
  if (y.empty()) return;
  const auto threshold = static_cast<std::uint32_t>(p * 0x1p32);
  const T kept = static_cast<T>(1 / (1 - p));
  if constexpr (N > 0) {
    if (tied) {
      // One factor per row, then x times that factor repeated along the row.
      Extents<N> sizes = y.sizes(), strides;
      sizes[N - 1] = 1;
      Scratch scratch;
      const TensorView<T, N> factors = scratch.tensor<T>(sizes);
      constexpr index_t width = 4 * detail::philox_lanes;
      const index_t rows = sizes.count();
      for (index_t begin = 0; begin < rows; begin += width) {
        T block[width];
        detail::dropout_factors(block, key, begin / width, threshold, kept);
        std::copy_n(block, std::min(width, rows - begin), factors.data() + begin);
      }
      strides = factors.strides();
      strides[N - 1] = 0;
      map_elements<1>([](T& out, T in, T factor) { out = in * factor; }, y, x,
                      TensorView<const T, N>(factors.data(), y.sizes(), strides));
      return;
    }
  }
  detail::dropout_elements(y, x, key, threshold, kept);
}

// In bfloat16: the same numbers of floats, rounded once.
template <int N>
void dropout(TensorView<bfloat16, N, Host> y, TensorView<const bfloat16, N, Host> x, PhiloxKey key, double p,
             bool tied) {
  Scratch scratch;
  const TensorView<float, N> wide = cast_to<float>(scratch, x);
  dropout(wide, TensorView<const float, N>(wide), key, p, tied);
  cast(y, TensorView<const float, N>(wide));
}

template <class Rule, class T, int N>
void dropout_after_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, PhiloxKey key, double p, bool tied,
                           Rule rule) {
  unary_forward(y, x, rule);
  dropout(y, TensorView<const T, N>(y), key, p, tied);
}

template <class Rule, class T, int N>
void dropout_after_backward(TensorView<T, N, Host> dx, TensorView<const T, N, Host> dy, TensorView<const T, N, Host> x,
                            PhiloxKey key, double p, bool tied, Rule rule) {
  dropout(dx, dy, key, p, tied);
  unary_backward(dx, TensorView<const T, N>(dx), x, rule);
}

template <class Rule, int N>
void dropout_after_forward(TensorView<bfloat16, N, Host> y, TensorView<const bfloat16, N, Host> x, PhiloxKey key,
                           double p, bool tied, Rule rule) {
  Scratch scratch;
  const TensorView<float, N> wide = cast_to<float>(scratch, x);
  dropout_after_forward(wide, TensorView<const float, N>(wide), key, p, tied, rule);
  cast(y, TensorView<const float, N>(wide));
}

template <class Rule, int N>
void dropout_after_backward(TensorView<bfloat16, N, Host> dx, TensorView<const bfloat16, N, Host> dy,
                            TensorView<const bfloat16, N, Host> x, PhiloxKey key, double p, bool tied, Rule rule) {
  Scratch scratch;
  const TensorView<float, N> wide = cast_to<float>(scratch, dy);
  const TensorView<const float, N> at = cast_to<float>(scratch, x);
  dropout_after_backward(wide, TensorView<const float, N>(wide), at, key, p, tied, rule);
  cast(dx, TensorView<const float, N>(wide));
}

template <class T, int N>
void dropout_sum_forward(TensorView<T, N, Host> z, TensorView<const T, N, Host> x, TensorView<const T, N, Host> y,
                         double a, double b, PhiloxKey key, double p, bool tied) {
  dropout(z, y, key, p, tied);
  binary_forward(z, x, TensorView<const T, N>(z), WeightedSumRule{a, b});
}

template <class T, int N>
void dropout_sum_backward(TensorView<T, N, Host> dx, TensorView<T, N, Host> dy, TensorView<const T, N, Host> dz,
                          double a, double b, PhiloxKey key, double p, bool tied) {
  if (wanted(dy)) {
    dropout(dy, dz, key, p, tied);
    if (b != 1) unary_forward(dy, TensorView<const T, N>(dy), ScaleRule{b});
  }
  if (wanted(dx)) unary_forward(dx, dz, ScaleRule{a});
}

}  // namespace impl

namespace ops {  // the layer has the plain name

struct Dropout {
  // key: Generator::next() of the step, the same in backward. 0 <= p < 1.
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x, PhiloxKey key, double p, bool tied = false) {
    check_same_shape("dropout", "y", y, "x", x);
    check_probability(p);
    impl::dropout(y, x, key, p, tied);
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N, D> dy, PhiloxKey key, double p, bool tied = false) {
    check_same_shape("dropout", "dx", dx, "dy", dy);
    check_probability(p);
    impl::dropout(dx, dy, key, p, tied);
  }

  static void check_probability(double p) {
    if (!(p >= 0 && p < 1))
      throw_value_error("dropout: p is " + std::to_string(p) + ", expected 0 <= p < 1 (the share that is dropped)");
  }
};

// Dropout of value(x), in one pass on the device. x is saved, value(x) is not. y may be x, dx may be dy.
template <class Rule>
struct DropoutAfter {
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x, PhiloxKey key, double p, bool tied = false,
                      Rule rule = {}) {
    check_same_shape("dropout_after", "y", y, "x", x);
    Dropout::check_probability(p);
    impl::dropout_after_forward(y, x, key, p, tied, rule);
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N, D> dy, In<T, N, D> x, PhiloxKey key, double p,
                       bool tied = false, Rule rule = {}) {
    check_same_shape("dropout_after", "dx", dx, "x", x);
    check_same_shape("dropout_after", "dy", dy, "x", x);
    Dropout::check_probability(p);
    impl::dropout_after_backward(dx, dy, x, key, p, tied, rule);
  }
};

// How a residual joins a branch that is dropped, in one pass on the device. z may be y, but not x.
struct DropoutSum {
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> z, In<T, N, D> x, In<T, N, D> y, WeightedSumRule weights, PhiloxKey key,
                      double p, bool tied = false) {
    check_same_shape("dropout_sum", "z", z, "x", x);
    check_same_shape("dropout_sum", "y", y, "x", x);
    Dropout::check_probability(p);
    impl::dropout_sum_forward(z, x, y, weights.a, weights.b, key, p, tied);
  }

  // dx and dy are assigned; either may be left out.
  template <class T, int N, device D>
  static void backward(Out<T, N, D> dx, Out<T, N, D> dy, TensorView<const T, N, D> dz, WeightedSumRule weights,
                       PhiloxKey key, double p, bool tied = false) {
    check_gradient("dropout_sum", "dx", dx, dz.sizes());
    check_gradient("dropout_sum", "dy", dy, dz.sizes());
    Dropout::check_probability(p);
    impl::dropout_sum_backward<T, N>(dx, dy, dz, weights.a, weights.b, key, p, tied);
  }
};

}  // namespace ops
}  // namespace longwave
