// dplr_step.hpp - one sample through S4, in three ways that StepMode names:
//
//   linear     diagonal plus low rank (dplr_scan.hpp): 8 N (1 + R) multiply-adds per feature
//   dense      A_bar as a matrix over (Re s, Im s): 4 N^2; the plainest, to compare with
//   diagonal   in eigenvectors of A_bar: 2N modes of a diagonal system (step.hpp). A_bar of HiPPO-LegS has eigenvectors
//              of condition 8e4 for d_state = 8, 8e10 for 16 and 1e17 for 24: for small states, or trained systems
//              whose eigenvalues have moved apart.
//
//   y (C H), u (H), D (C H), state (2, N, H) as everywhere; in diagonal mode (2, 2N, H) in other coordinates
//
// On the device all streams take a step at once; tables are made on the host either way, since they need eigenvectors.
// Source: Gu, Goel, Re 2022 (S4), appendix C.2.
#pragma once

#include "longwave/core/each.hpp"
#include "longwave/cuda/step.hpp"
#include "longwave/state_space/dplr_dense.hpp"
#include "longwave/state_space/dplr_length.hpp"
#include "longwave/state_space/kernel_s4.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave {

template <class T, device D = Host>
struct DplrStepTables {
  StepMode mode = StepMode::linear;
  Tensor<T, 3, D> F, b;       // (2, N, H)
  Tensor<T, 4, D> G, w, c;    // (R, 2, N, H), (R, 2, N, H) with w = (2 Re, -2 Im), (C, 2, N, H) likewise
  Tensor<T, 3, D> A;          // (2N, 2N, H), dense mode
  StepTables<T, D> diagonal;  // diagonal mode

  index_t modes() const { return mode == StepMode::diagonal ? diagonal.modes() : b.size(1); }
  void step(T* y, T* state, const T* u, const T* skip) const noexcept requires(std::same_as<D, Host>);

  // What nn/ssm_step.hpp calls for all streams on the device: y (B, C, H), state (B, 2, N, H), u (B, H), skip (C, H).
  friend void modes_step(TensorView<T, 3, Cuda> y, TensorView<T, 4, Cuda> state, TensorView<const T, 2, Cuda> u,
                         const DplrStepTables& t, TensorView<const T, 2, Cuda> skip,
                         Activation activation) requires(std::same_as<D, Cuda>) {
    if (t.mode == StepMode::dense) return impl::dplr_step_dense<T>(y, state, u, t.A, t.b, t.c, skip, activation);
    const StepTables<T, D>& d = t.diagonal;
    if (t.mode == StepMode::diagonal)
      return cuda::modes_step(cuda::ModesStep<T>{y, state, u, d.a, d.b, d.c, {}, {}, skip, activation});
    cuda::modes_step(cuda::ModesStep<T>{y, state, u, t.F, t.b, t.c, t.G, t.w, skip, activation});
  }
};

namespace impl {

// Features h .. h + lanes of V at a time; returns where it stopped. R and C are small, sums over modes stay in V.
template <class V, class T>
index_t dplr_step_lanes(T* y, T* state, const T* u, const DplrStepTables<T>& t, const T* D, index_t h) {
  const index_t N = t.b.size(1), H = t.b.size(2), R = t.G.size(0), C = t.c.size(0), plane = N * H;
  constexpr index_t W = sizeof(V) / sizeof(T);
  constexpr auto load = simd::load_as<V, T>;
  constexpr auto store = simd::store_as<V, T>;
  for (; h + W <= H; h += W) {
    V rho[max_rank] = {};
    for (index_t r = 0; r < R; ++r) {
      const T* w = t.w.data() + 2 * r * plane + h;
      for (index_t n = 0; n < N; ++n)
        rho[r] += load(w + n * H) * load(state + n * H + h) + load(w + plane + n * H) * load(state + plane + n * H + h);
    }
    const V in = load(u + h);
    for (index_t c = 0; c < C; ++c) store(y + c * H + h, load(D + c * H + h) * in);
    for (index_t n = 0; n < N; ++n) {
      const index_t re_at = n * H + h, im_at = plane + re_at;
      const V re0 = load(state + re_at), im0 = load(state + im_at);
      const V Fr = load(t.F.data() + re_at), Fi = load(t.F.data() + im_at);
      V re = Fr * re0 - Fi * im0 + load(t.b.data() + re_at) * in;
      V im = Fr * im0 + Fi * re0 + load(t.b.data() + im_at) * in;
      for (index_t r = 0; r < R; ++r) {
        re -= rho[r] * load(t.G.data() + 2 * r * plane + re_at);
        im -= rho[r] * load(t.G.data() + 2 * r * plane + im_at);
      }
      store(state + re_at, re);
      store(state + im_at, im);
      for (index_t c = 0; c < C; ++c) {
        const T* weights = t.c.data() + 2 * c * plane;
        store(y + c * H + h, load(y + c * H + h) + load(weights + re_at) * re + load(weights + im_at) * im);
      }
    }
  }
  return h;
}

template <class T>
void dplr_step_dense(T* y, T* state, const T* u, const DplrStepTables<T>& t, const T* D) {
  const index_t W = 2 * t.b.size(1), H = t.b.size(2), C = t.c.size(0);
  Scratch scratch;
  T* next = scratch.take<T>(W * H);
  for (index_t i = 0; i < W; ++i) {
    for (index_t h = 0; h < H; ++h) next[i * H + h] = t.b.data()[i * H + h] * u[h];
    for (index_t j = 0; j < W; ++j) {
      const T* A = t.A.data() + (i * W + j) * H;
      for (index_t h = 0; h < H; ++h) next[i * H + h] += A[h] * state[j * H + h];
    }
  }
  std::copy(next, next + W * H, state);
  for (index_t c = 0; c < C; ++c) {
    for (index_t h = 0; h < H; ++h) y[c * H + h] = D[c * H + h] * u[h];
    for (index_t i = 0; i < W; ++i)
      for (index_t h = 0; h < H; ++h) y[c * H + h] += t.c.data()[(c * W + i) * H + h] * state[i * H + h];
  }
}

// (rows, 2, N, H) planes of z (rows, H, N), times the factors of Re and Im.
template <class T>
Tensor<T, 4> step_planes(TensorView<const complex<double>, 3> z, double re, double im) {
  Tensor<T, 4> p(z.size(0), 2, z.size(2), z.size(1));
  for (index_t r = 0; r < z.size(0); ++r)
    for (index_t h = 0; h < z.size(1); ++h)
      for (index_t n = 0; n < z.size(2); ++n) {
        p(r, 0, n, h) = static_cast<T>(re * z(r, h, n).re);
        p(r, 1, n, h) = static_cast<T>(im * z(r, h, n).im);
      }
  return p;
}
template <class T>
Tensor<T, 3> step_plane(TensorView<const complex<double>, 2> z) {
  Tensor<T, 3> p(2, z.size(1), z.size(0));
  for (index_t h = 0; h < z.size(0); ++h)
    for (index_t n = 0; n < z.size(1); ++n) {
      p(0, n, h) = static_cast<T>(z(h, n).re);
      p(1, n, h) = static_cast<T>(z(h, n).im);
    }
  return p;
}

// A_bar = V diag(e^x) V^-1 over (Re, Im): the same system as 2N modes of which y takes the real part.
template <class T, class Complex = std::complex<double>>
StepTables<T> dplr_eigen_tables(const DplrStep& step, TensorView<const complex<double>, 3> C) {
  const index_t H = step.F.size(0), N = step.F.size(1), W = 2 * N;
  Tensor<complex<double>, 2> x(H, W), b(H, W);
  Tensor<complex<double>, 3> c(C.size(0), H, W);
  for (index_t h = 0; h < H; ++h) {
    const Eigen::ComplexEigenSolver<Dense<Complex>> eigen(dplr_matrix(step, h).template cast<Complex>());
    Dense<Complex> input(W, 1);
    for (index_t n = 0; n < N; ++n) {
      input(n) = step.b(h, n).re;
      input(N + n) = step.b(h, n).im;
    }
    const Dense<Complex> weights = eigen.eigenvectors().partialPivLu().solve(input);
    const Dense<Complex> rows = weight_rows(C, h) * eigen.eigenvectors();
    for (index_t i = 0; i < W; ++i) {
      const std::complex<double> a = eigen.eigenvalues()(i);
      x(h, i) = std::abs(a) < 1e-300 ? std::complex<double>(-690) : std::log(a);
      b(h, i) = weights(i);
      for (index_t k = 0; k < C.size(0); ++k) c(k, h, i) = 0.5 * rows(k, i);
    }
  }
  return StepTables<T>(x.view(), b.view(), c.view());
}

}  // namespace impl

template <class T, device D>
void DplrStepTables<T, D>::step(T* y, T* state, const T* u, const T* skip) const noexcept
    requires(std::same_as<D, Host>) {
  if (mode == StepMode::diagonal) return diagonal.step(y, state, u, skip);
  if (mode == StepMode::dense) return impl::dplr_step_dense(y, state, u, *this, skip);
  const index_t h = impl::dplr_step_lanes<simd::Lanes<T>>(y, state, u, *this, skip, 0);
  impl::dplr_step_lanes<T>(y, state, u, *this, skip, h);
}

template <class T>
DplrStepTables<T, Cuda> to_device(const DplrStepTables<T>& tables) {
  DplrStepTables<T, Cuda> there;
  there.mode = tables.mode;
  there.F = cuda::to_device(tables.F);
  there.b = cuda::to_device(tables.b);
  there.G = cuda::to_device(tables.G);
  there.w = cuda::to_device(tables.w);
  there.c = cuda::to_device(tables.c);
  there.A = cuda::to_device(tables.A);
  there.diagonal = to_device(tables.diagonal);
  return there;
}

// A system of any device and its step, on the host.
struct DplrOnHost {
  Tensor<double, 2> dt;
  Tensor<complex<double>, 2> A, B, F, b;
  Tensor<complex<double>, 3> C, P, G, w;

  template <device D>
  explicit DplrOnHost(const ContinuousSystem<D>& s)
      : dt(s.dt.sizes()),
        A(s.A.sizes()),
        B(s.B.sizes()),
        F(s.A.sizes()),
        b(s.A.sizes()),
        C(s.C.sizes()),
        P(s.P.sizes()),
        G(s.P.sizes()),
        w(s.P.sizes()) {
    const auto fetch = [](auto& to, const auto& from) {
      if constexpr (std::is_same_v<D, Host>)
        copy(to.view(), from);
      else
        cuda::copy(to.view(), from);
    };
    fetch(dt, s.dt);
    fetch(A, s.A);
    fetch(B, s.B);
    fetch(C, s.C);
    fetch(P, s.P);
    DplrScan::discretise(step(), system());
  }

  DplrSystem system() const { return detail::dplr_system(views()); }
  DplrStep step() { return {F.view(), b.view(), G.view(), w.view()}; }

 private:
  ContinuousSystem<Host> views() const {
    auto* self = const_cast<DplrOnHost*>(this);  // a system is of views to write through
    return {self->dt.view(), self->A.view(), self->B.view(), self->C.view(), self->P.view()};
  }
};

namespace impl {

template <class T>
DplrStepTables<T> make_dplr_tables(DplrOnHost& s, StepMode mode) {
  const DplrStep step = s.step();
  DplrStepTables<T> t;
  t.mode = mode;
  if (t.mode == StepMode::diagonal) {
    t.diagonal = dplr_eigen_tables<T>(step, s.C.view());
    return t;
  }
  t.F = step_plane<T>(step.F);
  t.b = step_plane<T>(step.b);
  t.G = step_planes<T>(step.G, 1, 1);
  t.w = step_planes<T>(step.w, 2, -2);
  t.c = step_planes<T>(s.C.view(), 2, -2);
  if (t.mode == StepMode::linear) return t;
  const index_t H = step.F.size(0), W = 2 * step.F.size(1);
  t.A = Tensor<T, 3>(W, W, H);
  for (index_t h = 0; h < H; ++h) {
    const Eigen::MatrixXd A = dplr_matrix(step, h);
    for (index_t i = 0; i < W; ++i)
      for (index_t j = 0; j < W; ++j) t.A(i, j, h) = static_cast<T>(A(i, j));
  }
  return t;
}

}  // namespace impl

// Tables of the present parameters, where those are; C~ is turned back into C.
template <class T, device D>
DplrStepTables<T, D> make_step_tables(const DplrVars<T, D>& vars, const StepOptions& options = {}) {
  detail::check_dplr(vars, 0, options.rate);
  DplrOnHost s(vars.parameters.system(options.rate));
  if (vars.length > 0) DplrLength::untruncate(s.C.view(), s.step(), vars.nodes(options.rate));
  DplrStepTables<T> tables = impl::make_dplr_tables<T>(s, options.mode);
  if constexpr (std::is_same_v<D, Host>)
    return tables;
  else
    return to_device(tables);
}

}  // namespace longwave
