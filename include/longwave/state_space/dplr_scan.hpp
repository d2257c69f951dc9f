// dplr_scan.hpp - S4 as a recurrence: the bilinear rule for A = diag(Lambda) - P P^* in O(N R) per step.
//
// With D = (2/dt - Lambda)^-1 and Woodbury's identity the discrete matrix is again diagonal plus low rank:
//   s_t = F s_{t-1} - sum_r G_r 2 Re(w_r . s_{t-1}) + b u_t
//   F = (4/dt) D - 1,   G_r = D P_r,   w_r = (4/dt) sum_q W_rq conj(P_q) D,   W = (I + kappa)^-1
//   kappa_qr = 2 Re sum_n conj(P_q) G_r,   b = 2 D B - sum_r G_r omega_r,  omega = W beta,  beta_q = 2 Re(P_q^* 2 D B)
// Products with P^* run over both modes of each pair, so they are real, and so is W (R, R).
//
//   system as in dplr.hpp with one input (B (1, H, N))   F, b (H, N)   G, w (R, H, N)   states (B, 2, N, H): Re, Im
//
// The states are those of the reference, x_t = A_bar x_{t-1} + B_bar u_t. In this basis A_bar is a contraction (V of
// the NPLR form is unitary), so rounding does not grow along the recurrence. Source: Gu, Goel, Re 2022 (S4), appendix
// C.2, with F, G, w of this file.
#pragma once

#include "longwave/core/each.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/state_space/dplr.hpp"

namespace longwave {

namespace impl {

// One row of the recurrence: planes of F, b, G, w and of the state, lanes over modes.
struct DplrScanRow {
  index_t N, R;
  const double *F, *b, *G, *w;  // (2, N), (2, N), (R, 2, N), (R, 2, N)

  DplrScanRow(Scratch& scratch, const DplrStep& step, index_t h) : N(step.F.size(1)), R(step.G.size(0)) {
    auto planes = [&](auto value, index_t rows) {
      double* p = scratch.take<double>(rows * 2 * N);
      for (index_t r = 0; r < rows; ++r)
        for (index_t n = 0; n < N; ++n) {
          const complex<double> z = value(r, n);
          p[r * 2 * N + n] = z.re;
          p[r * 2 * N + N + n] = z.im;
        }
      return p;
    };
    F = planes([&](index_t, index_t n) { return step.F(h, n); }, 1);
    b = planes([&](index_t, index_t n) { return step.b(h, n); }, 1);
    G = planes([&](index_t r, index_t n) { return step.G(r, h, n); }, R);
    w = planes([&](index_t r, index_t n) { return step.w(r, h, n); }, R);
  }

  // 2 Re(w_r . s)
  double project(index_t r, const double* s) const {
    const double *wr = w + r * 2 * N, *wi = wr + N;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (index_t n = 0; n < N; ++n) sum += wr[n] * s[n] - wi[n] * s[N + n];
    return 2 * sum;
  }

  // next = A_bar s + b u; next and s are different memory.
  void step(double* next, const double* s, double u) const {
    for (index_t n = 0; n < N; ++n) {
      next[n] = F[n] * s[n] - F[N + n] * s[N + n] + b[n] * u;
      next[N + n] = F[n] * s[N + n] + F[N + n] * s[n] + b[N + n] * u;
    }
    for (index_t r = 0; r < R; ++r) {
      const double rho = project(r, s);
      const double* g = G + r * 2 * N;
      for (index_t i = 0; i < 2 * N; ++i) next[i] -= rho * g[i];
    }
  }
};

template <class T>
void load_dplr_state(double* s, TensorView<const T, 4> state, index_t b, index_t h, index_t N) {
  for (index_t i = 0; i < 2 * N; ++i)
    s[i] = state.data() == nullptr ? 0.0 : static_cast<double>(state(b, i / N, i % N, h));
}

// state_out (B, 2, N, H): the state after u (B, H, L), from state_in or zero.
template <class T>
void dplr_scan_forward(TensorView<T, 4, Host> state_out, TensorView<const T, 3, Host> u, const DplrStep& step,
                       TensorView<const T, 4, Host> state_in) {
  const index_t B = u.size(0), L = u.size(2), N = step.F.size(1);
  parallel_for(
      step.F.size(0),
      [&](index_t h) {
        Scratch scratch;
        const DplrScanRow row(scratch, step, h);
        double *s = scratch.take<double>(2 * N), *next = scratch.take<double>(2 * N);
        for (index_t b = 0; b < B; ++b) {
          load_dplr_state(s, state_in, b, h, N);
          for (index_t l = 0; l < L; ++l) {
            row.step(next, s, static_cast<double>(u(b, h, l)));
            std::swap(s, next);
          }
          for (index_t i = 0; i < 2 * N; ++i) state_out(b, i / N, i % N, h) = static_cast<T>(s[i]);
        }
      },
      8 * step.F.count() * (1 + step.G.size(0)) * B * L);
}

// From the gradient of state_out: du and dstate_in are added to, each may be left out; d is assigned. All states of a
// sequence are kept while its gradient is formed, 16 N L bytes per thread.
template <class T>
void dplr_scan_backward(TensorView<T, 3, Host> du, TensorView<T, 4, Host> dstate_in, const DplrStep& d,
                        TensorView<const T, 4, Host> dstate_out, TensorView<const T, 3, Host> u, const DplrStep& step,
                        TensorView<const T, 4, Host> state_in) {
  const index_t B = u.size(0), L = u.size(2), N = step.F.size(1), R = step.G.size(0);
  parallel_for(
      step.F.size(0),
      [&](index_t h) {
        Scratch scratch;
        const DplrScanRow row(scratch, step, h);
        const index_t W = 2 * N;
        double* states = scratch.take<double>((L + 1) * W);
        double *g = scratch.take<double>(W), *before = scratch.take<double>(W);
        double* sums = scratch.take<double>((2 + 2 * R) * W);  // gradients of F, b, G_r, w_r
        std::fill(sums, sums + (2 + 2 * R) * W, 0.0);
        double *dF = sums, *db = sums + W, *dG = sums + 2 * W, *dw = sums + (2 + R) * W;
        for (index_t b = 0; b < B; ++b) {
          load_dplr_state(states, state_in, b, h, N);
          for (index_t l = 0; l < L; ++l)
            row.step(states + (l + 1) * W, states + l * W, static_cast<double>(u(b, h, l)));
          load_dplr_state(g, dstate_out, b, h, N);
          for (index_t l = L; l-- > 0;) {
            const double* s = states + l * W;
            const double in = static_cast<double>(u(b, h, l));
            double to_u = 0;
            for (index_t i = 0; i < W; ++i) {
              to_u += row.b[i] * g[i];
              db[i] += in * g[i];
            }
            if (wanted(du)) du(b, h, l) += static_cast<T>(to_u);
            for (index_t n = 0; n < N; ++n) {
              dF[n] += g[n] * s[n] + g[N + n] * s[N + n];
              dF[N + n] += g[N + n] * s[n] - g[n] * s[N + n];
              before[n] = row.F[n] * g[n] + row.F[N + n] * g[N + n];
              before[N + n] = row.F[n] * g[N + n] - row.F[N + n] * g[n];
            }
            for (index_t r = 0; r < R; ++r) {
              const double rho = row.project(r, s);
              const double *G = row.G + r * W, *w = row.w + r * W;
              double drho = 0;
              for (index_t i = 0; i < W; ++i) {
                drho -= 2 * G[i] * g[i];
                dG[r * W + i] -= rho * g[i];
              }
              for (index_t n = 0; n < N; ++n) {
                dw[r * W + n] += drho * s[n];
                dw[r * W + N + n] -= drho * s[N + n];
                before[n] += drho * w[n];
                before[N + n] -= drho * w[N + n];
              }
            }
            std::swap(g, before);
          }
          for (index_t i = 0; i < W && wanted(dstate_in); ++i) dstate_in(b, i / N, i % N, h) += static_cast<T>(g[i]);
        }
        for (index_t n = 0; n < N; ++n) {
          d.F(h, n) = {dF[n], dF[N + n]};
          d.b(h, n) = {db[n], db[N + n]};
          for (index_t r = 0; r < R; ++r) {
            d.G(r, h, n) = {dG[r * W + n], dG[r * W + N + n]};
            d.w(r, h, n) = {dw[r * W + n], dw[r * W + N + n]};
          }
        }
      },
      30 * step.F.count() * (1 + R) * B * L);
}

}  // namespace impl

struct DplrScan {
  // The step of every feature.
  template <device D>
  static void discretise(const DplrStepOn<D>& step, const std::type_identity_t<DplrSystemOn<D>>& system) {
    check<D>(step, system);
    ScratchOn<D> scratch;
    for_each_index<D>(system.A.size(0), impl::DplrDiscretise<D>{step, system, room<D>(scratch, system)});
  }
  // Adds to the gradients of dt, A, B and P.
  template <device D>
  static void discretise_backward(const std::type_identity_t<DplrGradientsOn<D>>& d, const DplrStepOn<D>& dstep,
                                  const std::type_identity_t<DplrSystemOn<D>>& system) {
    check<D>(dstep, system);
    ScratchOn<D> scratch;
    for_each_index<D>(system.A.size(0), impl::DplrDiscretiseBackward<D>{d, dstep, system, room<D>(scratch, system)});
  }

 private:
  template <device D>
  static TensorView<complex<double>, 3, D> room(ScratchOn<D>& scratch, const DplrSystemOn<D>& system) {
    return scratch.template tensor<complex<double>>(Extents<3>{2, system.A.size(0), system.A.size(1)});
  }

  template <device D>
  static void check(const DplrStepOn<D>& step, const DplrSystemOn<D>& s) {
    const Extents<2> modes = s.A.sizes();
    const Extents<3> ranks{s.P.size(0), modes[0], modes[1]};
    check_shape("dplr_scan", "F", step.F, modes, "HN");
    check_shape("dplr_scan", "b", step.b, modes, "HN");
    check_shape("dplr_scan", "G", step.G, ranks, "RHN");
    check_shape("dplr_scan", "w", step.w, ranks, "RHN");
    check_shape("dplr_scan", "B", s.B, Extents<3>{1, modes[0], modes[1]}, "MHN");
    if (s.P.size(0) > max_rank)
      throw_value_error("dplr_scan: rank " + std::to_string(s.P.size(0)) + ", expected at most " +
                        std::to_string(max_rank));
  }
};

}  // namespace longwave
