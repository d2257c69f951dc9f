// ssim_terms.hpp - the window of SSIM (ops/ssim.hpp), and what SSIM and its slopes are at one pixel.
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

}  // namespace longwave::detail
