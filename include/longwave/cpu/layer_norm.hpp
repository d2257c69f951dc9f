// layer_norm.hpp - layer normalisation on the CPU, behind ops/norm.hpp.
//
// "Positions" are all index combinations of the axes other than the normalised one. Where positions follow one another
// in memory (axis 1 of (B, H, L)), tiles of up to 64 of them are the lanes: a tile (H, W) is copied once to working
// memory, because rows that lie a power of two apart would evict one another on every further pass. Otherwise (the last
// axis) one position after the other, lanes along H.
#pragma once

#include <algorithm>
#include <cmath>

#include "longwave/core/arena.hpp"
#include "longwave/core/rows.hpp"
#include "longwave/cpu/lane_sum.hpp"

namespace longwave::impl {

// Sizes or strides of all axes but one.
template <int N>
Extents<N - 1> drop_axis(const Extents<N>& extents, int axis) {
  Extents<N - 1> rest;
  for (int i = 0; i < N - 1; ++i) rest[i] = extents[i < axis ? i : i + 1];
  return rest;
}

// 1 / sqrt(variance + eps) from the sums of deviations and of their squares; `shift` becomes their mean.
template <class T>
T norm_rstd(T& shift, T squares, T count, T eps) {
  shift /= count;
  return T(1) / std::sqrt(std::max(squares / count - shift * shift, T(0)) + eps);
}

// out[0..W) = in[0..w), zeros after.
template <int W, class T>
void load_lanes(T* __restrict out, const T* __restrict in, index_t w) {
  if (w == W)
    for (int j = 0; j < W; ++j) out[j] = in[j];
  else
    for (int j = 0; j < W; ++j) out[j] = j < w ? in[j] : T(0);
}

template <class T>
struct NormForward {
  T *y, *mean, *rstd;  // mean and rstd may be nullptr
  const T *x, *weight, *bias;
  index_t H, y_step, x_step;  // steps along the normalised axis
  T eps;

  // w <= W positions side by side. tile: (H, W).
  template <int W>
  void lanes(const Row<4>& at, index_t w, T* __restrict tile) const {
    const T count = static_cast<T>(H);
    alignas(64) T mean_[W] = {}, shift[W] = {}, squares[W] = {};
    for (index_t h = 0; h < H; ++h) {
      load_lanes<W>(tile + h * W, x + at.offset[1] + h * x_step, w);
      for (int j = 0; j < W; ++j) mean_[j] += tile[h * W + j];
    }
    for (int j = 0; j < W; ++j) mean_[j] /= count;
    for (index_t h = 0; h < H; ++h)
      for (int j = 0; j < W; ++j) {
        const T d = tile[h * W + j] - mean_[j];
        tile[h * W + j] = d;
        shift[j] += d;
        squares[j] += d * d;
      }
    for (int j = 0; j < W; ++j) squares[j] = norm_rstd(shift[j], squares[j], count, eps);
    for (index_t h = 0; h < H; ++h) {
      T* __restrict out = y + at.offset[0] + h * y_step;
      T* __restrict row = tile + h * W;
      for (int j = 0; j < W; ++j) row[j] = (row[j] - shift[j]) * squares[j] * weight[h] + bias[h];
      if (w == W)
        for (int j = 0; j < W; ++j) out[j] = row[j];
      else
        for (index_t j = 0; j < w; ++j) out[j] = row[j];
    }
    for (index_t j = 0; j < w && mean != nullptr; ++j) {
      mean[at.offset[2] + j * at.step[2]] = mean_[j] + shift[j];
      rstd[at.offset[3] + j * at.step[3]] = squares[j];
    }
  }

  // One position. row: (H).
  void one(const Row<4>& at, T* __restrict row) const {
    const T* __restrict in = x + at.offset[1];
    T* __restrict out = y + at.offset[0];
    const T count = static_cast<T>(H);
    for (index_t h = 0; h < H; ++h) row[h] = in[h * x_step];
    const T center = lane_sum<T>(H, [&](index_t h) { return row[h]; }) / count;
    for (index_t h = 0; h < H; ++h) row[h] -= center;
    T shift = lane_sum<T>(H, [&](index_t h) { return row[h]; });
    const T squares = lane_sum<T>(H, [&](index_t h) { return row[h] * row[h]; });
    const T scale = norm_rstd(shift, squares, count, eps);
    if (y_step == 1)
      for (index_t h = 0; h < H; ++h) out[h] = (row[h] - shift) * scale * weight[h] + bias[h];
    else
      for (index_t h = 0; h < H; ++h) out[h * y_step] = (row[h] - shift) * scale * weight[h] + bias[h];
    if (mean == nullptr) return;
    mean[at.offset[2]] = center + shift;
    rstd[at.offset[3]] = scale;
  }
};

// sum[0..8) += f(0..W), folded.
template <int W, class T, class F>
void add_folded(T* __restrict sum, F&& f) {
  alignas(64) T lanes[W];
  for (int j = 0; j < W; ++j) lanes[j] = f(j);
  for (int width = W / 2; width >= 8; width /= 2)
    for (int j = 0; j < width; ++j) lanes[j] += lanes[j + width];
  for (int j = 0; j < 8; ++j) sum[j] += lanes[j];
}

template <class T>
struct NormBackward {
  T* dx;  // may be nullptr
  const T *dy, *mean, *rstd, *x, *weight;
  index_t H, dx_step, dy_step, x_step;
  bool sums;  // dweight or dbias is wanted

  static constexpr int fold = 8;  // lanes of the sums over positions

  // dw, db: (H, fold), added to. tile: (2, H, W).
  template <int W>
  void lanes(const Row<5>& at, index_t w, T* __restrict dw, T* __restrict db, T* __restrict tile) const {
    alignas(64) T m[W] = {}, r[W] = {}, s1[W] = {}, s2[W] = {};  // beyond w all contributions are zero
    for (index_t j = 0; j < w; ++j) {
      m[j] = mean[at.offset[3] + j * at.step[3]];
      r[j] = rstd[at.offset[4] + j * at.step[4]];
    }
    for (index_t h = 0; h < H; ++h) {  // apart from the arithmetic, so that many cache misses overlap
      load_lanes<W>(tile + 2 * h * W, x + at.offset[2] + h * x_step, w);
      load_lanes<W>(tile + (2 * h + 1) * W, dy + at.offset[1] + h * dy_step, w);
    }
    for (index_t h = 0; h < H; ++h) {
      T* __restrict x_hat = tile + 2 * h * W;
      T* __restrict g = x_hat + W;
      for (int j = 0; j < W; ++j) x_hat[j] = (x_hat[j] - m[j]) * r[j];
      if (sums) {
        add_folded<W>(db + h * fold, [&](int j) { return g[j]; });
        add_folded<W>(dw + h * fold, [&](int j) { return g[j] * x_hat[j]; });
      }
      for (int j = 0; j < W; ++j) {
        g[j] *= weight[h];
        s1[j] += g[j];
        s2[j] += g[j] * x_hat[j];
      }
    }
    if (dx == nullptr) return;
    const T share = T(1) / static_cast<T>(H);
    for (int j = 0; j < W; ++j) s1[j] *= share;
    for (int j = 0; j < W; ++j) s2[j] *= share;
    for (index_t h = 0; h < H; ++h) {
      T* __restrict x_hat = tile + 2 * h * W;
      const T* __restrict g = x_hat + W;
      T* __restrict out = dx + at.offset[0] + h * dx_step;
      for (int j = 0; j < W; ++j) x_hat[j] = r[j] * (g[j] - s1[j] - x_hat[j] * s2[j]);
      if (w == W)
        for (int j = 0; j < W; ++j) out[j] = x_hat[j];
      else
        for (index_t j = 0; j < w; ++j) out[j] = x_hat[j];
    }
  }

  // One position. dw, db: (H), added to. rows: (2, H).
  void one(const Row<5>& at, T* __restrict dw, T* __restrict db, T* __restrict rows) const {
    T* __restrict x_hat = rows;
    T* __restrict g = rows + H;
    const T m = mean[at.offset[3]], r = rstd[at.offset[4]], share = T(1) / static_cast<T>(H);
    for (index_t h = 0; h < H; ++h) x_hat[h] = (x[at.offset[2] + h * x_step] - m) * r;
    for (index_t h = 0; h < H; ++h) g[h] = dy[at.offset[1] + h * dy_step];
    if (sums) {
      for (index_t h = 0; h < H; ++h) dw[h] += g[h] * x_hat[h];
      for (index_t h = 0; h < H; ++h) db[h] += g[h];
    }
    if (dx == nullptr) return;
    for (index_t h = 0; h < H; ++h) g[h] *= weight[h];
    const T s1 = share * lane_sum<T>(H, [&](index_t h) { return g[h]; });
    const T s2 = share * lane_sum<T>(H, [&](index_t h) { return g[h] * x_hat[h]; });
    T* __restrict out = dx + at.offset[0];
    if (dx_step == 1)
      for (index_t h = 0; h < H; ++h) out[h] = r * (g[h] - s1 - x_hat[h] * s2);
    else
      for (index_t h = 0; h < H; ++h) out[h * dx_step] = r * (g[h] - s1 - x_hat[h] * s2);
  }
};

// The positions of K views, in units of up to W that lie side by side, or of one.
template <int M, int K>
struct NormUnits {
  detail::RowPlan<M, K> plan;
  index_t width, per_row, count;

  NormUnits(const Extents<M>& sizes, const Extents<M> (&strides)[K], bool side_by_side)
      : plan(sizes, strides),
        width(!side_by_side         ? 1
              : plan.length() >= 64 ? 64
                                    : 16),
        per_row((plan.length() + width - 1) / width),
        count(plan.rows() * per_row) {}

  Row<K> unit(index_t number) const {
    const index_t begin = number % per_row * width;
    Row<K> row = plan.row(number / per_row);
    row.length = std::min(width, row.length - begin);
    for (int k = 0; k < K; ++k) row.offset[k] += begin * row.step[k];
    return row;
  }
};

// v as a dense row in working memory, `otherwise` where it is left out.
template <class T>
const T* dense_or(Scratch& scratch, TensorView<const T, 1, Host> v, index_t n, T otherwise) {
  T* row = scratch.take<T>(n);
  for (index_t i = 0; i < n; ++i) row[i] = v.data() != nullptr ? v(i) : otherwise;
  return row;
}

template <class T, int N>
void layer_norm_forward(TensorView<T, N, Host> y, Out<T, N - 1> mean, Out<T, N - 1> rstd, In<T, N> x, In<T, 1> weight,
                        In<T, 1> bias, int axis, T eps) {
  if (x.empty()) return;
  const index_t H = x.size(axis);
  const Extents<N - 1> steps[4] = {drop_axis(y.strides(), axis), drop_axis(x.strides(), axis), mean.strides(),
                                   rstd.strides()};
  const detail::RowPlan<N - 1, 4> plan(drop_axis(x.sizes(), axis), steps);
  const Row<4> first = plan.row(0);
  const bool side_by_side = first.length > 1 && first.step[0] == 1 && first.step[1] == 1;
  const NormUnits<N - 1, 4> units(drop_axis(x.sizes(), axis), steps, side_by_side);
  Scratch scratch;
  const NormForward<T> norm{y.data(),
                            mean.data(),
                            rstd.data(),
                            x.data(),
                            dense_or(scratch, weight, H, T(1)),
                            dense_or(scratch, bias, H, T(0)),
                            H,
                            y.stride(axis),
                            x.stride(axis),
                            eps};
  parallel_blocks(units.count, (1 << 14) / (H * units.width), [&](index_t begin, index_t end) {
    Scratch own;
    T* tile = own.take<T>(H * units.width);
    for (index_t i = begin; i < end; ++i) {
      const Row<4> at = units.unit(i);
      if (units.width == 64)
        norm.template lanes<64>(at, at.length, tile);
      else if (units.width == 16)
        norm.template lanes<16>(at, at.length, tile);
      else
        norm.one(at, tile);
    }
  });
}

// Sums over positions: at most 32 parts, each in pieces of 64 units in T, pieces and parts added in double in order.
template <class T, int N>
void layer_norm_backward(TensorView<const T, N, Host> dy, Out<T, N> dx, Out<T, 1> dweight, Out<T, 1> dbias,
                         In<T, N - 1> mean, In<T, N - 1> rstd, In<T, N> x, In<T, 1> weight, int axis) {
  if (x.empty()) return;
  const index_t H = x.size(axis);
  const Extents<N - 1> steps[5] = {drop_axis(dx.strides(), axis), drop_axis(dy.strides(), axis),
                                   drop_axis(x.strides(), axis), mean.strides(), rstd.strides()};
  const detail::RowPlan<N - 1, 5> plan(drop_axis(x.sizes(), axis), steps);
  const Row<5> first = plan.row(0);
  const bool side_by_side =
      first.length > 1 && (!wanted(dx) || first.step[0] == 1) && first.step[1] == 1 && first.step[2] == 1;
  const NormUnits<N - 1, 5> units(drop_axis(x.sizes(), axis), steps, side_by_side);
  Scratch scratch;
  const bool sums = wanted(dweight) || wanted(dbias);
  const NormBackward<T> norm{
      dx.data(), dy.data(),       mean.data(),     rstd.data(),    x.data(), dense_or(scratch, weight, H, T(1)),
      H,         dx.stride(axis), dy.stride(axis), x.stride(axis), sums};
  const index_t per_part = (units.count + 31) / 32, parts = (units.count + per_part - 1) / per_part;
  double* partial = scratch.take<double>(sums ? parts * 2 * H : 0);
  parallel_blocks(
      units.count, per_part,
      [&](index_t begin, index_t end) {
        const index_t fold = units.width == 1 ? 1 : NormBackward<T>::fold;
        Scratch own;
        T* tile = own.take<T>(2 * H * units.width);
        T* piece = own.take<T>(2 * H * fold);
        double* part = partial + begin / per_part * 2 * H;
        if (sums) std::fill(part, part + 2 * H, 0.0);
        for (index_t i = begin; i < end; i += 64) {
          std::fill(piece, piece + 2 * H * fold, T(0));
          for (index_t k = i; k < std::min(end, i + 64); ++k) {
            const Row<5> at = units.unit(k);
            if (units.width == 64)
              norm.template lanes<64>(at, at.length, piece, piece + H * fold, tile);
            else if (units.width == 16)
              norm.template lanes<16>(at, at.length, piece, piece + H * fold, tile);
            else
              norm.one(at, piece, piece + H, tile);
          }
          for (index_t h = 0; sums && h < 2 * H; ++h)
            for (index_t j = 0; j < fold; ++j) part[h] += static_cast<double>(piece[h * fold + j]);
        }
      },
      8 * x.count());
  for (index_t h = 0; h < H && sums; ++h) {
    double dw = 0, db = 0;
    for (index_t p = 0; p < parts; ++p) {
      dw += partial[p * 2 * H + h];
      db += partial[p * 2 * H + H + h];
    }
    if (wanted(dweight)) dweight(h) += static_cast<T>(dw);
    if (wanted(dbias)) dbias(h) += static_cast<T>(db);
  }
}

}  // namespace longwave::impl
