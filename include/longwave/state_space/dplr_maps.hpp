// dplr_maps.hpp - the small arithmetic of S4 that is the same text on the host and on the device: the inverse of a
// small matrix, the discretisation of a feature, a state as the input of a kernel. For dplr.hpp, dplr_scan.hpp,
// kernel_s4.hpp.
#pragma once

#include "longwave/core/config.hpp"
#include "longwave/core/dplr_views.hpp"

namespace longwave {

namespace impl {

LONGWAVE_HD inline void swap_values(complex<double>& a, complex<double>& b) {
  const complex<double> kept = a;
  a = b;
  b = kept;
}

// The inverse of a (R, R): in closed form for the usual ranks, else by Gauss-Jordan with row pivots.
LONGWAVE_HD inline void invert_in_place(complex<double>* a, index_t R) {
  if (R == 1) {
    a[0] = complex<double>(1) / a[0];
    return;
  }
  if (R == 2) {
    const complex<double> scale = complex<double>(1) / (a[0] * a[3] - a[1] * a[2]);
    const complex<double> first = a[0];
    a[0] = scale * a[3];
    a[1] = -(scale * a[1]);
    a[2] = -(scale * a[2]);
    a[3] = scale * first;
    return;
  }
  index_t swapped[max_rank];
  for (index_t i = 0; i < R; ++i) {
    index_t pivot = i;
    for (index_t r = i + 1; r < R; ++r)
      if (norm2(a[r * R + i]) > norm2(a[pivot * R + i])) pivot = r;
    swapped[i] = pivot;
    for (index_t c = 0; c < R; ++c) swap_values(a[i * R + c], a[pivot * R + c]);
    const complex<double> scale = complex<double>(1) / a[i * R + i];
    a[i * R + i] = complex<double>(1);
    for (index_t c = 0; c < R; ++c) a[i * R + c] *= scale;
    for (index_t r = 0; r < R; ++r) {
      if (r == i) continue;
      const complex<double> f = a[r * R + i];
      a[r * R + i] = {};
      for (index_t c = 0; c < R; ++c) a[r * R + c] -= f * a[i * R + c];
    }
  }
  for (index_t i = R; i-- > 0;)
    for (index_t r = 0; r < R; ++r) swap_values(a[r * R + i], a[r * R + swapped[i]]);
}

// What the discretisation of feature h goes through, forward and backward.
template <device Dev>
class DplrDiscretisation {
 public:
  // D and y0: working memory of N each.
  LONGWAVE_HD DplrDiscretisation(const DplrSystemOn<Dev>& system, index_t h, complex<double>* D, complex<double>* y0)
      : s_(system), h_(h), N_(system.A.size(1)), R_(system.P.size(0)), tau_(2 / system.dt(h)), D_(D), y0_(y0) {
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

  LONGWAVE_HD void forward(const DplrStepOn<Dev>& out) const {
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
  LONGWAVE_HD void backward(const DplrGradientsOn<Dev>& d, const DplrStepOn<Dev>& g) const {
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
  LONGWAVE_HD complex<double> P(index_t r, index_t n) const { return s_.P(r, h_, n); }

  LONGWAVE_HD double backward_mode(const DplrGradientsOn<Dev>& d, const DplrStepOn<Dev>& g, index_t n,
                                   const double* dbeta, const double* dkappa) const {
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

  LONGWAVE_HD static void invert_small(double* out, double* a, index_t R) {
    complex<double> z[max_rank * max_rank];
    for (index_t i = 0; i < R * R; ++i) z[i] = a[i];
    invert_in_place(z, R);
    for (index_t i = 0; i < R * R; ++i) out[i] = z[i].re;
  }

  const DplrSystemOn<Dev>& s_;
  const index_t h_, N_, R_;
  const double tau_;
  complex<double>*D_, *y0_;  // (N)
  double W_[max_rank * max_rank], omega_[max_rank], beta_[max_rank];
};

template <device D>
struct DplrDiscretise {
  static constexpr const char* name = "dplr_discretise";
  DplrStepOn<D> step;
  DplrSystemOn<D> system;
  TensorView<complex<double>, 3, D> room;  // (2, H, N)

  LONGWAVE_HD void operator()(index_t h) const {
    DplrDiscretisation<D>(system, h, &room(0, h, 0), &room(1, h, 0)).forward(step);
  }
};

// Adds to the gradients of dt, A, B and P.
template <device D>
struct DplrDiscretiseBackward {
  static constexpr const char* name = "dplr_discretise_backward";
  DplrGradientsOn<D> d;
  DplrStepOn<D> dstep;
  DplrSystemOn<D> system;
  TensorView<complex<double>, 3, D> room;  // (2, H, N)

  LONGWAVE_HD void operator()(index_t h) const {
    DplrDiscretisation<D>(system, h, &room(0, h, 0), &room(1, h, 0)).backward(d, dstep);
  }
};

// x (B, H, N) = s / dt + A s / 2 of the states s (B, 2, N, H), for stream and feature i = b H + h.
template <class T, device D>
struct DplrStateInputs {
  static constexpr const char* name = "dplr_state_inputs";
  TensorView<complex<double>, 3, D> x;
  TensorView<const T, 4, D> s;
  DplrSystemOn<D> system;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / x.size(1), h = i % x.size(1);
    double rho[max_rank] = {};
    for (index_t r = 0; r < system.P.size(0); ++r)
      for (index_t n = 0; n < x.size(2); ++n) rho[r] += 2 * (conj(system.P(r, h, n)) * at(b, h, n)).re;
    for (index_t n = 0; n < x.size(2); ++n) {
      const complex<double> z = at(b, h, n);
      x(b, h, n) = (1 / system.dt(h)) * z + 0.5 * (system.A(h, n) * z);
      for (index_t r = 0; r < system.P.size(0); ++r) x(b, h, n) -= 0.5 * rho[r] * system.P(r, h, n);
    }
  }

  LONGWAVE_HD complex<double> at(index_t b, index_t h, index_t n) const {
    return {static_cast<double>(s(b, 0, n, h)), static_cast<double>(s(b, 1, n, h))};
  }
};

// rho and drho (B, H, R) of the projections on P, and the gradient of the states, added to, for i = b H + h.
template <class T, device D>
struct DplrStateProjections {
  static constexpr const char* name = "dplr_state_projections";
  TensorView<double, 3, D> rho, drho;
  TensorView<T, 4, D> ds;  // may be left out
  TensorView<const complex<double>, 3, D> dx;
  TensorView<const T, 4, D> s;
  DplrSystemOn<D> system;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / dx.size(1), h = i % dx.size(1), N = dx.size(2), R = system.P.size(0);
    for (index_t r = 0; r < R; ++r) {
      double to = 0, from = 0;
      for (index_t n = 0; n < N; ++n) {
        const complex<double> P = system.P(r, h, n);
        to += 2 * (conj(P) * complex<double>(s(b, 0, n, h), s(b, 1, n, h))).re;
        from -= 0.5 * (conj(P) * dx(b, h, n)).re;
      }
      rho(b, h, r) = to;
      drho(b, h, r) = from;
    }
    if (ds.data() == nullptr) return;
    const double inverse_dt = 1 / system.dt(h);
    for (index_t n = 0; n < N; ++n) {
      const complex<double> g = dx(b, h, n);
      complex<double> dz = inverse_dt * g + 0.5 * (g * conj(system.A(h, n)));
      for (index_t r = 0; r < R; ++r) dz += 2 * drho(b, h, r) * system.P(r, h, n);
      ds(b, 0, n, h) += static_cast<T>(dz.re);
      ds(b, 1, n, h) += static_cast<T>(dz.im);
    }
  }
};

// The gradients of A and P, added to, for feature and mode i = h N + n.
template <class T, device D>
struct DplrStateModes {
  static constexpr const char* name = "dplr_state_modes";
  DplrGradientsOn<D> d;
  TensorView<const double, 3, D> rho, drho;
  TensorView<const complex<double>, 3, D> dx;
  TensorView<const T, 4, D> s;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / dx.size(2), n = i % dx.size(2);
    for (index_t b = 0; b < dx.size(0); ++b) {
      const complex<double> z(s(b, 0, n, h), s(b, 1, n, h)), g = dx(b, h, n);
      d.A(h, n) += 0.5 * (g * conj(z));
      for (index_t r = 0; r < rho.size(2); ++r) d.P(r, h, n) += 2 * drho(b, h, r) * z - 0.5 * rho(b, h, r) * g;
    }
  }
};

// The gradient of dt, added to, for feature h.
template <class T, device D>
struct DplrStateSteps {
  static constexpr const char* name = "dplr_state_steps";
  DplrGradientsOn<D> d;
  TensorView<const complex<double>, 3, D> dx;
  TensorView<const T, 4, D> s;
  DplrSystemOn<D> system;

  LONGWAVE_HD void operator()(index_t h) const {
    const double inverse_dt = 1 / system.dt(h);
    double sum = d.dt(h);
    for (index_t b = 0; b < dx.size(0); ++b)
      for (index_t n = 0; n < dx.size(2); ++n) {
        const complex<double> z(s(b, 0, n, h), s(b, 1, n, h));
        sum -= inverse_dt * inverse_dt * (conj(z) * dx(b, h, n)).re;
      }
    d.dt(h) = sum;
  }
};

}  // namespace impl
}  // namespace longwave
