// conv1d.hpp - convolution along time on the CPU, behind ops/conv1d.hpp: one product per tap of the kernel.
//
// Tap t reads x shifted by t dilation - padding, so y (O, columns) += W_t (O, I) x_t (I, columns) over the columns for
// which the shifted position exists: no padded or unfolded copy of x. A kernel of one tap is a single product, the bias
// being what it adds to. Work is cut into (batch entry, group, block of columns).
#pragma once

#include <algorithm>

#include "longwave/core/conv1d_options.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cpu/gemm.hpp"
#include "longwave/cpu/lane_sum.hpp"

namespace longwave {

namespace impl {

inline constexpr index_t conv_columns = 1024;                      // of one piece of forward and dx
inline constexpr index_t conv_sum_columns = 512, conv_parts = 16;  // of dW: columns per product, partial sums

struct ColumnRange {
  index_t begin, end;
};

// The outputs l of [begin, end) that tap t takes from an existing input: 0 <= l stride + shift < L.
inline ColumnRange tap_columns(index_t begin, index_t end, index_t stride, index_t shift, index_t L) {
  const index_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const index_t last = L > shift ? (L - 1 - shift) / stride + 1 : 0;
  begin = std::max(begin, first);
  return {begin, std::max(begin, std::min(end, last))};
}

// Pieces that one thread takes at a time: small products are bundled.
inline index_t conv_grain(index_t multiplications) {
  return std::max<index_t>(1, (1 << 18) / std::max<index_t>(multiplications, 1));
}

template <class T>
void conv1d_forward(TensorView<T, 3, Host> y, In<T, 3> x, In<T, 3> W, In<T, 1> bias, const Conv1dOptions& o) {
  const index_t L = x.size(2), M = y.size(2), taps = W.size(2), rows = W.size(0) / o.groups, depth = W.size(1);
  const index_t blocks = (M + conv_columns - 1) / conv_columns, units = y.size(0) * o.groups * blocks;
  const bool direct = y.stride(2) == 1;
  parallel_blocks(units, conv_grain(rows * depth * taps * std::min(M, conv_columns)), [&](index_t first, index_t last) {
    for (index_t unit = first; unit < last; ++unit) {
      const index_t b = unit / blocks / o.groups, g = unit / blocks % o.groups;
      const index_t begin = unit % blocks * conv_columns, end = std::min(M, begin + conv_columns), n = end - begin;
      T* out = y.data() + b * y.stride(0) + g * rows * y.stride(1) + begin * y.stride(2);
      Scratch scratch;
      T* tile = direct ? out : scratch.take<T>(rows * n);
      const index_t pitch = direct ? y.stride(1) : n;
      for (index_t r = 0; r < rows; ++r)
        std::fill(tile + r * pitch, tile + r * pitch + n, bias.data() != nullptr ? bias(g * rows + r) : T(0));
      for (index_t t = 0; t < taps; ++t) {
        const index_t shift = t * o.dilation - o.padding;
        const ColumnRange at = tap_columns(begin, end, o.stride, shift, L);
        if (at.begin == at.end) continue;
        gemm(rows, at.end - at.begin, depth, W.data() + g * rows * W.stride(0) + t * W.stride(2), W.stride(0),
             W.stride(1),
             x.data() + b * x.stride(0) + g * depth * x.stride(1) + (at.begin * o.stride + shift) * x.stride(2),
             x.stride(1), o.stride * x.stride(2), tile + at.begin - begin, pitch, true);
      }
      for (index_t r = 0; r < rows && !direct; ++r)
        for (index_t l = 0; l < n; ++l) out[r * y.stride(1) + l * y.stride(2)] = tile[r * n + l];
    }
  });
}

// dx of stride 1 with contiguous rows: dx_p = sum_t W_t^T dy_{p - shift}, cut into columns p like the forward pass.
template <class T>
void conv1d_dx_direct(TensorView<T, 3, Host> dx, In<T, 3> dy, In<T, 3> W, const Conv1dOptions& o) {
  const index_t L = dx.size(2), taps = W.size(2), rows = W.size(0) / o.groups, depth = W.size(1);
  const index_t blocks = (L + conv_columns - 1) / conv_columns, units = dx.size(0) * o.groups * blocks;
  parallel_blocks(units, conv_grain(rows * depth * taps * std::min(L, conv_columns)), [&](index_t first, index_t last) {
    for (index_t unit = first; unit < last; ++unit) {
      const index_t b = unit / blocks / o.groups, g = unit / blocks % o.groups;
      const index_t begin = unit % blocks * conv_columns, end = std::min(L, begin + conv_columns);
      T* out = dx.data() + b * dx.stride(0) + g * depth * dx.stride(1);
      for (index_t i = 0; i < depth && (taps > 1 || o.padding > 0); ++i)
        std::fill(out + i * dx.stride(1) + begin, out + i * dx.stride(1) + end, T(0));
      for (index_t t = 0; t < taps; ++t) {
        const index_t shift = o.padding - t * o.dilation;
        const ColumnRange at = tap_columns(begin, end, 1, shift, dy.size(2));
        if (at.begin == at.end) continue;
        gemm(depth, at.end - at.begin, rows, W.data() + g * rows * W.stride(0) + t * W.stride(2), W.stride(1),
             W.stride(0), dy.data() + b * dy.stride(0) + g * rows * dy.stride(1) + (at.begin + shift) * dy.stride(2),
             dy.stride(1), dy.stride(2), out + at.begin, dx.stride(1), taps > 1 || o.padding > 0);
      }
    }
  });
}

// dx of any stride and layout: each tap's share in working memory, then spread over dx.
template <class T>
void conv1d_dx_spread(TensorView<T, 3, Host> dx, In<T, 3> dy, In<T, 3> W, const Conv1dOptions& o) {
  const index_t L = dx.size(2), M = dy.size(2), rows = W.size(0) / o.groups, depth = W.size(1);
  const index_t work = rows * depth * W.size(2) * M;
  parallel_blocks(dx.size(0) * o.groups, conv_grain(work), [&](index_t first, index_t last) {
    Scratch scratch;
    T* share = scratch.take<T>(depth * M);
    for (index_t unit = first; unit < last; ++unit) {
      const index_t b = unit / o.groups, g = unit % o.groups;
      T* out = dx.data() + b * dx.stride(0) + g * depth * dx.stride(1);
      for (index_t i = 0; i < depth; ++i)
        for (index_t l = 0; l < L; ++l) out[i * dx.stride(1) + l * dx.stride(2)] = T(0);
      for (index_t t = 0; t < W.size(2); ++t) {
        const index_t shift = t * o.dilation - o.padding;
        const ColumnRange at = tap_columns(0, M, o.stride, shift, L);
        const index_t n = at.end - at.begin;
        gemm(depth, n, rows, W.data() + g * rows * W.stride(0) + t * W.stride(2), W.stride(1), W.stride(0),
             dy.data() + b * dy.stride(0) + g * rows * dy.stride(1) + at.begin * dy.stride(2), dy.stride(1),
             dy.stride(2), share, n, false);
        for (index_t i = 0; i < depth; ++i)
          for (index_t l = 0; l < n; ++l)
            out[i * dx.stride(1) + ((at.begin + l) * o.stride + shift) * dx.stride(2)] += share[i * n + l];
      }
    }
  });
}

// sums (taps, groups, rows, depth), or (..., depth, rows) if `turned`, += dy_t x_t^T over columns [begin, end) of entry
// b.
template <class T>
void conv1d_add_dW(T* sums, bool turned, TensorView<const T, 3, Host> dy, In<T, 3> x, const Extents<3>& W, index_t b,
                   index_t begin, index_t end, const Conv1dOptions& o) {
  const index_t rows = W[0] / o.groups, depth = W[1];
  for (index_t t = 0; t < W[2]; ++t) {
    const index_t shift = t * o.dilation - o.padding;
    const ColumnRange at = tap_columns(begin, end, o.stride, shift, x.size(2));
    const index_t n = at.end - at.begin;
    if (n == 0) continue;
    for (index_t g = 0; g < o.groups; ++g) {
      T* sum = sums + (t * o.groups + g) * rows * depth;
      const T* up = dy.data() + b * dy.stride(0) + g * rows * dy.stride(1) + at.begin * dy.stride(2);
      const T* in = x.data() + b * x.stride(0) + g * depth * x.stride(1) + (at.begin * o.stride + shift) * x.stride(2);
      const index_t up_step = dy.stride(2), in_step = o.stride * x.stride(2);
      if (std::max(rows, depth) < 8) {  // too narrow for lanes along rows or depth
        for (index_t r = 0; r < rows; ++r)
          for (index_t i = 0; i < depth; ++i) {
            const T* p = up + r * dy.stride(1);
            const T* q = in + i * x.stride(1);
            sum[turned ? i * rows + r : r * depth + i] +=
                up_step == 1 && in_step == 1
                    ? lane_sum<T>(n, [=](index_t l) { return p[l] * q[l]; })
                    : lane_sum<T>(n, [=](index_t l) { return p[l * up_step] * q[l * in_step]; });
          }
      } else if (turned) {
        gemm(depth, rows, n, in, x.stride(1), in_step, up, up_step, dy.stride(1), sum, rows, true);
      } else {
        gemm(rows, depth, n, up, dy.stride(1), up_step, in, in_step, x.stride(1), sum, depth, true);
      }
    }
  }
}

// Partial sums over a fixed partition of (b, columns), added in order.
template <class T>
void conv1d_dW(TensorView<T, 3, Host> dW, In<T, 3> dy, In<T, 3> x, const Conv1dOptions& o) {
  const index_t M = dy.size(2), taps = dW.size(2), rows = dW.size(0) / o.groups, depth = dW.size(1);
  const index_t blocks = (M + conv_sum_columns - 1) / conv_sum_columns, units = dy.size(0) * blocks;
  if (units == 0 || dW.empty()) return;
  const index_t per_part = (units + conv_parts - 1) / conv_parts, parts = (units + per_part - 1) / per_part;
  const bool turned = depth < 16 && rows > depth;
  const index_t size = dW.count();
  Scratch scratch;
  T* partial = scratch.take<T>(parts * size);
  parallel_blocks(
      units, per_part,
      [&](index_t first, index_t last) {
        T* part = partial + first / per_part * size;
        std::fill(part, part + size, T(0));
        for (index_t unit = first; unit < last; ++unit) {
          const index_t begin = unit % blocks * conv_sum_columns, end = std::min(M, begin + conv_sum_columns);
          conv1d_add_dW<T>(part, turned, dy, x, dW.sizes(), unit / blocks, begin, end, o);
        }
      },
      dy.count() * depth * taps);
  parallel_blocks(dW.size(0), std::max<index_t>(1, (1 << 14) / (depth * taps)), [&](index_t first, index_t last) {
    for (index_t out = first; out < last; ++out)
      for (index_t t = 0; t < taps; ++t)
        for (index_t i = 0; i < depth; ++i) {
          const index_t r = out % rows, g = out / rows;
          const index_t at = (t * o.groups + g) * rows * depth + (turned ? i * rows + r : r * depth + i);
          T sum = 0;
          for (index_t p = 0; p < parts; ++p) sum += partial[p * size + at];
          dW(out, i, t) += sum;
        }
  });
}

template <class T>
void conv1d_dbias(TensorView<T, 1, Host> dbias, In<T, 3> dy) {
  parallel_for(
      dbias.size(0),
      [&](index_t r) {
        double sum = 0;
        for (index_t b = 0; b < dy.size(0); ++b) {
          const T* row = dy.data() + b * dy.stride(0) + r * dy.stride(1);
          const index_t step = dy.stride(2);
          sum += static_cast<double>(step == 1 ? lane_sum<T>(dy.size(2), [=](index_t l) { return row[l]; })
                                               : lane_sum<T>(dy.size(2), [=](index_t l) { return row[l * step]; }));
        }
        dbias(r) += static_cast<T>(sum);
      },
      dy.count());
}

template <class T>
void conv1d_backward(TensorView<const T, 3, Host> dy, Out<T, 3> dx, Out<T, 3> dW, Out<T, 1> dbias, In<T, 3> x,
                     In<T, 3> W, const Conv1dOptions& o) {
  if (wanted(dx) && o.stride == 1 && dx.stride(2) == 1)
    conv1d_dx_direct(dx, dy, W, o);
  else if (wanted(dx))
    conv1d_dx_spread(dx, dy, W, o);
  if (wanted(dW)) conv1d_dW(dW, dy, x, o);
  if (wanted(dbias)) conv1d_dbias(dbias, dy);
}

}  // namespace impl
}  // namespace longwave
