// ssim.hpp - structural similarity of two images, pixel by pixel, under a 7 x 7 Gaussian window G of deviation 1.5,
// with the images reflected at their borders (the outermost pixel is not repeated).
//
//   m_a = G*a, v_a = G*a^2 - m_a^2, c = G*(ab) - m_a m_b;   C1 = 0.01^2, C2 = 0.03^2, e = 1e-12
//   S = A1 A2 / (B1 B2 + e),   A1 = 2 m_a m_b + C1,  A2 = 2 c + C2,  B1 = m_a^2 + m_b^2 + C1,  B2 = v_a + v_b + C2
//
// Images (P, h, w), P of them, h and w at least 4, with values of about 0 to 1: they are taken from 1/2, so that the
// variances of nearly constant images keep their digits. Gradient, with the four numbers that a pixel hands back,
//   M_a = 2 m_b A2/d - 2 m_a S B2/d + 2 m_a' S B1/d - 2 m_b' A1/d,  Q = -S B1/d,  R = 2 A1/d,   d = B1 B2 + e
//   da = G^T(dS M_a) + 2 a' G^T(dS Q) + b' G^T(dS R),               a' = a - 1/2, and the same for b
// G^T is G followed by the reflection's adjoint: what falls outside is added where it was reflected from.
// Source: Wang et al. 2004, eq. 13.
#pragma once

#include <string>

#include "longwave/core/arena.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/core/ssim_terms.hpp"
#include "longwave/cpu/ssim_rows.hpp"
#include "longwave/cuda/ssim.hpp"

namespace longwave {

namespace impl {

// The same numbers in dense memory: the view itself where it is dense.
template <class T>
TensorView<const T, 3, Host> dense_images(TensorView<const T, 3, Host> x, Scratch& scratch) {
  if (x.contiguous()) return x;
  const auto dense = scratch.tensor<T>(x.sizes());
  copy(dense, x);
  return dense;
}

// f(block, image, first row, row after the last) for all blocks of rows of all images.
template <class T, class F>
void for_each_ssim_block(const Extents<3>& sizes, index_t reach, F f) {
  const index_t h = sizes[1], w = sizes[2], rows = detail::SsimBlock<T>::rows_of(h, w), blocks = (h + rows - 1) / rows;
  parallel_blocks(sizes[0] * blocks, 16, [&](index_t first, index_t last) {
    Scratch scratch;
    detail::SsimBlock<T> block(scratch, h, w, rows + 2 * reach);
    for (index_t i = first; i < last; ++i) {
      const index_t begin = i % blocks * rows;
      f(block, i / blocks, begin, std::min(h, begin + rows));
    }
  });
}

template <class T>
void ssim_forward(TensorView<T, 3, Host> S, TensorView<const T, 3, Host> a, TensorView<const T, 3, Host> b) {
  Scratch scratch;
  const auto x = dense_images(a, scratch), t = dense_images(b, scratch);
  for_each_ssim_block<T>(a.sizes(), 0, [&](detail::SsimBlock<T>& block, index_t p, index_t begin, index_t end) {
    block.means(&x(p, 0, 0), &t(p, 0, 0), begin, end);
    const T *m0 = block.line(0), *m1 = block.line(1), *m2 = block.line(2), *m3 = block.line(3), *m4 = block.line(4);
    T* room = block.room();
    for (index_t i = 0; i < block.count(); ++i) room[i] = detail::SsimPixel<T>({m0[i], m1[i], m2[i], m3[i], m4[i]}).S;
    for (index_t y = begin; y < end; ++y)
      for (index_t j = 0; j < S.size(2); ++j) S(p, y, j) = block.row(room, y)[j];
  });
}

template <class T>
void ssim_backward(TensorView<T, 3, Host> da, TensorView<T, 3, Host> db, TensorView<const T, 3, Host> dS,
                   TensorView<const T, 3, Host> a, TensorView<const T, 3, Host> b) {
  Scratch scratch;
  const auto x = dense_images(a, scratch), t = dense_images(b, scratch);
  const index_t h = a.size(1), w = a.size(2), reach = detail::SsimWindow::radius;
  for_each_ssim_block<T>(a.sizes(), reach, [&](detail::SsimBlock<T>& block, index_t p, index_t begin, index_t end) {
    const index_t low = std::max<index_t>(0, begin - reach), high = std::min(h, end + reach);
    block.means(&x(p, 0, 0), &t(p, 0, 0), low, high);
    T *m0 = block.line(0), *m1 = block.line(1), *m2 = block.line(2), *m3 = block.line(3), *m4 = block.line(4);
    T* g = block.room();
    for (index_t y = low; y < high; ++y)
      for (index_t j = 0; j < w; ++j) block.row(g, y)[j] = dS(p, y, j);
    for (index_t i = 0; i < block.count(); ++i) {  // lines 0 to 3 become M_a, M_b, Q, R
      const detail::SsimMeans<T> means{m0[i], m1[i], m2[i], m3[i], m4[i]};
      T Ma, Mb, Q, R;
      detail::SsimPixel<T>(means).slopes(means, g[i], Ma, Mb, Q, R);
      m0[i] = Ma, m1[i] = Mb, m2[i] = Q, m3[i] = R;
    }
    for (int q = 0; q < 4; ++q)
      if ((q != 0 || wanted(da)) && (q != 1 || wanted(db))) block.adjoint(q, begin, end);
    const auto put = [&](TensorView<T, 3, Host> d, const T* M, const T* mine, const T* others) {
      if (!wanted(d)) return;
      for (index_t y = begin; y < end; ++y) {
        const T *m = block.row(M, y), *u = block.row(mine, y), *v = block.row(others, y);
        const T *Q = block.row(m2, y), *R = block.row(m3, y);
        for (index_t j = 0; j < w; ++j) d(p, y, j) = m[j] + T(2) * u[j] * Q[j] + v[j] * R[j];
      }
    };
    put(da, m0, block.u(), block.v());
    put(db, m1, block.v(), block.u());
  });
}

}  // namespace impl

namespace ops {

struct Ssim {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> S, In<T, 3, D> a, In<T, 3, D> b) {
    check_same_shape("ssim", "b", b, "a", a);
    check_same_shape("ssim", "S", S, "a", a);
    check_size(a.sizes());
    if (S.count() > 0) impl::ssim_forward<T>(S, a, b);
  }

  // da and db are assigned; either may be left out.
  template <class T, device D>
  static void backward(TensorView<T, 3, D> da, Out<T, 3, D> db, In<T, 3, D> dS, In<T, 3, D> a, In<T, 3, D> b) {
    check_same_shape("ssim", "dS", dS, "a", a);
    check_size(a.sizes());
    if (dS.count() > 0 && (wanted(da) || wanted(db))) impl::ssim_backward<T>(da, db, dS, a, b);
  }

 private:
  static void check_size(const Extents<3>& sizes) {
    constexpr index_t least = detail::SsimWindow::radius + 1;
    if (sizes[1] < least || sizes[2] < least)
      throw_shape_error("ssim: the images are " + to_string(sizes) + " (P, h, w), expected h and w of at least " +
                        std::to_string(least) + ", the reach of the window");
  }
};

}  // namespace ops
}  // namespace longwave
