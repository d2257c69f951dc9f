// s4_parameters.hpp - the parameters of the S4 family as a module: what S4Diag and S4 train, and where they start.
//
//   inv_dt (H, 1) or (H, N)   A_real, A_imag (S, N)   B (1, S, N, 2)   C (C, H, N, 2)   P (R, S, N, 2) for S4 alone
//   with N stored modes: d_state / 2, one of each conjugate pair; is_real: d_state real ones, without A_imag and with a
//   last axis of 1. Names, order and meaning are those of the official code; ssm_parameters.hpp has the formulas.
//
// Start: A, B, P by name (state_space/init.hpp); dt log-uniform in [dt_min, dt_max]; C complex normal of variance 1.
// What a transform stores of A is at least 1e-4, so the first mode of diag-lin turns a little instead of not at all.
// Learning rates: dt, A (P with it) and B have their own, 1e-3, and never decay; C takes the model's for both. One rate
// for the layer (KernelShape::lr) holds for C too. A rate of 0: constants.
// Source: Gu et al. 2022 (S4 and S4D), version 4 of the official code.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "longwave/nn/init.hpp"
#include "longwave/nn/ssm_kernel.hpp"
#include "longwave/state_space/init.hpp"
#include "longwave/state_space/ssm_parameters.hpp"

namespace longwave {

struct S4Options {
  // Start of A, B and P: see init.hpp.
  std::string init = "";               // empty: diag-lin for S4Diag, legs for S4
  index_t rank = 1;                    // R, of S4's correction
  index_t n_ssm = 0;                   // S, copies of A, B and P; 0: one for every feature
  std::optional<double> B_clip = 2.0;  // none: the exact HiPPO system
  bool real_random = false, imag_random = false;
  double real_scale = 1, imag_scale = 1;
  std::string B_init = "constant";
  double B_scale = 1, P_scale = 1;
  bool normalize = false;
  bool deterministic = false;  // dt evenly spaced over the features, C the first basis vector
  // The form of the parameters: see ssm_parameters.hpp.
  Transform dt_transform = Transform::exp;
  Transform real_transform = Transform::exp;
  Transform imag_transform = Transform::none;
  bool dt_tie = true;  // one step per feature instead of one per mode
  bool dt_fast = false;
  double bandlimit = 0;  // 0: off
  bool is_real = false;
  // Learning rates; unset: the model's, 0: not trained.
  double lr_dt = 1e-3, lr_A = 1e-3, lr_B = 1e-3, lr_C = ParameterGroup::unset;
};

template <class T, device D = Host>
struct S4Parameters {
  Parameter<T, 4, D> C;
  Parameter<T, 2, D> inv_dt;
  Parameter<T, 4, D> B;
  Parameter<T, 2, D> A_real, A_imag;  // A_imag: unused if is_real
  Parameter<T, 4, D> P;               // unused without a correction
  SsmTransforms transforms;

  // who: the layer, in messages.
  S4Parameters(const char* who, const KernelShape& shape, const S4Options& options, bool correction, Generator& gen)
      : transforms{options.dt_transform, options.real_transform, options.imag_transform,
                   options.dt_fast,      options.bandlimit,      options.is_real} {
    check(who, shape, options);
    S4Options o = options;
    if (o.init.empty()) o.init = correction ? "legs" : "diag-lin";
    if (o.n_ssm == 0) o.n_ssm = shape.d_model;
    allocate(shape, o, correction);
    fill(shape, o, gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("C", C);
    f("inv_dt", inv_dt);
    f("B", B);
    f("A_real", A_real);
    if (!transforms.is_real) f("A_imag", A_imag);
    if (P.value.count() > 0) f("P", P);
  }

  SsmVars<T, D> on(Tape<T, D>& tape) {
    SsmVars<T, D> vars;
    vars.inv_dt = inv_dt.on(tape, "kernel.inv_dt");
    vars.A_real = A_real.on(tape, "kernel.A_real");
    if (!transforms.is_real) vars.A_imag = A_imag.on(tape, "kernel.A_imag");
    vars.B = B.on(tape, "kernel.B");
    vars.C = C.on(tape, "kernel.C");
    if (P.value.count() > 0) vars.P = P.on(tape, "kernel.P");
    vars.transforms = transforms;
    return vars;
  }

 private:
  static void check(const char* who, const KernelShape& shape, const S4Options& o) {
    detail::check_kernel_shape(who, shape, !o.is_real);
    if (o.n_ssm < 0 || (o.n_ssm > 0 && shape.d_model % o.n_ssm != 0))
      throw_value_error(std::string(who) + ": n_ssm is " + std::to_string(o.n_ssm) +
                        ", expected 0 or a divisor of d_model, which is " + std::to_string(shape.d_model));
    for (const double lr : {o.lr_dt, o.lr_A, o.lr_B, o.lr_C, shape.lr})
      if (lr < 0)
        throw_value_error(std::string(who) + ": a learning rate is " + std::to_string(lr) + ", expected at least 0");
  }

  void allocate(const KernelShape& shape, const S4Options& o, bool correction) {
    const index_t H = shape.d_model, S = o.n_ssm, parts = o.is_real ? 1 : 2;
    const index_t N = o.is_real ? shape.d_state : shape.d_state / 2;
    const auto group = [&](double lr, double weight_decay) {
      const ParameterGroup asked{.lr = shape.lr};
      const double rate = asked.has_lr() ? shape.lr : lr;
      return ParameterGroup{.lr = rate, .weight_decay = weight_decay, .trainable = rate != 0};
    };
    const auto undecayed = [&](double lr) { return group(lr, 0); };
    C = Parameter<T, 4, D>(Extents<4>{shape.channels, H, N, parts}, group(o.lr_C, ParameterGroup::unset));
    inv_dt = Parameter<T, 2, D>(Extents<2>{H, o.dt_tie ? 1 : N}, undecayed(o.lr_dt));
    B = Parameter<T, 4, D>(Extents<4>{1, S, N, parts}, undecayed(o.lr_B));
    A_real = Parameter<T, 2, D>(Extents<2>{S, N}, undecayed(o.lr_A));
    if (!o.is_real) A_imag = Parameter<T, 2, D>(Extents<2>{S, N}, undecayed(o.lr_A));
    if (correction) P = Parameter<T, 4, D>(Extents<4>{o.rank, S, N, parts}, undecayed(o.lr_A));
  }

  template <class F>
  static void write(Tensor<T, 2, D>& value, F f) {
    init::on_host(value.view(), [&](TensorView<T, 2> to) {
      for (index_t i = 0; i < to.size(0); ++i)
        for (index_t n = 0; n < to.size(1); ++n) f(to(i, n), i, n);
    });
  }
  template <class F>
  static void write_complex(Tensor<T, 4, D>& value, F f) {
    init::on_host(value.view(), [&](TensorView<T, 4> to) {
      for (index_t i = 0; i < to.size(0); ++i)
        for (index_t j = 0; j < to.size(1); ++j)
          for (index_t n = 0; n < to.size(2); ++n) {
            const complex<double> z = f(i, j, n);
            to(i, j, n, 0) = static_cast<T>(z.re);
            if (to.size(3) == 2) to(i, j, n, 1) = static_cast<T>(z.im);
          }
    });
  }

  void fill(const KernelShape& shape, const S4Options& o, Generator& gen) {
    const index_t S = A_real.value.size(0), N = A_real.value.size(1);
    // d_state counts pairs, and real modes have no partner: twice as many there.
    const SsmInit start = ssm_init({.init = o.init,
                                    .d_state = 2 * N,
                                    .rank = o.rank,
                                    .n_ssm = S,
                                    .B_clip = o.B_clip,
                                    .real_random = o.real_random,
                                    .imag_random = o.imag_random,
                                    .real_scale = o.real_scale,
                                    .imag_scale = o.imag_scale,
                                    .B_init = o.B_init,
                                    .B_scale = o.B_scale,
                                    .P_scale = o.P_scale,
                                    .normalize = o.normalize},
                                   gen);
    const auto stored = [](Transform f, double x, const char* option) {
      return static_cast<T>(inverse_transform(f, std::max(-x, 1e-4), option));
    };
    write(A_real.value,
          [&](T& to, index_t s, index_t n) { to = stored(o.real_transform, start.A(s, n).re, "real_transform"); });
    if (!o.is_real)
      write(A_imag.value,
            [&](T& to, index_t s, index_t n) { to = stored(o.imag_transform, start.A(s, n).im, "imag_transform"); });
    write_complex(B.value, [&](index_t, index_t s, index_t n) { return start.B(s, n); });
    write_complex(P.value, [&](index_t r, index_t s, index_t n) { return start.P(r, s, n); });
    const Tensor<double, 2> dt = dt_init(inv_dt.value.sizes(), shape.dt_min, shape.dt_max, o.deterministic, gen);
    write(inv_dt.value, [&](T& to, index_t h, index_t n) {
      const double x = inverse_transform(o.dt_transform, dt(h, n), "dt_transform");
      to = static_cast<T>(o.dt_fast ? std::asinh(x) : x);
    });
    if (!o.deterministic)
      init::normal(gen, C.value.view(), 0, o.is_real ? 1 : std::numbers::sqrt2 / 2);
    else
      write_complex(C.value, [&](index_t, index_t h, index_t n) { return start.C(h % S, n); });
  }
};

}  // namespace longwave
