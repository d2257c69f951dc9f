// diag_scan.hpp - a diagonal state-space layer (arguments: ops/diagonal.hpp) as the plain recurrence, step by step.
//
//   forward    s_t = a s_{t-1} + u_t                       y_t = 2 Re sum_n c s_t + D u_t
//   backward   r_t = conj(a) r_{t+1} + 2 conj(c) dy_t      du_t = Re sum_n r_t + D dy_t
//              dc = 2 sum dy_t conj(s_t),   dx = conj(a) sum conj(s_{t-1}) r_t,   dstate_in = conj(a) r_0
//
// Channels are the SIMD lanes, time runs in tiles of 32 steps that are transposed into the first-level cache, and a
// few modes at a time keep state and weights in registers. Backward keeps the states at tile starts and recomputes
// the others. No product tables and no FFT: the form to use for few steps or few modes, and the one to compare with.
// Relative error against float64: 1e-6 (float), 1e-13 (double). Work: 12 N flop per sample forward, 40 N with gradient.
#pragma once

#include <algorithm>
#include <type_traits>

#include "longwave/core/arena.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/cpu/simd.hpp"
#include "longwave/cuda/diag_scan.hpp"
#include "longwave/ops/diagonal.hpp"

namespace longwave {

namespace impl {

inline constexpr index_t scan_steps = 32;                             // time tile
inline constexpr index_t scan_modes = simd::registers == 32 ? 4 : 2;  // modes in registers together

template <class T>
struct ScanMode {  // of one mode: transition and output weights, 2 Re(c s) = c_re Re s + c_im Im s
  simd::Lanes<T> a_re, a_im, c_re, c_im;
};
template <class T>
struct ScanState {
  simd::Lanes<T> re, im;
};

// width<T> channels starting at h0; lanes beyond H hold zeros. `mode` has N entries.
template <class T>
struct ScanLanes {
  const DiagonalInputs<T>& in;
  index_t h0, lanes, N;
  ScanMode<T>* mode;
  simd::Lanes<T> skip = {};

  ScanLanes(ScanMode<T>* mode_, const DiagonalInputs<T>& in_, index_t h0_)
      : in(in_), h0(h0_), lanes(std::min<index_t>(simd::width<T>, in.H() - h0)), N(in.N()), mode(mode_) {
    for (index_t j = 0; j < lanes; ++j) skip[j] = in.skip_of(h0 + j);
  }

  void fill_modes() {
    for (index_t n = 0; n < N; ++n) {
      mode[n] = ScanMode<T>();
      for (index_t j = 0; j < lanes; ++j) {
        const complex<double> a = exp(in.x(h0 + j, n)), c = in.c(h0 + j, n);
        mode[n].a_re[j] = static_cast<T>(a.re);
        mode[n].a_im[j] = static_cast<T>(a.im);
        mode[n].c_re[j] = static_cast<T>(2 * c.re);
        mode[n].c_im[j] = static_cast<T>(-2 * c.im);
      }
    }
  }

  void load(simd::Lanes<T>* tile, TensorView<const T, 3> u, index_t b, index_t t0, index_t steps) const {
    for (index_t i = 0; i < steps; ++i) tile[i] = simd::Lanes<T>{};
    for (index_t j = 0; j < lanes; ++j) {
      const T* from = u.data() + b * u.stride(0) + (h0 + j) * u.stride(1) + t0 * u.stride(2);
      for (index_t i = 0; i < steps; ++i) tile[i][j] = from[i * u.stride(2)];
    }
  }
  void store(TensorView<T, 3> y, const simd::Lanes<T>* tile, index_t b, index_t t0, index_t steps) const {
    for (index_t j = 0; j < lanes; ++j) {
      T* to = y.data() + b * y.stride(0) + (h0 + j) * y.stride(1) + t0 * y.stride(2);
      for (index_t i = 0; i < steps; ++i) to[i * y.stride(2)] = tile[i][j];
    }
  }
  void load_state(ScanState<T>* s, TensorView<const T, 4> state, index_t b) const {
    for (index_t n = 0; n < N; ++n) {
      s[n] = ScanState<T>();
      if (state.data() == nullptr) continue;
      for (index_t j = 0; j < lanes; ++j) {
        s[n].re[j] = state(b, 0, n, h0 + j);
        s[n].im[j] = state(b, 1, n, h0 + j);
      }
    }
  }
  void store_state(TensorView<T, 4> state, const ScanState<T>* s, index_t b) const {
    for (index_t n = 0; n < N; ++n)
      for (index_t j = 0; j < lanes; ++j) {
        state(b, 0, n, h0 + j) = s[n].re[j];
        state(b, 1, n, h0 + j) = s[n].im[j];
      }
  }
};

template <class T>
inline void scan_advance(ScanState<T>& s, const ScanMode<T>& m, simd::Lanes<T> u) {
  const simd::Lanes<T> re = m.a_re * s.re + u - m.a_im * s.im;
  s.im = m.a_re * s.im + m.a_im * s.re;
  s.re = re;
}

// MODES modes over one tile; OUTPUT: add their part to y as well.
template <index_t MODES, bool OUTPUT, class T>
void scan_tile(simd::Lanes<T>* y, ScanState<T>* state, const ScanMode<T>* mode, const simd::Lanes<T>* u,
               index_t steps) {
  ScanState<T> s[MODES];
  ScanMode<T> m[MODES];
#pragma GCC unroll 8
  for (index_t k = 0; k < MODES; ++k) {
    s[k] = state[k];
    m[k] = mode[k];
  }
  for (index_t i = 0; i < steps; ++i) {
    simd::Lanes<T> sum = OUTPUT ? y[i] : simd::Lanes<T>{};
#pragma GCC unroll 8
    for (index_t k = 0; k < MODES; ++k) {
      scan_advance(s[k], m[k], u[i]);
      if constexpr (OUTPUT) sum += m[k].c_re * s[k].re + m[k].c_im * s[k].im;
    }
    if constexpr (OUTPUT) y[i] = sum;
  }
#pragma GCC unroll 8
  for (index_t k = 0; k < MODES; ++k) state[k] = s[k];
}

template <bool OUTPUT, class T>
void scan_all_modes(simd::Lanes<T>* y, ScanState<T>* state, const ScanLanes<T>& ch, const simd::Lanes<T>* u,
                    index_t steps) {
  index_t n = 0;
  for (; n + scan_modes <= ch.N; n += scan_modes) scan_tile<scan_modes, OUTPUT>(y, state + n, ch.mode + n, u, steps);
  for (; n < ch.N; ++n) scan_tile<1, OUTPUT>(y, state + n, ch.mode + n, u, steps);
}

template <class T>
void diag_scan_forward_lanes(const DiagonalOutputs<T>& out, const ScanLanes<T>& ch, index_t b) {
  const DiagonalInputs<T>& in = ch.in;
  Scratch scratch;
  auto* state = scratch.take<ScanState<T>>(ch.N);
  ch.load_state(state, in.state_in, b);
  simd::Lanes<T> u[scan_steps], y[scan_steps];
  for (index_t t = 0; t < in.L(); t += scan_steps) {
    const index_t steps = std::min(scan_steps, in.L() - t);
    ch.load(u, in.u, b, t, steps);
    for (index_t i = 0; i < steps; ++i) y[i] = ch.skip * u[i];
    scan_all_modes<true>(y, state, ch, u, steps);
    ch.store(out.y, y, b, t, steps);
  }
  if (wanted(out.state_out)) ch.store_state(out.state_out, state, b);
}

template <class T>
struct ScanSums {  // of one mode, over the samples seen so far
  simd::Lanes<T> da_re, da_im, dc_re, dc_im;
};

// One mode over one tile, backwards: `before` is the state before the tile, r the adjoint after it.
template <class T>
void scan_tile_backward(simd::Lanes<T>* du, ScanState<T>& r, ScanSums<T>& sum, const ScanState<T>& before,
                        const ScanMode<T>& m, const simd::Lanes<T>* u, const simd::Lanes<T>* dy, index_t steps) {
  ScanState<T> s[scan_steps + 1];
  s[0] = before;
  for (index_t i = 0; i < steps; ++i) {
    s[i + 1] = s[i];
    scan_advance(s[i + 1], m, u[i]);
  }
  ScanState<T> adjoint = r;
  ScanSums<T> part{};
  for (index_t i = steps - 1; i >= 0; --i) {
    adjoint.re += m.c_re * dy[i];
    adjoint.im += m.c_im * dy[i];
    du[i] += adjoint.re;
    part.dc_re += dy[i] * s[i + 1].re;
    part.dc_im -= dy[i] * s[i + 1].im;
    part.da_re += s[i].re * adjoint.re + s[i].im * adjoint.im;
    part.da_im += s[i].re * adjoint.im - s[i].im * adjoint.re;
    const simd::Lanes<T> re = m.a_re * adjoint.re + m.a_im * adjoint.im;
    adjoint.im = m.a_re * adjoint.im - m.a_im * adjoint.re;
    adjoint.re = re;
  }
  r = adjoint;
  sum.da_re += part.da_re;
  sum.da_im += part.da_im;
  sum.dc_re += part.dc_re;
  sum.dc_im += part.dc_im;
}

// One batch entry; adds to the sums (N of them) and to the skip's gradient.
template <class T>
void diag_scan_backward_entry(const DiagonalGradients<T>& d, const DiagonalCotangents<T>& from, const ScanLanes<T>& ch,
                              ScanSums<T>* sum, simd::Lanes<T>& dskip, index_t b) {
  const DiagonalInputs<T>& in = ch.in;
  const index_t N = ch.N, L = in.L(), tiles = (L + scan_steps - 1) / scan_steps;
  Scratch scratch;
  auto* before = scratch.take<ScanState<T>>((tiles + 1) * N);  // states at tile starts
  simd::Lanes<T> u[scan_steps], dy[scan_steps], du[scan_steps];
  ch.load_state(before, in.state_in, b);
  for (index_t k = 0; k < tiles; ++k) {
    const index_t steps = std::min(scan_steps, L - k * scan_steps);
    ch.load(u, in.u, b, k * scan_steps, steps);
    std::copy_n(before + k * N, N, before + (k + 1) * N);
    scan_all_modes<false>(static_cast<simd::Lanes<T>*>(nullptr), before + (k + 1) * N, ch, u, steps);
  }
  auto* r = scratch.take<ScanState<T>>(N);
  ch.load_state(r, from.dstate_out, b);
  for (index_t k = tiles - 1; k >= 0; --k) {
    const index_t t = k * scan_steps, steps = std::min(scan_steps, L - t);
    ch.load(u, in.u, b, t, steps);
    ch.load(dy, from.dy, b, t, steps);
    for (index_t i = 0; i < steps; ++i) {
      du[i] = ch.skip * dy[i];
      dskip += u[i] * dy[i];
    }
    for (index_t n = 0; n < N; ++n) scan_tile_backward(du, r[n], sum[n], before[k * N + n], ch.mode[n], u, dy, steps);
    if (wanted(d.du)) ch.store(d.du, du, b, t, steps);
  }
  if (wanted(d.dstate_in)) ch.store_state(d.dstate_in, r, b);
}

template <class T>
void diag_scan_backward_lanes(const DiagonalGradients<T>& d, const DiagonalCotangents<T>& from,
                              const DiagonalInputs<T>& in, index_t h0) {
  Scratch scratch;
  ScanLanes<T> ch(scratch.take<ScanMode<T>>(in.N()), in, h0);
  ch.fill_modes();
  const index_t N = ch.N;
  auto* sum = scratch.take<ScanSums<T>>(N);
  auto* total = scratch.take<double>(4 * N * ch.lanes);  // over batch entries, in double
  std::fill_n(total, 4 * N * ch.lanes, 0.0);
  simd::Lanes<T> dskip = {};
  for (index_t b = 0; b < in.B(); ++b) {
    for (index_t n = 0; n < N; ++n) sum[n] = ScanSums<T>();
    diag_scan_backward_entry(d, from, ch, sum, dskip, b);
    for (index_t n = 0; n < N; ++n)
      for (index_t j = 0; j < ch.lanes; ++j) {
        double* to = total + 4 * (n * ch.lanes + j);
        to[0] += static_cast<double>(sum[n].da_re[j]);
        to[1] += static_cast<double>(sum[n].da_im[j]);
        to[2] += static_cast<double>(sum[n].dc_re[j]);
        to[3] += static_cast<double>(sum[n].dc_im[j]);
      }
  }
  for (index_t j = 0; j < ch.lanes; ++j) {
    for (index_t n = 0; n < N; ++n) {
      const double* s = total + 4 * (n * ch.lanes + j);
      if (wanted(d.dx)) d.dx(h0 + j, n) = conj(exp(in.x(h0 + j, n))) * complex<double>(s[0], s[1]);
      if (wanted(d.dc)) d.dc(h0 + j, n) = {2 * s[2], 2 * s[3]};
    }
    if (wanted(d.dskip)) d.dskip(h0 + j) += dskip[j];
  }
}

template <class T>
void diag_scan_forward(const DiagonalOutputs<T, Host>& out, const DiagonalInputs<T, Host>& in) {
  constexpr index_t W = simd::width<T>;
  const index_t blocks = (in.H() + W - 1) / W, N = in.N();
  Scratch scratch;
  auto* modes = scratch.take<ScanMode<T>>(blocks * N);  // shared by all entries of the batch
  const index_t work = diagonal_work(in);
  parallel_for(
      blocks, [&](index_t i) { ScanLanes<T>(modes + i * N, in, i * W).fill_modes(); }, 100 * in.H() * N);
  auto one = [&](index_t i) {
    diag_scan_forward_lanes(out, ScanLanes<T>(modes + i % blocks * N, in, i % blocks * W), i / blocks);
  };
  parallel_for(in.B() * blocks, one, work);
}

template <class T>
void diag_scan_backward(const DiagonalGradients<T, Host>& d, const DiagonalCotangents<T, Host>& from,
                        const DiagonalInputs<T, Host>& in) {
  constexpr index_t W = simd::width<T>;
  parallel_for((in.H() + W - 1) / W, [&](index_t i) { diag_scan_backward_lanes(d, from, in, i * W); },
               3 * diagonal_work(in));
}

}  // namespace impl

namespace ops {

struct DiagScan {
  template <class T, device D>
  static void forward(const DiagonalOutputs<T, D>& out, const DiagonalInputs<T, D>& in) {
    detail::check_diagonal("diag_scan", out, in);
    impl::diag_scan_forward(out, in);
  }

  template <class T, device D>
  static void backward(const DiagonalGradients<T, D>& d, const DiagonalCotangents<T, D>& from,
                       const DiagonalInputs<T, D>& in) {
    detail::check_diagonal("diag_scan", d, from, in);
    impl::diag_scan_backward(d, from, in);
  }
};

}  // namespace ops
}  // namespace longwave
