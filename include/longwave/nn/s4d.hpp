// s4d.hpp - the minimal S4D layer: a diagonal state-space model per feature, then a position-wise mixing of the
// features (ssm_layer.hpp).
//
//   v = S4D(u) + D u            state_space/kernel_s4d.hpp, states carried where asked for
//   v = dropout(gelu(v))        exact GELU; dropout tied over time
//   y = glu(W v + b)            W (2 H, H): position-wise, then first half times sigmoid(second half)
//
// u, y (B, H, L). Parameters carry the official names: D, kernel.{log_dt, log_A_real, A_imag, C}, output_linear.0.*.
// The kernel is one per feature and in one direction; DiagKernel (nn/s4_diag.hpp) has several, two-sided ones, a
// trained B and other discretisations. Source: Gu et al. 2022 (S4D) and its minimal reference implementation.
#pragma once

#include <cmath>
#include <numbers>

#include "longwave/nn/ssm_layer.hpp"
#include "longwave/state_space/kernel_s4d.hpp"

namespace longwave {

struct S4DKernelOptions {};

// d_state counts both modes of each conjugate pair. lr is that of log_dt, log_A_real and A_imag, which never decay.
template <class T_, device Dev = Host>
struct S4DKernel {
  using T = T_;
  using value_type = T;
  using device_type = Dev;
  using Options = S4DKernelOptions;
  using Flavour = S4DFlavour;

  Parameter<T, 1, Dev> log_dt;
  Parameter<T, 2, Dev> log_A_real, A_imag;
  Parameter<T, 3, Dev> C;

  // A = -1/2 + i pi n, C normal, dt log-uniform.
  S4DKernel(const KernelShape& s, const Options&, Generator& gen) {
    check(s);
    const index_t H = s.d_model, N = s.d_state / 2;
    const ParameterGroup ssm{.lr = s.lr, .weight_decay = 0};
    log_dt = Parameter<T, 1, Dev>(Extents<1>{H}, ssm);
    log_A_real = Parameter<T, 2, Dev>(Extents<2>{H, N}, ssm);
    A_imag = Parameter<T, 2, Dev>(Extents<2>{H, N}, ssm);
    C = Parameter<T, 3, Dev>(Extents<3>{H, N, 2});
    init::uniform(gen, log_dt.value.view(), std::log(s.dt_min), std::log(s.dt_max));
    init::normal(gen, C.value.view(), 0, std::numbers::sqrt2 / 2);  // unit variance as a complex number
    init::constant(log_A_real.value.view(), static_cast<T>(std::log(0.5)));
    init::on_host(A_imag.value.view(), [=](TensorView<T, 2> x) {
      for (index_t h = 0; h < H; ++h)
        for (index_t n = 0; n < N; ++n) x(h, n) = static_cast<T>(std::numbers::pi * static_cast<double>(n));
    });
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("C", C);
    f("log_dt", log_dt);
    f("log_A_real", log_A_real);
    f("A_imag", A_imag);
  }

  S4DVars<T, Dev> on(Tape<T, Dev>& tape) {
    return {log_dt.on(tape, "kernel.log_dt"), log_A_real.on(tape, "kernel.log_A_real"),
            A_imag.on(tape, "kernel.A_imag"), C.on(tape, "kernel.C")};
  }

 private:
  static void check(const KernelShape& s) {
    detail::check_kernel_shape("S4D", s, true);
    if (s.channels != 1)
      throw_value_error("S4D: the layer asks for " + std::to_string(s.channels) +
                        " kernels per feature, expected 1: channels = 1, one direction, no hyper_act, an activation "
                        "other than glu; DiagKernel has several");
  }
};

template <class T, device D = Host>
using S4D = SsmLayer<S4DKernel<T, D>>;

using S4DOptions = SsmOptions<S4DFlavour, S4DKernelOptions>;

template <class T, device D = Host>
using S4DState = SsmState<T, StepTables<T, D>, D>;

}  // namespace longwave
