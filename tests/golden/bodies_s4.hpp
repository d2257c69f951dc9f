// cauchy, s4_kernel, s4_setup_c, s4_state, ssm_dense_kernel, on either device.
#pragma once

#include "case.hpp"
#include "longwave/autograd/functions/cauchy.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/state_space/discretize_dense.hpp"
#include "longwave/state_space/nplr.hpp"

namespace longwave::golden {

template <class T, device D>
void cauchy_sums(CaseOn<T, D>& c) {
  const auto v = c.template in<3>("v"), w = c.template in<3>("w");
  c.size_option("H", "in/w", 0);
  c.size_option("N", "in/w", 1);
  // The file holds the nodes themselves; of L transform nodes, those up to but without the Nyquist node.
  const auto z = c.template in<2>("z");
  const index_t L = c.config.integer("L"), L1 = z.size(0);
  if (c.config.text("nodes") == "fft")
    c.expect_size("L", (L + 1) / 2, L1);
  else
    c.expect_size("L", L, L1);
  c.out("r", cauchy(v, w, z));
}

// A kernel of the S4 family with param/<prefix>*: its sizes from the file, its transforms from the options.
template <class Kernel, class T, device D>
Kernel& load_kernel(CaseOn<T, D>& c, const std::string& prefix) {
  const auto& C = c.shape("param/" + prefix + "C");
  const auto& A = c.shape("param/" + prefix + "A_real");
  const auto& dt = c.shape("param/" + prefix + "inv_dt");
  const bool is_real = c.config.flag("is_real", false);
  if (C.size() != (is_real ? 3u : 4u) || A.size() != 2 || dt.size() != 2)
    throw_shape_error("param/" + prefix + "C is " + detail::shape_text(C));
  S4Options options;
  options.init = "diag-lin";
  options.imag_scale = 0;  // any start that every transform can store: all numbers come from the file
  options.n_ssm = A[0];
  options.dt_tie = dt[1] == 1;
  options.dt_transform = transform_of(c.config.text("dt_transform", "exp"), "dt_transform");
  options.real_transform = transform_of(c.config.text("real_transform", "exp"), "real_transform");
  options.imag_transform = transform_of(c.config.text("imag_transform", "none"), "imag_transform");
  options.dt_fast = c.config.flag("dt_fast", false);
  options.bandlimit = c.config.number("bandlimit", 0);
  options.is_real = is_real;
  if (c.has("param/" + prefix + "P")) options.rank = c.axis("param/" + prefix + "P", 0);
  const index_t l_max = c.config.integer("l_max", 0);
  CaseBase::expect_length("l_max", static_cast<double>(l_max));
  Generator gen(1);
  auto& kernel = c.template make<Kernel>(
      KernelShape{.channels = C[0], .d_model = C[1], .d_state = is_real ? C[2] : 2 * C[2], .l_max = l_max}, options,
      gen);
  c.load(kernel, prefix);
  return kernel;
}

// (B, H, N, 2) in the file as (B, 2, N, H).
template <class T, device D>
Var<T, 4, D> load_state(CaseOn<T, D>& c) {
  return contiguous(c.template in_transposed<4>("state", 1, 3));
}

inline std::vector<double> pairs(TensorView<const complex<double>, 3> z) {
  std::vector<double> values;
  for (index_t i = 0; i < z.count(); ++i) {
    values.push_back(z.data()[i].re);
    values.push_back(z.data()[i].im);
  }
  return values;
}

template <class T, device D>
void s4_kernel(CaseOn<T, D>& c) {
  auto& kernel = load_kernel<DplrKernel<T, D>>(c, "");
  const double rate = c.config.number("rate", 1);
  const index_t L = c.size_option("L", "out/K", 2);
  if (!(rate > 0)) throw_value_error("rate is not more than 0");
  CaseBase::expect_length("l_kernel / rate", static_cast<double>(std::max(kernel.length(), kernel.l_max)) / rate);
  CaseBase::expect_length("L rate", static_cast<double>(L) * rate);
  kernel.prepare(L, rate);
  if (c.has("out/C_after")) {
    c.out("C_after", TensorView<const T, 4, D>(kernel.parameters.C.value.view()));
    c.out_integer("l_kernel_after", kernel.length());
  }
  const auto vars = kernel.on(c.tape);
  c.out("K", ssm_kernel(c.tape, vars, L, rate));
  if (!c.has("in/state")) return;
  // The state's part alone: the layer without input.
  const auto state = load_state(c);
  auto& zero = c.template make<Tensor<T, 3, D>>(state.size(0), vars.sizes().H, L);
  c.out("K_state", ssm(c.tape.input(zero), vars, {}, {.rate = rate}, state).y);
}

inline TensorView<const complex<double>, 2> here(const TensorView<complex<double>, 2>& z) { return z; }
inline TensorView<const complex<double>, 3> here(const TensorView<complex<double>, 3>& z) { return z; }
template <int N>
Tensor<complex<double>, N> here(const TensorView<complex<double>, N, Cuda>& z) {
  return cuda::to_host(z);
}

template <class T, device D>
void s4_setup_c(CaseOn<T, D>& c) {
  auto& kernel = load_kernel<DplrKernel<T, D>>(c, "");
  const index_t length = c.config.integer("length");
  if (length < 1) throw_value_error("length is " + std::to_string(length) + ", expected at least 1");
  CaseBase::expect_length("length", static_cast<double>(length));
  kernel.prepare(length, 1);
  c.out("C_tilde", TensorView<const T, 4, D>(kernel.parameters.C.value.view()));
  c.out_integer("l_kernel", kernel.length());
  kernel.double_length();
  c.out("C_tilde_doubled", TensorView<const T, 4, D>(kernel.parameters.C.value.view()));
  c.out_integer("l_kernel_doubled", kernel.length());
  // A_bar and B_bar over [modes, conjugates].
  const ContinuousSystem<D> system = kernel.parameters.on(c.tape).system(1);
  const DplrStepOn<D> step = detail::make_step(c.tape, detail::dplr_system(system));
  DplrScan::discretise(step, detail::dplr_system(system));
  const auto F = here(step.F), b = here(step.b);
  const auto G = here(step.G), w = here(step.w);
  const index_t H = step.F.size(0), N = step.F.size(1);
  Tensor<complex<double>, 3> A(H, 2 * N, 2 * N), B(H, 2 * N, 1);
  const auto both = [&](complex<double> z, index_t i) { return i < N ? z : conj(z); };
  for (index_t h = 0; h < H; ++h)
    for (index_t i = 0; i < 2 * N; ++i) {
      B(h, i, 0) = both(b(h, i % N), i);
      for (index_t j = 0; j < 2 * N; ++j) {
        if (i == j) A(h, i, j) = both(F(h, i % N), i);
        for (index_t r = 0; r < G.size(0); ++r) A(h, i, j) -= both(G(r, h, i % N), i) * both(w(r, h, j % N), j);
      }
    }
  c.out("dA", pairs(A));
  c.out("dB", pairs(B));
}

template <class Kernel, class T, device D>
void run_state(CaseOn<T, D>& c) {
  auto& kernel = load_kernel<Kernel>(c, "kernel.");
  const auto u = c.template in<3>("x");
  if constexpr (requires { kernel.prepare(u.size(2), 1.0); }) {
    CaseBase::expect_length("l_kernel", static_cast<double>(kernel.length()));
    kernel.prepare(u.size(2), 1);
  }
  const auto out = ssm(u, kernel.on(c.tape), c.template param<2>("D"), {}, load_state(c), true);
  c.out("y", out.y);
  c.out_transposed("next_state", out.state, 1, 3);
}

template <class T, device D>
void s4_state(CaseOn<T, D>& c) {
  const std::string mode = c.config.text("mode", "dplr"), disc = c.config.text("disc", "zoh");
  if (mode == "dplr" || mode == "nplr" || mode == "s4") return run_state<DplrKernel<T, D>>(c);
  if (mode != "diag" && mode != "s4d") throw Unsupported("mode = " + mode);
  if (disc == "bilinear") return run_state<DiagKernel<T, D, Bilinear>>(c);
  if (disc == "zoh") return run_state<DiagKernel<T, D, Zoh>>(c);
  throw Unsupported("disc " + disc);
}

// K_l = C A_bar^l B_bar with the matrices of the file.
inline Tensor<double, 2> zero_order_hold_kernel(const CaseBase& c, In<double, 2> C, In<double, 1> dt, index_t L) {
  const std::vector<double> a = c.doubles("in/A"), b = c.doubles("in/B");
  const index_t H = C.size(0), N = C.size(1);
  CaseBase::expect_size("in/A", static_cast<index_t>(a.size()), N * N);
  CaseBase::expect_size("in/B", static_cast<index_t>(b.size()), N);
  Tensor<double, 2> K(H, L);
  for (index_t h = 0; h < H; ++h) {
    const DenseStep step =
        discretize_dense<Zoh>(TensorView<const double, 2>(a.data(), Extents{N, N}),
                              TensorView<const double, 1>(b.data(), Extents<1>{N}), static_cast<double>(dt(h)));
    Tensor<double, 1> x = step.B_bar.clone(), next(N);
    for (index_t l = 0; l < L; ++l) {
      for (index_t i = 0; i < N; ++i) K(h, l) += static_cast<double>(C(h, i)) * x(i);
      next.zero();
      for (index_t i = 0; i < N; ++i)
        for (index_t j = 0; j < N; ++j) next(i) += step.A_bar(i, j) * x(j);
      std::swap(x, next);
    }
  }
  return K;
}

// HiPPO-LegS in its normal-plus-low-rank form against the dense system. C is real, in the original basis: C V here.
// Zero-order hold, which S4 does not have, checks the dense oracle.
template <class T, device D>
void ssm_dense_kernel(CaseOn<T, D>& c) {
  const std::vector<double> weights_of = c.doubles("in/C"), dt_of = c.doubles("in/dt");
  const Extents<2> sizes{c.axis("in/C", 0), c.axis("in/C", 1)};
  CaseBase::expect_size("in/C", static_cast<index_t>(weights_of.size()), sizes.count());
  CaseBase::expect_size("in/dt", static_cast<index_t>(dt_of.size()), sizes[0]);
  const TensorView<const double, 2> C(weights_of.data(), sizes);
  const TensorView<const double, 1> dt(dt_of.data(), Extents<1>{sizes[0]});
  const index_t H = C.size(0), N = C.size(1), L = c.size_option("L", "out/K", 1);
  const Nplr legs = nplr(Measure::legs, N);
  Tensor<double, 1> step(H);
  Tensor<complex<double>, 2> A(H, N / 2);
  Tensor<complex<double>, 3> B(1, H, N / 2), P(1, H, N / 2), weights(1, H, N / 2);
  for (index_t h = 0; h < H; ++h) {
    step(h) = static_cast<double>(dt(h));
    for (index_t n = 0; n < N / 2; ++n) {
      A(h, n) = legs.A(n);
      B(0, h, n) = legs.B(n);
      P(0, h, n) = legs.P(0, n);
      for (index_t i = 0; i < N; ++i) weights(0, h, n) += static_cast<double>(C(h, i)) * legs.V(i, n);
    }
  }
  if (c.config.text("disc") != "bilinear") {
    const Tensor<double, 2> K = zero_order_hold_kernel(c, C, dt, L);
    c.out("K", std::vector<double>(K.data(), K.data() + K.count()));
    return;
  }
  const DplrSystem system{step, A, B, P, weights};
  Tensor<complex<double>, 2> F(H, N / 2), b(H, N / 2);
  Tensor<complex<double>, 3> G(1, H, N / 2), w(1, H, N / 2);
  const DplrStep discrete{F.view(), b.view(), G.view(), w.view()};
  DplrScan::discretise(discrete, system);
  DplrLength::truncate(weights.view(), discrete, L);
  Tensor<T, 4, D> K(1, 1, H, L);
  if constexpr (std::is_same_v<D, Host>) {
    Dplr::forward(K.view(), system, L);
  } else {
    const auto step_there = cuda::to_device(step);
    const auto A_there = cuda::to_device(A);
    const auto B_there = cuda::to_device(B), P_there = cuda::to_device(P), C_there = cuda::to_device(weights);
    Dplr::forward(K.view(), DplrSystemOn<Cuda>{step_there, A_there, B_there, P_there, C_there}, L);
  }
  c.out("K", TensorView<const T, 4, D>(K.view()));
}

}  // namespace longwave::golden
