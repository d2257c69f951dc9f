// ssim_terms.hpp - what SSIM (ops/ssim.hpp) is at one pixel, and the device's way there: every pixel sums its own
// window.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave::detail {

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

}  // namespace longwave::detail
