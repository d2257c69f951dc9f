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

// f(y, row of a, means[5]) for all rows of all images.
template <class T, class F>
void for_each_ssim_row(TensorView<const T, 3, Host> a, TensorView<const T, 3, Host> b, F f) {
  const detail::SsimRows<T> rows{a.size(1), a.size(2)};
  parallel_blocks(a.size(0) * rows.h, 64, [&](index_t begin, index_t end) {
    Scratch scratch;
    T *out[5], *room[5];
    for (int q = 0; q < 5; ++q) {
      out[q] = scratch.take<T>(rows.w);
      room[q] = scratch.take<T>(rows.padded());
    }
    for (index_t i = begin; i < end; ++i) {
      const index_t plane = i / rows.h * rows.h * rows.w;
      rows.means(out, room, a.data() + plane, b.data() + plane, i % rows.h);
      f(i * rows.w, rows.w, out);
    }
  });
}

template <class T>
void ssim_forward(TensorView<T, 3, Host> S, TensorView<const T, 3, Host> a, TensorView<const T, 3, Host> b) {
  Scratch scratch;
  const auto x = dense_images(a, scratch), t = dense_images(b, scratch);
  const auto out = S.contiguous() ? S : scratch.tensor<T>(S.sizes());
  for_each_ssim_row<T>(x, t, [&](index_t at, index_t w, T* const(&m)[5]) {
    T* row = out.data() + at;
    for (index_t i = 0; i < w; ++i) row[i] = detail::SsimPixel<T>({m[0][i], m[1][i], m[2][i], m[3][i], m[4][i]}).S;
  });
  if (!S.contiguous()) copy(S, TensorView<const T, 3, Host>(out));
}

template <class T>
void ssim_backward(TensorView<T, 3, Host> da, TensorView<T, 3, Host> db, TensorView<const T, 3, Host> dS,
                   TensorView<const T, 3, Host> a, TensorView<const T, 3, Host> b) {
  Scratch scratch;
  const auto x = dense_images(a, scratch), t = dense_images(b, scratch), g = dense_images(dS, scratch);
  const auto slopes = scratch.tensor<T>(Extents<2>{4, a.count()});
  for_each_ssim_row<T>(x, t, [&](index_t at, index_t w, T* const(&m)[5]) {
    T *Ma = &slopes(0, at), *Mb = &slopes(1, at), *Q = &slopes(2, at), *R = &slopes(3, at);
    const T* in = g.data() + at;
    for (index_t i = 0; i < w; ++i) {
      const detail::SsimMeans<T> means{m[0][i], m[1][i], m[2][i], m[3][i], m[4][i]};
      detail::SsimPixel<T>(means).slopes(means, in[i], Ma[i], Mb[i], Q[i], R[i]);
    }
  });
  const detail::SsimRows<T> rows{a.size(1), a.size(2)};
  parallel_blocks(a.size(0) * rows.h, 64, [&](index_t begin, index_t end) {
    Scratch own;
    T* filtered[4];
    for (T*& row : filtered) row = own.take<T>(rows.w);
    T* room = own.take<T>(rows.w + 4 * detail::SsimWindow::radius);
    for (index_t i = begin; i < end; ++i) {
      const index_t p = i / rows.h, y = i % rows.h;
      for (int q = 0; q < 4; ++q) {
        if ((q == 0 && !wanted(da)) || (q == 1 && !wanted(db))) continue;
        rows.adjoint(filtered[q], room, &slopes(q, p * rows.h * rows.w), y);
      }
      const T *u = x.data() + i * rows.w, *v = t.data() + i * rows.w;
      const auto put = [&](TensorView<T, 3, Host> d, const T* M, const T* mine, const T* others) {
        if (!wanted(d)) return;
        for (index_t j = 0; j < rows.w; ++j)
          d(p, y, j) = M[j] + T(2) * (mine[j] - T(0.5)) * filtered[2][j] + (others[j] - T(0.5)) * filtered[3][j];
      };
      put(da, filtered[0], u, v);
      put(db, filtered[1], v, u);
    }
  });
}

template <class T>
void ssim_forward(TensorView<T, 3, Cuda> S, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  for_each_index<Cuda>(S.count(), detail::SsimForward<T, Cuda>{S, a, b});
}
template <class T>
void ssim_backward(TensorView<T, 3, Cuda> da, TensorView<T, 3, Cuda> db, TensorView<const T, 3, Cuda> dS,
                   TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b) {
  ScratchOn<Cuda> scratch;
  const auto slopes = scratch.template tensor<T, 4>({4, a.size(0), a.size(1), a.size(2)});
  for_each_index<Cuda>(a.count(), detail::SsimSlopes<T, Cuda>{slopes, dS, a, b});
  if (wanted(da)) for_each_index<Cuda>(a.count(), detail::SsimBackward<T, Cuda>{da, slopes, a, b, 0});
  if (wanted(db)) for_each_index<Cuda>(a.count(), detail::SsimBackward<T, Cuda>{db, slopes, b, a, 1});
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
