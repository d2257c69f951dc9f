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
#include "longwave/core/view.hpp"

namespace longwave {

namespace detail {

struct SsimWindow {
  static constexpr index_t radius = 3, width = 7;
  static constexpr double C1 = 1e-4, C2 = 9e-4, e = 1e-12;

  // exp(-k^2 / 4.5) over their sum, k = -3 .. 3
  LONGWAVE_HD static double weight(index_t k) {
    constexpr double weights[4] = {0.27068214949642655, 0.21674532140370778, 0.11128075847888486, 0.036632845369194034};
    return weights[k < 0 ? -k : k];
  }
  LONGWAVE_HD static index_t reflect(index_t i, index_t n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; }
};

// The five means under the window at one pixel, of a' and b'.
template <class T>
struct SsimMeans {
  T a, b, aa, bb, ab;
};

template <class T>
struct SsimPixel {
  T S, A1, A2, B1, B2, d, ma, mb;

  LONGWAVE_HD explicit SsimPixel(const SsimMeans<T>& m) {
    ma = m.a + T(0.5);
    mb = m.b + T(0.5);
    A1 = T(2) * ma * mb + T(SsimWindow::C1);
    A2 = T(2) * (m.ab - m.a * m.b) + T(SsimWindow::C2);
    B1 = ma * ma + mb * mb + T(SsimWindow::C1);
    B2 = (m.aa - m.a * m.a) + (m.bb - m.b * m.b) + T(SsimWindow::C2);
    d = B1 * B2 + T(SsimWindow::e);
    S = A1 * A2 / d;
  }
  // What the pixel hands back, times its incoming gradient g: M_a, M_b, Q, R.
  LONGWAVE_HD void slopes(const SsimMeans<T>& m, T g, T& Ma, T& Mb, T& Q, T& R) const {
    const T over = g / d;
    Q = -S * B1 * over;
    R = T(2) * A1 * over;
    Ma = T(2) * (mb * A2 - ma * S * B2) * over - T(2) * m.a * Q - m.b * R;
    Mb = T(2) * (ma * A2 - mb * S * B2) * over - T(2) * m.b * Q - m.a * R;
  }
};

// --- on the host: separable, rows as the lanes --------------------------------------------------------------------

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

// --- on the device: every pixel its own sums -----------------------------------------------------------------------

template <class T, device D>
LONGWAVE_HD SsimMeans<T> ssim_means(const TensorView<const T, 3, D>& a, const TensorView<const T, 3, D>& b, index_t p,
                                    index_t y, index_t x) {
  SsimMeans<T> m = {0, 0, 0, 0, 0};
  for (index_t i = -SsimWindow::radius; i <= SsimWindow::radius; ++i)
    for (index_t j = -SsimWindow::radius; j <= SsimWindow::radius; ++j) {
      const index_t yi = SsimWindow::reflect(y + i, a.size(1)), xj = SsimWindow::reflect(x + j, a.size(2));
      const T g = static_cast<T>(SsimWindow::weight(i) * SsimWindow::weight(j));
      const T u = a(p, yi, xj) - T(0.5), v = b(p, yi, xj) - T(0.5);
      m.a += g * u;
      m.b += g * v;
      m.aa += g * u * u;
      m.bb += g * v * v;
      m.ab += g * u * v;
    }
  return m;
}

template <class T, device D>
struct SsimForward {
  static constexpr const char* name = "ssim_forward";
  TensorView<T, 3, D> S;
  TensorView<const T, 3, D> a, b;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t w = S.size(2), h = S.size(1), x = i % w, y = i / w % h, p = i / (w * h);
    S(p, y, x) = SsimPixel<T>(ssim_means(a, b, p, y, x)).S;
  }
};

template <class T, device D>
struct SsimSlopes {
  static constexpr const char* name = "ssim_slopes";
  TensorView<T, 4, D> slopes;  // (4, P, h, w): M_a, M_b, Q, R
  TensorView<const T, 3, D> dS, a, b;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t w = a.size(2), h = a.size(1), x = i % w, y = i / w % h, p = i / (w * h);
    const SsimMeans<T> m = ssim_means(a, b, p, y, x);
    SsimPixel<T>(m).slopes(m, dS(p, y, x), slopes(0, p, y, x), slopes(1, p, y, x), slopes(2, p, y, x),
                           slopes(3, p, y, x));
  }
};

template <class T, device D>
struct SsimBackward {
  static constexpr const char* name = "ssim_backward";
  TensorView<T, 3, D> dx;
  TensorView<const T, 4, D> slopes;
  TensorView<const T, 3, D> x, other;
  index_t own;  // 0: x is a, 1: x is b
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t w = x.size(2), h = x.size(1), column = i % w, y = i / w % h, p = i / (w * h);
    constexpr index_t r = SsimWindow::radius;
    T M = 0, Q = 0, R = 0;
    // Every pixel whose window, reflected, holds this one; by which weight.
    for (index_t yi = (y - r > 0 ? y - r : 0); yi <= (y + r < h - 1 ? y + r : h - 1); ++yi)
      for (index_t xj = (column - r > 0 ? column - r : 0); xj <= (column + r < w - 1 ? column + r : w - 1); ++xj) {
        const T g = static_cast<T>(share(yi, y, h) * share(xj, column, w));
        M += g * slopes(own, p, yi, xj);
        Q += g * slopes(2, p, yi, xj);
        R += g * slopes(3, p, yi, xj);
      }
    dx(p, y, column) = M + T(2) * (x(p, y, column) - T(0.5)) * Q + (other(p, y, column) - T(0.5)) * R;
  }
  // Along one axis: how much of pixel `at` the window around `centre` sees, directly and reflected.
  LONGWAVE_HD static double share(index_t centre, index_t at, index_t n) {
    constexpr index_t r = SsimWindow::radius;
    double sum = 0;
    for (index_t k = -r; k <= r; ++k)
      if (SsimWindow::reflect(centre + k, n) == at) sum += SsimWindow::weight(k);
    return sum;
  }
};

}  // namespace detail

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
