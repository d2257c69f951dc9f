// ssim_rows.hpp - the host's way through the windows of SSIM (ops/ssim.hpp): separable, the pixels of a row as lanes.
#pragma once

#include <algorithm>

#include "longwave/core/ssim_terms.hpp"

namespace longwave::detail {

// Rows of `planes` images side by side; all dense.
template <class T>
struct SsimRows {
  index_t h, w;
  index_t padded() const { return w + 2 * SsimWindow::radius; }

  // The five means of row y: out[5][w]. room[5][w + 6].
  void means(T* const (&out)[5], T* const (&room)[5], const T* a, const T* b, index_t y) const {
    constexpr index_t r = SsimWindow::radius;
    for (T* row : room) std::fill(row, row + padded(), T(0));
    T *v0 = room[0] + r, *v1 = room[1] + r, *v2 = room[2] + r, *v3 = room[3] + r, *v4 = room[4] + r;
    for (index_t k = -r; k <= r; ++k) {
      const T g = static_cast<T>(SsimWindow::weight(k));
      const T* pa = a + SsimWindow::reflect(y + k, h) * w;
      const T* pb = b + SsimWindow::reflect(y + k, h) * w;
      for (index_t x = 0; x < w; ++x) {
        const T u = pa[x] - T(0.5), v = pb[x] - T(0.5);
        v0[x] += g * u;
        v1[x] += g * v;
        v2[x] += g * u * u;
        v3[x] += g * v * v;
        v4[x] += g * u * v;
      }
    }
    for (int q = 0; q < 5; ++q) {
      T* row = room[q] + r;
      for (index_t x = 1; x <= r; ++x) {
        row[-x] = row[x];
        row[w - 1 + x] = row[w - 1 - x];
      }
      std::fill(out[q], out[q] + w, T(0));
      for (index_t k = -r; k <= r; ++k) {
        const T g = static_cast<T>(SsimWindow::weight(k));
        for (index_t x = 0; x < w; ++x) out[q][x] += g * row[x + k];
      }
    }
  }

  // Row y of G^T m: out[w]; room[w + 12].
  void adjoint(T* out, T* room, const T* m, index_t y) const {
    constexpr index_t r = SsimWindow::radius;
    std::fill(room, room + w + 4 * r, T(0));
    T* row = room + 2 * r;
    const auto add = [&](index_t virtual_y) {
      for (index_t k = -r; k <= r; ++k) {
        if (virtual_y + k < 0 || virtual_y + k >= h) continue;
        const T g = static_cast<T>(SsimWindow::weight(k));
        const T* from = m + (virtual_y + k) * w;
        for (index_t x = 0; x < w; ++x) row[x] += g * from[x];
      }
    };
    add(y);
    if (y >= 1 && y <= r) add(-y);
    if (y <= h - 2 && y >= h - 1 - r) add(2 * (h - 1) - y);
    const auto at = [&](index_t x) {
      T sum = 0;
      for (index_t k = -r; k <= r; ++k) sum += static_cast<T>(SsimWindow::weight(k)) * row[x + k];
      return sum;
    };
    for (index_t x = 0; x < w; ++x) out[x] = at(x);
    for (index_t x = 1; x <= r; ++x) {
      out[x] += at(-x);
      out[w - 1 - x] += at(w - 1 + x);
    }
  }
};

}  // namespace longwave::detail
