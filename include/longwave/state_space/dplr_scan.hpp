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

#include "longwave/core/tensor.hpp"
#include "longwave/state_space/dplr.hpp"

namespace longwave {

// Gradients of it as dL/dRe + i dL/dIm.
struct DplrStep {
  TensorView<complex<double>, 2> F, b;  // (H, N)
  TensorView<complex<double>, 3> G, w;  // (R, H, N)
};

namespace impl {

// What the discretisation of feature h goes through, forward and backward.
class DplrDiscretisation {
 public:
  DplrDiscretisation(const DplrSystem& system, index_t h)
      : s_(system),
        h_(h),
        N_(system.A.size(1)),
        R_(system.P.size(0)),
        tau_(2 / system.dt(h)),
        D_(scratch_.take<complex<double>>(N_)),
        y0_(scratch_.take<complex<double>>(N_)) {
    for (index_t n = 0; n < N_; ++n) {
      D_[n] = complex<double>(1) / (complex<double>(tau_) - s_.A(h_, n));
      y0_[n] = 2.0 * (D_[n] * s_.B(0, h_, n));
    }
    double kappa[max_rank * max_rank], beta[max_rank];
    for (index_t q = 0; q < R_; ++q) {
      beta[q] = 0;
      for (index_t n = 0; n < N_; ++n) beta[q] += 2 * (conj(P(q, n)) * y0_[n]).re;
      for (index_t r = 0; r < R_; ++r) {
        double& k = kappa[q * R_ + r];
        k = q == r ? 1 : 0;
        for (index_t n = 0; n < N_; ++n) k += 2 * (conj(P(q, n)) * D_[n] * P(r, n)).re;
      }
    }
    invert_small(W_, kappa, R_);
    for (index_t r = 0; r < R_; ++r) {
      omega_[r] = 0;
      for (index_t q = 0; q < R_; ++q) omega_[r] += W_[r * R_ + q] * beta[q];
      beta_[r] = beta[r];
    }
  }

  void forward(const DplrStep& out) const {
    for (index_t n = 0; n < N_; ++n) {
      out.F(h_, n) = 2 * tau_ * D_[n] - complex<double>(1);
      out.b(h_, n) = y0_[n];
      for (index_t r = 0; r < R_; ++r) {
        const complex<double> G = D_[n] * P(r, n);
        out.G(r, h_, n) = G;
        out.b(h_, n) -= omega_[r] * G;
        complex<double> w;
        for (index_t q = 0; q < R_; ++q) w += W_[r * R_ + q] * (conj(P(q, n)) * D_[n]);
        out.w(r, h_, n) = 2 * tau_ * w;
      }
    }
  }

  // Adds to the gradients of dt, A, B and P.
  void backward(const DplrGradients& d, const DplrStep& g) const {
    double domega[max_rank] = {}, dbeta[max_rank] = {}, dW[max_rank * max_rank] = {}, dkappa[max_rank * max_rank] = {};
    for (index_t r = 0; r < R_; ++r)
      for (index_t n = 0; n < N_; ++n) {
        const complex<double> G = D_[n] * P(r, n);
        domega[r] -= (conj(G) * g.b(h_, n)).re;
        for (index_t q = 0; q < R_; ++q) dW[r * R_ + q] += 2 * tau_ * (conj(conj(P(q, n)) * D_[n]) * g.w(r, h_, n)).re;
      }
    for (index_t r = 0; r < R_; ++r)
      for (index_t q = 0; q < R_; ++q) {
        dbeta[q] += W_[r * R_ + q] * domega[r];
        dW[r * R_ + q] += domega[r] * beta_[q];
      }
    // dkappa = -W^T dW W^T
    for (index_t q = 0; q < R_; ++q)
      for (index_t r = 0; r < R_; ++r)
        for (index_t i = 0; i < R_; ++i)
          for (index_t j = 0; j < R_; ++j) dkappa[q * R_ + r] -= W_[i * R_ + q] * dW[i * R_ + j] * W_[r * R_ + j];
    double dtau = 0;
    for (index_t n = 0; n < N_; ++n) dtau += backward_mode(d, g, n, dbeta, dkappa);
    d.dt(h_) -= dtau * tau_ * tau_ / 2;  // tau = 2 / dt
  }

 private:
  complex<double> P(index_t r, index_t n) const { return s_.P(r, h_, n); }

  double backward_mode(const DplrGradients& d, const DplrStep& g, index_t n, const double* dbeta,
                       const double* dkappa) const {
    const complex<double> D = D_[n];
    complex<double> dD = 2 * tau_ * g.F(h_, n), dy0 = g.b(h_, n);
    double dtau = 2 * (conj(g.F(h_, n)) * D).re;
    for (index_t r = 0; r < R_; ++r) {
      complex<double> dG = g.G(r, h_, n) - omega_[r] * g.b(h_, n), dP, dx;
      dy0 += 2 * dbeta[r] * P(r, n);
      dP += 2 * dbeta[r] * y0_[n];
      complex<double> w;  // w_r / (2 tau)
      for (index_t q = 0; q < R_; ++q) {
        w += W_[r * R_ + q] * (conj(P(q, n)) * D);
        dx += 2 * tau_ * W_[q * R_ + r] * g.w(q, h_, n);  // of x_r = conj(P_r) D
        dP += 2 * dkappa[r * R_ + q] * (D * P(q, n));
        dG += 2 * dkappa[q * R_ + r] * P(q, n);
      }
      dtau += 2 * (conj(g.w(r, h_, n)) * w).re;
      dP += conj(dx * conj(D)) + conj(D) * dG;
      dD += dx * P(r, n) + conj(P(r, n)) * dG;
      d.P(r, h_, n) += dP;
    }
    d.B(0, h_, n) += 2.0 * (conj(D) * dy0);
    dD += 2.0 * (conj(s_.B(0, h_, n)) * dy0);
    const complex<double> slope = dD * conj(D * D);  // dD/dLambda = D^2 = -dD/dtau
    d.A(h_, n) += slope;
    return dtau - slope.re;
  }

  static void invert_small(double* out, double* a, index_t R) {
    complex<double> z[max_rank * max_rank];
    for (index_t i = 0; i < R * R; ++i) z[i] = a[i];
    invert_in_place(z, R);
    for (index_t i = 0; i < R * R; ++i) out[i] = z[i].re;
  }

  Scratch scratch_;
  const DplrSystem& s_;
  const index_t h_, N_, R_;
  const double tau_;
  complex<double>*D_, *y0_;  // (N)
  double W_[max_rank * max_rank], omega_[max_rank], beta_[max_rank];
};

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
  static void discretise(const DplrStep& step, const DplrSystem& system) {
    check(step, system);
    for (index_t h = 0; h < system.A.size(0); ++h) impl::DplrDiscretisation(system, h).forward(step);
  }
  // Adds to the gradients of dt, A, B and P.
  static void discretise_backward(const DplrGradients& d, const DplrStep& dstep, const DplrSystem& system) {
    check(dstep, system);
    for (index_t h = 0; h < system.A.size(0); ++h) impl::DplrDiscretisation(system, h).backward(d, dstep);
  }

 private:
  static void check(const DplrStep& step, const DplrSystem& s) {
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
