// ssim_tiles.hpp - SSIM and its gradient (ops/ssim.hpp) for one tile of an image: what the threads of a block do on a
// device between two barriers (cuda/kernels/ssim.cuh), as functions of an element's number.
//
// The window is separable: sums along rows of the tile and its margin, then along columns, 2 x 7 terms per mean instead
// of 49. Backward works out the means again on the tile and 3 pixels around, keeps the four slopes there and filters
// them in the same way: nothing but the gradient goes to memory. What G^T adds where the image was reflected becomes a
// weight of its own: centre c counts for pixel i with w(c - i), and with w at the distance to i's image outside.
//
// Room of a tile, in numbers: forward 2 F + 5 S, backward as much or 4 F' + 4 S', where F, S are the tile with its
// margins, and with those above and below alone; F', S' the same of a margin of 3.
#pragma once

#include "longwave/core/ssim_terms.hpp"

namespace longwave::detail {

// Part of one image (h, w), its first pixel at (y, x) of the image p.
struct SsimPlace {
  index_t p, y, x;

  LONGWAVE_HD SsimPlace(index_t tile, index_t h, index_t w, int rows, int columns) {
    const index_t along = (w + columns - 1) / columns, down = (h + rows - 1) / rows;
    x = tile % along * columns;
    y = tile / along % down * rows;
    p = tile / (along * down);
  }
  LONGWAVE_HD static index_t count(const Extents<3>& sizes, int rows, int columns) {
    return sizes[0] * ((sizes[1] + rows - 1) / rows) * ((sizes[2] + columns - 1) / columns);
  }
};

// How much of pixel i the window around i + offset sees, directly and reflected; n pixels.
template <class T>
LONGWAVE_HD T ssim_share(index_t i, int offset, index_t n) {
  constexpr index_t r = SsimWindow::radius;
  const index_t before = 2 * i + offset, behind = 2 * (n - 1 - i) - offset;
  double sum = SsimWindow::weight(offset);
  if (i > 0 && before <= r) sum += SsimWindow::weight(before);
  if (i < n - 1 && behind <= r) sum += SsimWindow::weight(behind);
  return static_cast<T>(sum);
}

// Tiles of Rows x Columns pixels; Margin 3 forward, 6 backward.
template <class T, int Rows, int Columns, int Margin>
struct SsimTile {
  static constexpr int r = static_cast<int>(SsimWindow::radius);
  static constexpr int height = Rows + 2 * Margin, width = Columns + 2 * Margin;
  static constexpr int mean_height = height - 2 * r, mean_width = width - 2 * r;
  static constexpr int loads = height * width, row_sums = height * mean_width, means = mean_height * mean_width;
  static constexpr int adjoint_rows = mean_height * Columns, pixels = Rows * Columns;
  static constexpr int room = 2 * loads + 5 * row_sums;
  static_assert(Margin == r || 4 * means + 4 * adjoint_rows <= room);

  // --- both directions

  // a' and b' of element i < loads, with the image reflected; 0 beyond what any pixel's window sees.
  template <device D>
  LONGWAVE_HD static void load(T* to, int i, const SsimPlace& at, const TensorView<const T, 3, D>& a,
                               const TensorView<const T, 3, D>& b) {
    const index_t h = a.size(1), w = a.size(2);
    const index_t y = SsimWindow::reflect(at.y + i / width - Margin, h);
    const index_t x = SsimWindow::reflect(at.x + i % width - Margin, w);
    const bool inside = y >= 0 && y < h && x >= 0 && x < w;
    to[i] = inside ? a(at.p, y, x) - T(0.5) : T(0);
    to[loads + i] = inside ? b(at.p, y, x) - T(0.5) : T(0);
  }

  // Sums along a row of a', b', a'^2, b'^2, a' b', element i < row_sums.
  LONGWAVE_HD static void sum_row(T* in_room, int i) {
    const T* u = in_room + i / mean_width * width + i % mean_width;
    const T* v = u + loads;
    T sum[5] = {};
    for (int k = 0; k < 2 * r + 1; ++k) {
      const T g = weight(k - r), gu = g * u[k], gv = g * v[k];
      sum[0] += gu;
      sum[1] += gv;
      sum[2] += gu * u[k];
      sum[3] += gv * v[k];
      sum[4] += gu * v[k];
    }
    for (int q = 0; q < 5; ++q) in_room[2 * loads + q * row_sums + i] = sum[q];
  }

  // The means at element i < means.
  LONGWAVE_HD static SsimMeans<T> mean(const T* in_room, int i) {
    const T* from = in_room + 2 * loads + i;  // mean_width is the row sums' width as well
    T sum[5] = {};
    for (int k = 0; k < 2 * r + 1; ++k)
      for (int q = 0; q < 5; ++q) sum[q] += weight(k - r) * from[q * row_sums + k * mean_width];
    return {sum[0], sum[1], sum[2], sum[3], sum[4]};
  }

  // --- forward: element i < pixels = means

  template <device D>
  LONGWAVE_HD static void store(const TensorView<T, 3, D>& S, const T* in_room, int i, const SsimPlace& at) {
    const index_t y = at.y + i / Columns, x = at.x + i % Columns;
    if (y < S.size(1) && x < S.size(2)) S(at.p, y, x) = SsimPixel<T>(mean(in_room, i)).S;
  }

  // --- backward

  // M_a, M_b, Q, R of element i < means; 0 outside of the image. They go where a' and b' were: after a barrier.
  template <device D>
  LONGWAVE_HD static void slopes(T (&slope)[4], const T* in_room, int i, const SsimPlace& at,
                                 const TensorView<const T, 3, D>& dS) {
    const index_t y = at.y + i / mean_width - r, x = at.x + i % mean_width - r;
    for (int q = 0; q < 4; ++q) slope[q] = T(0);
    if (y < 0 || y >= dS.size(1) || x < 0 || x >= dS.size(2)) return;
    const SsimMeans<T> m = mean(in_room, i);
    SsimPixel<T>(m).slopes(m, dS(at.p, y, x), slope[0], slope[1], slope[2], slope[3]);
  }
  LONGWAVE_HD static void keep(T* in_room, int i, const T (&slope)[4]) {
    for (int q = 0; q < 4; ++q) in_room[q * means + i] = slope[q];
  }

  // What windows of the same row hand to element i < adjoint_rows.
  LONGWAVE_HD static void adjoint_row(T* in_room, int i, const SsimPlace& at, index_t w) {
    const T* from = in_room + i / Columns * mean_width + i % Columns;
    T sum[4] = {};
    for (int k = 0; k < 2 * r + 1; ++k) {
      const T g = share(at.x + i % Columns, k - r, w);
      for (int q = 0; q < 4; ++q) sum[q] += g * from[q * means + k];
    }
    for (int q = 0; q < 4; ++q) in_room[4 * means + q * adjoint_rows + i] = sum[q];
  }

  // The gradients of element i < pixels; either may be left out.
  template <device D>
  LONGWAVE_HD static void gradient(const TensorView<T, 3, D>& da, const TensorView<T, 3, D>& db, const T* in_room,
                                   int i, const SsimPlace& at, const TensorView<const T, 3, D>& a,
                                   const TensorView<const T, 3, D>& b) {
    const index_t y = at.y + i / Columns, x = at.x + i % Columns;
    if (y >= a.size(1) || x >= a.size(2)) return;
    T sum[4] = {};
    for (int k = 0; k < 2 * r + 1; ++k) {
      const T g = share(y, k - r, a.size(1));
      for (int q = 0; q < 4; ++q) sum[q] += g * in_room[4 * means + q * adjoint_rows + k * Columns + i];
    }
    const T u = a(at.p, y, x) - T(0.5), v = b(at.p, y, x) - T(0.5);
    if (wanted(da)) da(at.p, y, x) = sum[0] + T(2) * u * sum[2] + v * sum[3];
    if (wanted(db)) db(at.p, y, x) = sum[1] + T(2) * v * sum[2] + u * sum[3];
  }

 private:
  LONGWAVE_HD static T weight(int k) { return static_cast<T>(SsimWindow::weight(k)); }
  // As ssim_share, whose extra terms are met near the borders only.
  LONGWAVE_HD static T share(index_t i, int offset, index_t n) {
    return i > r && i < n - 1 - r ? weight(offset) : ssim_share<T>(i, offset, n);
  }
};

}  // namespace longwave::detail
