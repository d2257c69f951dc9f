// ssim_rows.hpp - the host's way through the windows of SSIM (ops/ssim.hpp): separable, a block of rows at a time.
//
// Rows lie with 3 columns of margin on either side, so that a block is one dense line: the window is a sum over
// neighbours along rows and over elements a stride apart along columns, both without an end before the block's.
#pragma once

#include <algorithm>

#include "longwave/core/arena.hpp"
#include "longwave/core/ssim_terms.hpp"

namespace longwave::detail {

// y_i = G_0 x_i + sum over k = 1 .. 3 of G_k (x_{i - k step} + x_{i + k step}), i = 0 .. n - 1
template <class T>
void ssim_taps(T* __restrict y, const T* __restrict x, index_t step, index_t n) {
  const T g0 = static_cast<T>(SsimWindow::weight(0)), g1 = static_cast<T>(SsimWindow::weight(1));
  const T g2 = static_cast<T>(SsimWindow::weight(2)), g3 = static_cast<T>(SsimWindow::weight(3));
  for (index_t i = 0; i < n; ++i)
    y[i] = g0 * x[i] + g1 * (x[i - step] + x[i + step]) + g2 * (x[i - 2 * step] + x[i + 2 * step]) +
           g3 * (x[i - 3 * step] + x[i + 3 * step]);
}

// Works on blocks of up to `rows` rows of images (h, w), one after the other.
template <class T>
class SsimBlock {
 public:
  static constexpr index_t r = SsimWindow::radius;

  SsimBlock(Scratch& scratch, index_t h, index_t w, index_t rows) : h_(h), w_(w), stride_(w + 2 * r) {
    const index_t room = (rows + 4 * r) * stride_;  // rows, and twice the window's reach on either side
    for (T** p : {&u_, &v_, &room_, &line_[0], &line_[1], &line_[2], &line_[3], &line_[4]}) {
      *p = scratch.take<T>(room + 2 * r);
      std::fill_n(*p, room + 2 * r, T(0));
      *p += 2 * r * stride_ + r;
    }
  }

  // Rows whose numbers stay in the nearest caches.
  static index_t rows_of(index_t h, index_t w) { return std::min(h, std::max<index_t>(2048 / (w + 2 * r), 16)); }

  // The means of a', b', a'^2, b'^2, a' b' on rows [begin, end) of the image, as line(0 .. 4).
  void means(const T* a, const T* b, index_t begin, index_t end) {
    begin_ = begin;
    rows_ = end - begin;
    centre(u_, a);
    centre(v_, b);
    const index_t n = count(), margin = r * stride_;
    for (int q = 0; q < 5; ++q) {
      const T* from = q == 0 ? u_ : v_;
      if (q >= 2) {
        const T *x = q == 3 ? v_ : u_, *y = q == 2 ? u_ : v_;
        for (index_t i = -margin; i < n + margin; ++i) line_[q][i] = x[i] * y[i];
        from = line_[q];
      }
      ssim_taps(room_, from, stride_, n);
      ssim_taps(line_[q], room_, 1, n);
    }
  }

  index_t count() const { return rows_ * stride_; }  // of all numbers of the block, margins included
  T* line(int q) { return line_[q]; }
  T* room() { return room_; }
  // a' and b' where the means are.
  const T* u() const { return u_; }
  const T* v() const { return v_; }
  // Row y, of x(count) of this block.
  template <class U>
  U* row(U* x, index_t y) const {
    return x + (y - begin_) * stride_ + r;
  }

  // G^T of line(q), which holds rows [begin - 3, end + 3), as far as they are in the image: rows [begin, end), where
  // row() finds them. What falls outside of the image is added where it was reflected from.
  void adjoint(int q, index_t begin, index_t end) {
    T* x = line_[q];
    for (index_t i = 0; i < rows_; ++i) {
      std::fill_n(x + i * stride_, r, T(0));
      std::fill_n(x + i * stride_ + r + w_, r, T(0));
    }
    for (T* outside : {x - 2 * r * stride_, x + count()}) std::fill_n(outside, 2 * r * stride_, T(0));
    const index_t low = begin == 0 ? -r : begin, high = end >= h_ - r ? h_ + r : end, n = (high - low) * stride_;
    T* out = x + (low - begin_) * stride_;
    ssim_taps(room_, out, stride_, n);
    std::fill_n(room_ + n, r, T(0));
    ssim_taps(out, room_, 1, n);
    for (index_t y = begin; y < end; ++y) {
      T* to = row(x, y);
      const auto add = [&](index_t outside) {
        const T* from = row(x, outside);
        for (index_t j = -r; j < w_ + r; ++j) to[j] += from[j];
      };
      if (y >= 1 && y <= r) add(-y);
      if (y <= h_ - 2 && y >= h_ - 1 - r) add(2 * (h_ - 1) - y);
      for (index_t j = 1; j <= r; ++j) {
        to[j] += to[-j];
        to[w_ - 1 - j] += to[w_ - 1 + j];
      }
    }
  }

 private:
  // x - 1/2 on the block's rows and 3 more on either side, reflected.
  void centre(T* to, const T* x) const {
    for (index_t y = begin_ - r; y < begin_ + rows_ + r; ++y) {
      const T* from = x + SsimWindow::reflect(y, h_) * w_;
      T* out = row(to, y);
      for (index_t j = 0; j < w_; ++j) out[j] = from[j] - T(0.5);
      for (index_t j = 1; j <= r; ++j) {
        out[-j] = out[j];
        out[w_ - 1 + j] = out[w_ - 1 - j];
      }
    }
  }

  index_t h_, w_, stride_, begin_ = 0, rows_ = 0;
  T *u_, *v_, *room_, *line_[5];
};

}  // namespace longwave::detail
