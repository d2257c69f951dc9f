// dplr.hpp - S4's kernel: a diagonal-plus-low-rank system, bilinear rule, by its truncated generating function.
//
//   A = diag(Lambda) - sum_r P_r P_r^*,   A_bar = (I - dt A/2)^-1 (I + dt A/2),   B_bar = (I - dt A/2)^-1 dt B
//   K_l = 2 Re(C A_bar^l B_bar),  l = 0 .. n-1,   given C~ = C (I - A_bar^n) instead of C
//
// One of each conjugate pair of modes is stored; sums over n below are over both. At the n-th roots of unity the
// generating function sum_l K_l omega^l needs C~ only and A_bar's resolvent, which Woodbury's identity reduces to
// Cauchy sums. With omega = e^{-2 i t}, t = pi k / n, everything is divided through by cos t e^{-i t}, so that no node
// has a pole (at the Nyquist node omega = -1 the usual 2 (1 - omega)/(1 + omega) is infinite):
//   d_n = 2 i sin t - w_n cos t,  w = dt Lambda,     s(v) = sum_n v_n / d_n + conj(v_n) / (2 i sin t - conj(w_n) cos t)
//   s00 = s(dt B C~)   s01 = s(dt B P^*)   s10 = s(dt P C~)   s11 = s(dt P P^*)
//   Khat_k = e^{i t} (s00 - cos t s01 (I + cos t s11)^-1 s10),   K = irfft(Khat)
//
//   dt (H)   A: Lambda (H, N)   B (M, H, N): M inputs   P (R, H, N)   C: C~ (C, H, N)   K (M, C, H, L), L <= n
//
// Gradients, with X = s01 (I + cos t s11)^-1, Y = (I + cos t s11)^-1 s10 and G = dL/ds00 = e^{-i t} dL/dKhat:
//   ds01 = -cos t G Y^*,   ds10 = -cos t X^* G,   ds11 = cos^2 t X^* G Y^*
//   dv = sum_k conj(1/d) ds + (1/d') conj(ds) as two real sums,   dw = sum_k cos t (conj(1/d^2) g v^* + (1/d'^2) g^*
//   v^*)
//
// Everything in double: the difference in Khat cancels 2 to 4 digits for HiPPO matrices. On the nodes' line both
// reciprocals of a mode come from one division, and a product v costs four real multiply-adds per mode and node:
// 16 + 4 (M + R) (C + R) operations, the arithmetic is the limit. Nothing of size (H, N, n) exists.
// Source: Gu, Goel, Re 2022 (S4), appendix C.3, with the nodes' scaling of this file.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "longwave/core/dplr_views.hpp"
#include "longwave/cpu/dplr_sums.hpp"
#include "longwave/cuda/dplr.hpp"
#include "longwave/ops/fft.hpp"
#include "longwave/state_space/dplr_maps.hpp"

namespace longwave {

namespace impl {

// One feature: the sums s_ij over the nodes (i: an input or P, j: an output or P^*), and the way back to its vectors.
class DplrRow {
 public:
  DplrRow(const DplrSystem& system, const DplrNodes& nodes, index_t h)
      : system_(system),
        nodes_(nodes),
        h_(h),
        N_(system.A.size(1)),
        M_(system.B.size(0)),
        R_(system.P.size(0)),
        C_(system.C.size(0)),
        w_(scratch_.take<double>(2 * N_)),
        v_(scratch_.take<double>(products() * 2 * N_)),
        s_(scratch_.take<double>(products() * 2 * nodes.pitch)) {
    const double dt = system_.dt(h_);
    for (index_t n = 0; n < N_; ++n) {
      put(w_, n, dt * system.A(h, n));
      for (index_t i = 0; i < M_ + R_; ++i)
        for (index_t j = 0; j < C_ + R_; ++j) put(v_ + product(i, j) * 2 * N_, n, dt * (left(i, n) * right(j, n)));
    }
    for_groups([&]<int P>(index_t first) {
      dplr_sums<P>(s_ + first * 2 * nodes_.pitch, nodes_, N_, w_, v_ + first * 2 * N_);
    });
    for (index_t k = 0; k < nodes_.count && R_ > 0; ++k) solve(k);
  }

  // Khat / n of input m and output c, bins 0 .. n/2: what the inverse transform takes.
  void spectrum(complex<double>* bins, index_t m, index_t c) const {
    for (index_t k = 0; k < nodes_.count; ++k) {
      complex<double> sum;
      for (index_t r = 0; r < R_; ++r) sum += s(m, C_ + r, k) * s(M_ + r, c, k);
      bins[k] = (nodes_.scale * nodes_.phase(k)) * (s(m, c, k) - nodes_.cosine[k] * sum);
    }
  }

  // Takes dL/dKhat n of input m and output c, the gradient of what spectrum() gave.
  void set_gradient(index_t m, index_t c, const complex<double>* dbins) {
    for (index_t k = 0; k < nodes_.count; ++k) set(m, c, k, (nodes_.scale * conj(nodes_.phase(k))) * dbins[k]);
  }

  // After set_gradient for all (m, c): adds to the gradients of this feature.
  void backward(const DplrGradients& d) {
    auto* ds01 = scratch_.take<complex<double>>(M_ * R_);
    for (index_t k = 0; k < nodes_.count && R_ > 0; ++k) solve_backward(k, ds01);
    for (index_t plane = 0; plane < 2 * products(); ++plane)  // nothing flows to the padding
      std::fill(s_ + plane * nodes_.pitch + nodes_.count, s_ + (plane + 1) * nodes_.pitch, 0.0);
    double* dw = scratch_.take<double>(2 * N_);
    double* dv = scratch_.take<double>(products() * 2 * N_);
    std::fill(dw, dw + 2 * N_, 0.0);
    std::fill(dv, dv + products() * 2 * N_, 0.0);
    for_groups([&]<int P>(index_t first) {
      dplr_sums_backward<P>(dv + first * 2 * N_, dw, s_ + first * 2 * nodes_.pitch, nodes_, N_, w_,
                            v_ + first * 2 * N_);
    });
    const double dt = system_.dt(h_);
    double ddt = 0;
    for (index_t n = 0; n < N_; ++n) {
      const complex<double> g = at(dw, n);
      d.A(h_, n) += dt * g;
      ddt += (g * conj(system_.A(h_, n))).re;
      for (index_t i = 0; i < M_ + R_; ++i)
        for (index_t j = 0; j < C_ + R_; ++j) {
          const complex<double> dproduct = at(dv + product(i, j) * 2 * N_, n);
          const complex<double> l = left(i, n), r = right(j, n);
          ddt += (dproduct * conj(l * r)).re;
          const complex<double> dl = dt * (dproduct * conj(r)), dr = dt * (dproduct * conj(l));
          (i < M_ ? d.B(i, h_, n) : d.P(i - M_, h_, n)) += dl;
          if (j < C_)
            d.C(j, h_, n) += dr;
          else
            d.P(j - C_, h_, n) += conj(dr);
        }
    }
    d.dt(h_) += ddt;
  }

 private:
  index_t products() const { return (M_ + R_) * (C_ + R_); }
  index_t product(index_t i, index_t j) const { return i * (C_ + R_) + j; }
  complex<double> left(index_t i, index_t n) const { return i < M_ ? system_.B(i, h_, n) : system_.P(i - M_, h_, n); }
  complex<double> right(index_t j, index_t n) const {
    return j < C_ ? system_.C(j, h_, n) : conj(system_.P(j - C_, h_, n));
  }
  void put(double* planes, index_t n, complex<double> z) const {
    planes[n] = z.re;
    planes[N_ + n] = z.im;
  }
  complex<double> at(const double* planes, index_t n) const { return {planes[n], planes[N_ + n]}; }
  double* plane(index_t i, index_t j) const { return s_ + product(i, j) * 2 * nodes_.pitch; }
  complex<double> s(index_t i, index_t j, index_t k) const {
    const double* p = plane(i, j);
    return {p[k], p[nodes_.pitch + k]};
  }
  void set(index_t i, index_t j, index_t k, complex<double> z) {
    double* p = plane(i, j);
    p[k] = z.re;
    p[nodes_.pitch + k] = z.im;
  }

  template <class F>
  void for_groups(F f) const {
    const index_t groups = (products() + dplr_products - 1) / dplr_products;
    for (index_t g = 0; g < groups; ++g) {
      const index_t first = products() * g / groups, P = products() * (g + 1) / groups - first;
      [&]<int... I>(std::integer_sequence<int, I...>) {
        ((P == I + 1 ? f.template operator()<I + 1>(first) : void()), ...);
      }
      (std::make_integer_sequence<int, dplr_products>());
    }
  }

  // Replaces s11 by (I + cos t s11)^-1 and s01 by X = s01 (I + cos t s11)^-1.
  void solve(index_t k) {
    const double c = nodes_.cosine[k];
    if (R_ == 1) {  // 12 ns less per node than the general way
      const complex<double> W = complex<double>(1) / (complex<double>(1) + c * s(M_, C_, k));
      set(M_, C_, k, W);
      for (index_t m = 0; m < M_; ++m) set(m, C_, k, s(m, C_, k) * W);
      return;
    }
    complex<double> a[max_rank * max_rank], row[max_rank];
    for (index_t q = 0; q < R_; ++q)
      for (index_t r = 0; r < R_; ++r) a[q * R_ + r] = c * s(M_ + q, C_ + r, k) + complex<double>(q == r ? 1.0 : 0.0);
    invert_in_place(a, R_);
    for (index_t r = 0; r < R_; ++r)
      for (index_t q = 0; q < R_; ++q) set(M_ + r, C_ + q, k, a[r * R_ + q]);
    for (index_t m = 0; m < M_; ++m) {
      for (index_t q = 0; q < R_; ++q) {
        row[q] = {};
        for (index_t r = 0; r < R_; ++r) row[q] += s(m, C_ + r, k) * a[r * R_ + q];
      }
      for (index_t q = 0; q < R_; ++q) set(m, C_ + q, k, row[q]);
    }
  }

  // s00 holds G, s01 X, s11 the inverse W; all but s00 become gradients.
  void solve_backward(index_t k, complex<double>* ds01) {
    const double c = nodes_.cosine[k];
    complex<double> W[max_rank * max_rank], dW[max_rank * max_rank], s10[max_rank], ds10[max_rank], Y[max_rank];
    for (index_t r = 0; r < R_; ++r)
      for (index_t q = 0; q < R_; ++q) {
        W[r * R_ + q] = s(M_ + r, C_ + q, k);
        dW[r * R_ + q] = {};
      }
    // One output at a time: its column of Y and of ds10; ds01 takes the place of X when all are done.
    std::fill(ds01, ds01 + M_ * R_, complex<double>());
    for (index_t o = 0; o < C_; ++o) {
      for (index_t q = 0; q < R_; ++q) s10[q] = s(M_ + q, o, k);
      for (index_t r = 0; r < R_; ++r) {
        Y[r] = {};
        ds10[r] = {};
        for (index_t q = 0; q < R_; ++q) Y[r] += W[r * R_ + q] * s10[q];
        for (index_t m = 0; m < M_; ++m) {
          ds10[r] -= c * (conj(s(m, C_ + r, k)) * s(m, o, k));
          ds01[m * R_ + r] -= c * (s(m, o, k) * conj(Y[r]));
        }
      }
      for (index_t q = 0; q < R_; ++q) {
        for (index_t r = 0; r < R_; ++r) dW[q * R_ + r] -= c * (ds10[q] * conj(Y[r]));
        set(M_ + q, o, k, ds10[q]);
      }
    }
    for (index_t q = 0; q < R_; ++q)
      for (index_t r = 0; r < R_; ++r) set(M_ + q, C_ + r, k, dW[q * R_ + r]);
    for (index_t m = 0; m < M_; ++m)
      for (index_t r = 0; r < R_; ++r) set(m, C_ + r, k, ds01[m * R_ + r]);
  }

  Scratch scratch_;
  const DplrSystem& system_;
  const DplrNodes& nodes_;
  const index_t h_, N_, M_, R_, C_;
  double *w_, *v_;  // (2, N), (products, 2, N)
  double* s_;       // (products, 2, pitch)
};

inline index_t dplr_work(const DplrSystem& s, index_t n) {
  const index_t products = (s.B.size(0) + s.P.size(0)) * (s.C.size(0) + s.P.size(0));
  return s.A.count() * (n / 2 + 1) * (16 + 4 * products) / 8;
}

// row(m, c, h, K): takes the n samples of each kernel; called by one thread per h.
template <class F>
void dplr_forward(const DplrSystem& system, index_t n, F row) {
  Scratch shared;
  const DplrNodes nodes(shared, n);
  const RealFft<double> fft(n);
  parallel_for(
      system.A.size(0),
      [&](index_t h) {
        Scratch scratch;
        const DplrRow sums(system, nodes, h);
        auto* bins = scratch.take<complex<double>>(nodes.count);
        auto* K = scratch.take<double>(n);
        for (index_t m = 0; m < system.B.size(0); ++m)
          for (index_t c = 0; c < system.C.size(0); ++c) {
            sums.spectrum(bins, m, c);
            fft.inverse(K, bins);
            row(m, c, h, static_cast<const double*>(K));
          }
      },
      dplr_work(system, n));
}

// row(m, c, h, dK): gives the gradient of the n samples of each kernel. Adds to the gradients of the system.
template <class F>
void dplr_backward(const DplrGradients& d, const DplrSystem& system, index_t n, F row) {
  Scratch shared;
  const DplrNodes nodes(shared, n);
  const RealFft<double> fft(n);
  parallel_for(
      system.A.size(0),
      [&](index_t h) {
        Scratch scratch;
        DplrRow sums(system, nodes, h);
        auto* bins = scratch.take<complex<double>>(nodes.count);
        auto* dK = scratch.take<double>(n);
        for (index_t m = 0; m < system.B.size(0); ++m)
          for (index_t c = 0; c < system.C.size(0); ++c) {
            row(m, c, h, dK);
            fft.forward(bins, dK);
            for (index_t k = 0; k < nodes.count; ++k)  // inner bins stand for two
              if (k > 0 && 2 * k < n) bins[k] = 2.0 * bins[k];
            sums.set_gradient(m, c, bins);
          }
        sums.backward(d);
      },
      4 * dplr_work(system, n));
}

// K (M, C, H, L) = base + kernels, base may be left out; n >= L nodes.
template <class T>
void dplr_kernels(TensorView<T, 4, Host> K, TensorView<const T, 4, Host> base, const DplrSystem& system, index_t n) {
  dplr_forward(system, n, [&](index_t m, index_t c, index_t h, const double* row) {
    if (wanted(base))
      for (index_t l = 0; l < K.size(3); ++l) K(m, c, h, l) = base(m, c, h, l) + static_cast<T>(row[l]);
    else
      for (index_t l = 0; l < K.size(3); ++l) K(m, c, h, l) = static_cast<T>(row[l]);
  });
}

// Adds to the gradients of the system.
template <class T>
void dplr_kernels_backward(const DplrGradients& d, TensorView<const T, 4, Host> dK, const DplrSystem& system,
                           index_t n) {
  dplr_backward(d, system, n, [&](index_t m, index_t c, index_t h, double* row) {
    for (index_t l = 0; l < n; ++l) row[l] = l < dK.size(3) ? static_cast<double>(dK(m, c, h, l)) : 0.0;
  });
}

}  // namespace impl

// The kernel by itself; what layers use is kernel_s4.hpp.
struct Dplr {
  // K (M, C, H, L) with the generating function at n >= L nodes; with base, that is added: K may be base.
  template <class T, device D>
  static void forward(TensorView<T, 4, D> K, const DplrSystemOn<D>& system, index_t n, In<T, 4, D> base = {}) {
    check(K.sizes(), system, n);
    if (wanted(base)) check_same_shape("dplr", "K", K, "base", base);
    impl::dplr_kernels(K, base, system, n);
  }

  // Added to.
  template <class T, device D>
  static void backward(const DplrGradientsOn<D>& d, TensorView<T, 4, D> dK, const DplrSystemOn<D>& system, index_t n) {
    check(dK.sizes(), system, n);
    check(dK.sizes(), DplrSystemOn<D>{d.dt, d.A, d.B, d.P, d.C}, n);
    impl::dplr_kernels_backward(d, TensorView<const std::remove_const_t<T>, 4, D>(dK), system, n);
  }

 private:
  template <device D>
  static void check(const Extents<4>& K, const DplrSystemOn<D>& s, index_t n) {
    const index_t H = s.dt.size(0), N = s.A.size(1);
    check_shape("dplr", "A", s.A, Extents{H, N}, "HN");
    check_shape("dplr", "B", s.B, Extents<3>{K[0], H, N}, "MHN");
    check_shape("dplr", "P", s.P, Extents<3>{s.P.size(0), H, N}, "RHN");
    check_shape("dplr", "C", s.C, Extents<3>{K[1], H, N}, "CHN");
    if (K[2] != H)
      throw_shape_error("dplr: K and dt disagree on H: K is " + to_string(K, "MCHL") + ", dt is " +
                        to_string(s.dt.sizes(), "H"));
    if (s.P.size(0) > max_rank)
      throw_value_error("dplr: rank " + std::to_string(s.P.size(0)) + ", expected at most " + std::to_string(max_rank));
    if (n < 1 || n < K[3])
      throw_value_error("dplr: " + std::to_string(n) + " nodes for a kernel of " + std::to_string(K[3]) + " samples");
  }
};

}  // namespace longwave
