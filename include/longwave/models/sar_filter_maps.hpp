// sar_filter_maps.hpp - the loops of sar_filter.hpp, which has their formulas, as bodies that run on either device.
#pragma once

#include <cmath>

#include "longwave/core/complex.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/each_row.hpp"
#include "longwave/core/view.hpp"

namespace longwave::impl {

// Parameters of a filter, or their gradients, which are added to and may be left out.
template <class T, device D>
struct SarFilterParameters {
  TensorView<T, 3, D> C;                   // (S, N, 2), S: sides
  TensorView<T, 2, D> log_w_real, w_imag;  // (S, N)
  TensorView<T, 1, D> rate, shift;         // (1), (S)
};

// Where positions lie between -1 and 1, and what the modes are measured in.
struct SarFilterScale {
  double first, last;  // positions
  double dt;           // 1 / M
  double weight;       // 4 / N

  LONGWAVE_HD double at(double position) const { return 2 * (position - first) / (last - first) - 1; }
};

// Mode n of side s for a line at q: x, and what it is made of.
struct SarMode {
  complex<double> w, x;

  template <class T, device D>
  LONGWAVE_HD SarMode(const SarFilterParameters<const T, D>& p, const SarFilterScale& scale, index_t s, index_t n,
                      double q)
      : w(-std::exp(static_cast<double>(p.log_w_real(s, n))), static_cast<double>(p.w_imag(s, n))) {
    const double stretch = 1 + static_cast<double>(p.rate(0)) * scale.dt * q;
    x = scale.dt * (stretch * w + complex<double>(0, static_cast<double>(p.shift(s)) * q));
  }
};

// x (S, B, N) and, for the real and the imaginary part of the kernel, v (S, 2, B, N).
template <class T, device D>
struct SarModesForward {
  static constexpr const char* name = "sar_modes_forward";
  TensorView<complex<double>, 3, D> x;
  TensorView<complex<double>, 4, D> v;
  SarFilterParameters<const T, D> p;
  TensorView<const T, 1, D> position;
  SarFilterScale scale;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t N = x.size(2), B = x.size(1), n = i % N, b = i / N % B, s = i / (N * B);
    x(s, b, n) = SarMode(p, scale, s, n, scale.at(static_cast<double>(position(b)))).x;
    // 2 Re(v_0 e^{x l}) = Re(C e^{x l}) and 2 Re(v_1 e^{x l}) = Im(C e^{x l})
    const complex<double> half =
        0.5 * scale.weight * complex<double>(static_cast<double>(p.C(s, n, 0)), static_cast<double>(p.C(s, n, 1)));
    v(s, 0, b, n) = half;
    v(s, 1, b, n) = complex<double>(half.im, -half.re);
  }
};

// Rows: side and mode; columns: lines.
template <class T, device D>
struct SarModesBackward {
  static constexpr const char* name = "sar_modes_backward";
  SarFilterParameters<T, D> to;
  TensorView<const complex<double>, 3, D> dx;
  TensorView<const complex<double>, 4, D> dv;
  SarFilterParameters<const T, D> p;
  TensorView<const T, 1, D> position;
  SarFilterScale scale;

  LONGWAVE_HD Sums<4> operator()(index_t row, index_t b) const {
    const index_t N = dx.size(2), s = row / N, n = row % N;
    const double stretch = 1 + static_cast<double>(p.rate(0)) * scale.dt * scale.at(static_cast<double>(position(b)));
    const complex<double> g = dx(s, b, n), re = dv(s, 0, b, n), im = dv(s, 1, b, n);
    return {{0.5 * scale.weight * (re.re - im.im), 0.5 * scale.weight * (re.im + im.re), scale.dt * stretch * g.re,
             scale.dt * stretch * g.im}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<4>& sum) const {
    const index_t N = dx.size(2), s = row / N, n = row % N;
    if (wanted(to.C)) to.C(s, n, 0) += static_cast<T>(sum.at[0]);
    if (wanted(to.C)) to.C(s, n, 1) += static_cast<T>(sum.at[1]);
    const double real = -std::exp(static_cast<double>(p.log_w_real(s, n)));
    if (wanted(to.log_w_real)) to.log_w_real(s, n) += static_cast<T>(real * sum.at[2]);
    if (wanted(to.w_imag)) to.w_imag(s, n) += static_cast<T>(sum.at[3]);
  }
};

// What all modes share. Rows: sides; columns: lines and modes.
template <class T, device D>
struct SarSharedBackward {
  static constexpr const char* name = "sar_shared_backward";
  SarFilterParameters<T, D> to;
  TensorView<T, 1, D> rates;  // (S): each side's part of the rate's gradient
  TensorView<const complex<double>, 3, D> dx;
  SarFilterParameters<const T, D> p;
  TensorView<const T, 1, D> position;
  SarFilterScale scale;

  LONGWAVE_HD Sums<2> operator()(index_t s, index_t column) const {
    const index_t N = dx.size(2), b = column / N, n = column % N;
    const double q = scale.at(static_cast<double>(position(b)));
    const complex<double> g = dx(s, b, n), w = SarMode(p, scale, s, n, q).w;
    return {{scale.dt * scale.dt * q * (g.re * w.re + g.im * w.im), scale.dt * q * g.im}};
  }
  LONGWAVE_HD void finish(index_t s, const Sums<2>& sum) const {
    rates(s) = static_cast<T>(sum.at[0]);
    if (wanted(to.shift)) to.shift(s) += static_cast<T>(sum.at[1]);
  }
};

// The complex product: Y (2, 2, B, L), real and imaginary kernel on I and Q, to y (2, B, L), with u where it is given.
template <class T, device D>
struct SarCombine {
  static constexpr const char* name = "sar_combine";
  TensorView<T, 3, D> y;
  TensorView<const T, 4, D> Y;  // (I or Q, part of the kernel, B, L)
  TensorView<const T, 3, D> u;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t L = y.size(2), b = i / L, l = i % L;
    const bool residual = u.data() != nullptr;
    y(0, b, l) = Y(0, 0, b, l) - Y(1, 1, b, l) + (residual ? u(0, b, l) : T(0));
    y(1, b, l) = Y(1, 0, b, l) + Y(0, 1, b, l) + (residual ? u(1, b, l) : T(0));
  }
};

template <class T, device D>
struct SarCombineBackward {
  static constexpr const char* name = "sar_combine_backward";
  TensorView<T, 4, D> dY;
  TensorView<const T, 3, D> dy;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t L = dy.size(2), b = i / L, l = i % L;
    dY(0, 0, b, l) = dy(0, b, l);
    dY(1, 1, b, l) = -dy(0, b, l);
    dY(1, 0, b, l) = dy(1, b, l);
    dY(0, 1, b, l) = dy(1, b, l);
  }
};

// --- sample by sample: a window of the last W samples, the kernel as W taps from the newest sample back

// Taps (B, W, 2) of streams whose position has changed; tap j meets the sample that came j before the newest.
template <class T, device D>
struct SarTaps {
  static constexpr const char* name = "sar_taps";
  TensorView<T, 3, D> taps;
  TensorView<const T, 1, D> known;  // (B): the positions that the taps are for
  SarFilterParameters<const T, D> p;
  TensorView<const T, 1, D> position;
  SarFilterScale scale;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t W = taps.size(1), b = i / W, j = i % W, S = p.C.size(0), M = W / S;
    if (known(b) == position(b)) return;
    const double q = scale.at(static_cast<double>(position(b)));
    // Two-sided: the output is M samples late, so the newest M samples lie ahead of it.
    const index_t s = S == 2 && j < M ? 1 : 0, lag = S == 1 ? j : (s == 1 ? M - 1 - j : j - M);
    complex<double> sum;
    for (index_t n = 0; n < p.C.size(1); ++n) {
      const complex<double> c(static_cast<double>(p.C(s, n, 0)), static_cast<double>(p.C(s, n, 1)));
      sum += c * exp(static_cast<double>(lag) * SarMode(p, scale, s, n, q).x);
    }
    taps(b, j, 0) = static_cast<T>(scale.weight * sum.re);
    taps(b, j, 1) = static_cast<T>(scale.weight * sum.im);
  }
};

// The next sample u (B, 2) into the window (B, W, 2), a ring, at place `next`.
template <class T, device D>
struct SarInsert {
  static constexpr const char* name = "sar_insert";
  TensorView<T, 3, D> window;
  TensorView<const T, 2, D> u;
  TensorView<const index_t, 1, D> next;

  LONGWAVE_HD void operator()(index_t i) const { window(i / 2, next(0), i % 2) = u(i / 2, i % 2); }
};

// Rows: streams; columns: taps. `late`: how long ago the sample came that the output belongs to.
template <class T, device D>
struct SarConvolve {
  static constexpr const char* name = "sar_convolve";
  TensorView<T, 2, D> y;
  TensorView<const T, 3, D> window, taps;
  TensorView<const index_t, 1, D> next;
  index_t late;
  bool residual;

  LONGWAVE_HD complex<double> sample(index_t b, index_t back) const {
    const index_t place = next(0) - back, at = place < 0 ? place + window.size(1) : place;
    return {static_cast<double>(window(b, at, 0)), static_cast<double>(window(b, at, 1))};
  }
  LONGWAVE_HD Sums<2> operator()(index_t b, index_t j) const {
    const complex<double> z =
        sample(b, j) * complex<double>(static_cast<double>(taps(b, j, 0)), static_cast<double>(taps(b, j, 1)));
    return {{z.re, z.im}};
  }
  LONGWAVE_HD void finish(index_t b, const Sums<2>& sum) const {
    const complex<double> skip = residual ? sample(b, late) : complex<double>();
    y(b, 0) = static_cast<T>(sum.at[0] + skip.re);
    y(b, 1) = static_cast<T>(sum.at[1] + skip.im);
  }
};

// y (B, 2) = the first two of x (B, ..) + by; y may be x.
template <class T, device D>
struct SarShift {
  static constexpr const char* name = "sar_shift";
  TensorView<T, 2, D> y;
  TensorView<const T, 2, D> x;
  T by;

  LONGWAVE_HD void operator()(index_t i) const { y(i / 2, i % 2) = x(i / 2, i % 2) + by; }
};

// After a step; one body writes `next`.
template <class T, device D>
struct SarAdvance {
  static constexpr const char* name = "sar_advance";
  TensorView<T, 1, D> known;
  TensorView<index_t, 1, D> next;
  TensorView<const T, 1, D> position;
  index_t W;

  LONGWAVE_HD void operator()(index_t b) const {
    if (b < known.size(0)) known(b) = position(b);
    if (b == 0) next(0) = next(0) + 1 == W ? 0 : next(0) + 1;
  }
};

// The window as W samples in the order they came, ordered (2, B, W), or the other way round, then beginning at place 0.
template <class T, device D>
struct SarWindow {
  static constexpr const char* name = "sar_window";
  TensorView<T, 3, D> ordered, window;
  TensorView<const index_t, 1, D> next;
  bool store;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t W = window.size(1), b = i / W, l = i % W, at = next(0) + l < W ? next(0) + l : next(0) + l - W;
    for (index_t part = 0; part < 2; ++part) {
      if (store)
        window(b, l, part) = ordered(part, b, l);
      else
        ordered(part, b, l) = window(b, at, part);
    }
  }
};

}  // namespace longwave::impl
