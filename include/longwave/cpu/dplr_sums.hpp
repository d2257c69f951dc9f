// dplr_sums.hpp - the inner loops of S4's kernel (state_space/dplr.hpp): Cauchy sums at the nodes of a transform,
//
//   s(v)_k = sum_n v_n / d + conj(v_n) / d',   d = 2 i sin t - w_n cos t,   d' = 2 i sin t - conj(w_n) cos t
//
// with t = pi k / n, of several v at once, lanes over nodes. On this line of nodes the reciprocals are (p - i m) / (p^2
// + m^2) and (p - i q) / (p^2 + q^2) with p = -Re w cos t, m, q = 2 sin t -+ Im w cos t: one division serves both, the
// conjugate terms stay separate, and a v costs four multiply-adds per mode and node. One core with AVX-512: 1.1 ns per
// mode and node for the four products of rank 1 forward, 4.4 ns with the gradient (benchmarks/ops/kernel_s4_bench.cpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "longwave/core/arena.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/cpu/simd.hpp"

namespace longwave::impl {

using Doubles = simd::Lanes<double>;
inline constexpr index_t dplr_lanes = simd::width<double>;
inline constexpr index_t dplr_products = 8;  // sums kept in registers at once
inline constexpr index_t dplr_block = 256;   // nodes per block of the backward pass

// cos t and 2 sin t at the nodes k = 0 .. n/2, padded to whole registers.
struct DplrNodes {
  index_t n, count, pitch;
  double scale = 1 / static_cast<double>(n);
  double *cosine, *sine2;

  DplrNodes(Scratch& scratch, index_t n_)
      : n(n_),
        count(n / 2 + 1),
        pitch((count + dplr_lanes - 1) / dplr_lanes * dplr_lanes),
        cosine(scratch.take<double>(pitch)),
        sine2(scratch.take<double>(pitch)) {
    for (index_t k = 0; k < pitch; ++k) {
      const bool end = k >= count || 2 * k == n;  // cos(pi/2) is exactly 0
      const double t = std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
      cosine[k] = end ? 0 : std::cos(t);
      sine2[k] = end ? 2 : 2 * std::sin(t);
    }
  }

  complex<double> phase(index_t k) const { return {cosine[k], sine2[k] / 2}; }  // e^{i t}
};

// The factors of Re v and Im v in s(v), one mode at W nodes: Re s = vr a + vi b, Im s = vi c - vr d.
struct DplrFactors {
  Doubles p, m, q, i1, i2;  // 1/d = (p - i m) i1, 1/d' = (p - i q) i2

  DplrFactors(Doubles cosine, Doubles sine2, double wr, double wi) {
    p = -wr * cosine;
    m = sine2 - wi * cosine;
    q = sine2 + wi * cosine;
    const Doubles pp = p * p, d1 = pp + m * m, d2 = pp + q * q;
    const Doubles both = 1.0 / (d1 * d2);
    i1 = d2 * both;
    i2 = d1 * both;
  }
};

// s (2, count) += for P products v (N each, Re and Im planes `plane` apart).
template <int P>
void dplr_sums(double* s, const DplrNodes& nodes, index_t N, const double* w, const double* v) {
  for (index_t k = 0; k < nodes.pitch; k += dplr_lanes) {
    const Doubles cosine = simd::load(nodes.cosine + k), sine2 = simd::load(nodes.sine2 + k);
    Doubles re[P] = {}, im[P] = {};
    for (index_t n = 0; n < N; ++n) {
      const DplrFactors f(cosine, sine2, w[n], w[N + n]);
      const Doubles mi = f.m * f.i1, qi = f.q * f.i2;
      const Doubles a = f.p * (f.i1 + f.i2), b = mi - qi, c = f.p * (f.i1 - f.i2), d = mi + qi;
#pragma GCC unroll 8
      for (int j = 0; j < P; ++j) {
        const double vr = v[(2 * j) * N + n], vi = v[(2 * j + 1) * N + n];
        re[j] += vr * a + vi * b;
        im[j] += vi * c - vr * d;
      }
    }
#pragma GCC unroll 8
    for (int j = 0; j < P; ++j) {
      simd::store(s + (2 * j) * nodes.pitch + k, re[j]);
      simd::store(s + (2 * j + 1) * nodes.pitch + k, im[j]);
    }
  }
}

inline double lane_sum(Doubles x) {
  double sum = 0;
  for (index_t i = 0; i < dplr_lanes; ++i) sum += x[i];
  return sum;
}

// dv (as v) and dw (2, N) += from the gradients g (2P, pitch) of the sums.
template <int P>
void dplr_sums_backward(double* dv, double* dw, const double* g, const DplrNodes& nodes, index_t N, const double* w,
                        const double* v) {
  for (index_t block = 0; block < nodes.pitch; block += dplr_block)
    for (index_t n = 0; n < N; ++n) {
      Doubles dre[P] = {}, dim[P] = {}, dw_re = {}, dw_im = {};
      for (index_t k = block; k < std::min(block + dplr_block, nodes.pitch); k += dplr_lanes) {
        const Doubles cosine = simd::load(nodes.cosine + k), sine2 = simd::load(nodes.sine2 + k);
        const DplrFactors f(cosine, sine2, w[n], w[N + n]);
        const Doubles mi = f.m * f.i1, qi = f.q * f.i2, p1 = f.p * f.i1, p2 = f.p * f.i2;
        const Doubles a = p1 + p2, b = mi - qi, c = p1 - p2, d = mi + qi;
        Doubles rr = {}, ii = {}, ri = {}, ir = {};  // sums of products of (Re, Im) of v and of g
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j) {
          const double vr = v[(2 * j) * N + n], vi = v[(2 * j + 1) * N + n];
          const Doubles gr = simd::load(g + (2 * j) * nodes.pitch + k);
          const Doubles gi = simd::load(g + (2 * j + 1) * nodes.pitch + k);
          dre[j] += gr * a - gi * d;
          dim[j] += gr * b + gi * c;
          rr += vr * gr;
          ii += vi * gi;
          ri += vr * gi;
          ir += vi * gr;
        }
        // conj(1/d^2) = (p1 + i mi)^2 times g v^*, and (1/d'^2) = (p2 - i qi)^2 times g^* v^*
        const Doubles e1r = p1 * p1 - mi * mi, e1i = 2.0 * (p1 * mi), t1r = rr + ii, t1i = ri - ir;
        const Doubles e2r = p2 * p2 - qi * qi, e2i = -2.0 * (p2 * qi), t2r = rr - ii, t2i = -(ri + ir);
        dw_re += cosine * ((e1r * t1r - e1i * t1i) + (e2r * t2r - e2i * t2i));
        dw_im += cosine * ((e1r * t1i + e1i * t1r) + (e2r * t2i + e2i * t2r));
      }
#pragma GCC unroll 8
      for (int j = 0; j < P; ++j) {
        dv[(2 * j) * N + n] += lane_sum(dre[j]);
        dv[(2 * j + 1) * N + n] += lane_sum(dim[j]);
      }
      dw[n] += lane_sum(dw_re);
      dw[N + n] += lane_sum(dw_im);
    }
}

}  // namespace longwave::impl
