// dplr_table.hpp - the table of a kernel that is linear in its output weights (kernel_linear.hpp), for a diagonal-plus-
// low-rank system (dplr.hpp), by one pass through its states.
//
//   K_l = 2 Re(C~ x_l),   x_l = A_bar^l x_0,   x_0 = (I - A_bar^n)^-1 B_bar      given C~ = C (I - A_bar^n)
//   R_l[j] = 2 Re x_l[j],   I_l[j] = -2 Im x_l[j]
//
// so one sequence of N states holds all 2 N kernels. x_0 is the state that an impulse every n samples settles into, the
// mean over the n-th roots of unity of the resolvent's rows (names of dplr.hpp):
//   x_0 = 1/n sum_k e^{i t} dt / d_j (B_j - cos t sum_q y_q P_qj),   y = s01 (I + cos t s11)^-1
// What node n - k gives follows from the sums of node k: s(n - k) = -conj(s(k)), 1/d(n - k) = -conj(1/d'(k)). The rest
// is dplr_scan.hpp's recurrence, a contraction. 40 N n + 8 N (1 + R) L operations per feature; a Cauchy sum and a
// transform for each of the 2 N kernels would be 16 N^2 n.
#pragma once

#include "longwave/state_space/dplr_scan.hpp"

namespace longwave {

namespace impl {

// x_0 of feature h as planes (2, N), for C~ of n samples.
inline void dplr_first_state(double* x, const DplrSystem& s, const DplrNodes& nodes, index_t h) {
  const index_t N = s.A.size(1), R = s.P.size(0);
  const double dt = s.dt(h);
  std::fill(x, x + 2 * N, 0.0);
  Scratch scratch;
  auto* near = scratch.take<complex<double>>(N);  // 1/d and 1/d'
  auto* far = scratch.take<complex<double>>(N);
  for (index_t k = 0; k < nodes.count; ++k) {
    const double c = nodes.cosine[k];
    complex<double> s01[max_rank], s11[max_rank * max_rank], y[max_rank];
    for (index_t n = 0; n < N; ++n) {
      const complex<double> w = dt * s.A(h, n);
      near[n] = complex<double>(1) / complex<double>(-w.re * c, nodes.sine2[k] - w.im * c);
      far[n] = complex<double>(1) / complex<double>(-w.re * c, nodes.sine2[k] + w.im * c);
      for (index_t r = 0; r < R; ++r) {
        const auto add = [&](complex<double>& sum, complex<double> left) {
          const complex<double> v = dt * (left * conj(s.P(r, h, n)));
          sum += v * near[n] + conj(v) * far[n];
        };
        add(s01[r], s.B(0, h, n));
        for (index_t q = 0; q < R; ++q) add(s11[q * R + r], s.P(q, h, n));
      }
    }
    for (index_t q = 0; q < R; ++q)
      for (index_t r = 0; r < R; ++r) s11[q * R + r] = c * s11[q * R + r] + complex<double>(q == r ? 1.0 : 0.0);
    if (R > 0) invert_in_place(s11, R);
    for (index_t q = 0; q < R; ++q)
      for (index_t r = 0; r < R; ++r) y[q] += c * (s01[r] * s11[r * R + q]);
    const complex<double> phase = dt * nodes.scale * nodes.phase(k);
    const bool pair = k > 0 && 2 * k != nodes.n;  // node n - k is another one
    for (index_t n = 0; n < N; ++n) {
      complex<double> one = s.B(0, h, n), other = conj(one);
      for (index_t q = 0; q < R; ++q) {
        one = one - y[q] * s.P(q, h, n);
        other = other - y[q] * conj(s.P(q, h, n));
      }
      complex<double> sum = phase * near[n] * one;
      if (pair) sum += conj(phase * far[n] * other);
      x[n] += sum.re;
      x[N + n] += sum.im;
    }
  }
}

}  // namespace impl

// (H, 2 N, L): column l of row 2 j is the kernel for C~ = e_j, of row 2 j + 1 that for i e_j; C~ is for n >= L samples.
// On the host; system.C is not looked at.
template <class T>
Tensor<T, 3> dplr_table(const DplrSystem& system, index_t n, index_t L) {
  constexpr index_t strip = 16;  // samples written together
  const Extents<2> modes = system.A.sizes();
  const Extents<3> ranks{system.P.size(0), modes[0], modes[1]};
  const index_t H = modes[0], N = modes[1];
  if (n < L)
    throw_value_error("dplr_table: L is " + std::to_string(L) + ", but C~ is for " + std::to_string(n) + " samples");
  Tensor<complex<double>, 2> F(modes), b(modes);
  Tensor<complex<double>, 3> G(ranks), w(ranks);
  const DplrStep step{F.view(), b.view(), G.view(), w.view()};
  DplrScan::discretise(step, system);
  Tensor<T, 3> table(H, 2 * N, L);
  if (table.count() == 0) return table;
  Scratch scratch;
  const impl::DplrNodes nodes(scratch, n);
  parallel_for(
      H,
      [&](index_t h) {
        Scratch room;
        const impl::DplrScanRow row(room, step, h);
        double* states = room.take<double>((strip + 1) * 2 * N);
        impl::dplr_first_state(states, system, nodes, h);
        for (index_t l = 0; l < L; l += strip) {
          const index_t some = std::min(strip, L - l);
          for (index_t i = 0; i < some; ++i) row.step(states + (i + 1) * 2 * N, states + i * 2 * N, 0.0);
          for (index_t j = 0; j < 2 * N; ++j) {
            T* to = &table(h, j, l);
            const double* from = states + (j % 2 * N + j / 2);
            for (index_t i = 0; i < some; ++i) to[i] = static_cast<T>((j % 2 == 0 ? 2 : -2) * from[i * 2 * N]);
          }
          std::copy(states + some * 2 * N, states + (some + 1) * 2 * N, states);
        }
      },
      H * N * (40 * n + 8 * (1 + ranks[0]) * L));
  return table;
}

}  // namespace longwave
