// dss.hpp - the DSS layer: its kernel as a module, with where its parameters start and how they learn, in SsmLayer.
//
//   v = gelu(DSS(u) + D u)      state_space/kernel_dss.hpp; u, y (B, H, L)
//   y = W dropout(v) + b        W (H, H): position-wise                                        (ssm_layer.hpp)
//
//   log_dt (H, 2), or (H) with one step for both parts     log-uniform in [dt_min, dt_max], both parts alike
//   Lambda (N, 2)                                          softmax, clip, clip-no-scale
//   Lambda_log_neg_re, Lambda_im or Lambda_log_im (N)      exp, exp-no-scale; exp-re-im
//   W (C, H, N, 2)                                         standard normal, Re and Im each
//
// Names and shapes of the official state dict. d_state counts the modes, all of them: no conjugate pairs. Lambda is one
// set for all features. Every parameter has a learning rate of its own and never decays.
// Source: Gupta et al. 2022, "Diagonal State Spaces are as Effective as Structured State Spaces", section 3.2.
#pragma once

#include <cmath>
#include <string>

#include "longwave/nn/ssm_layer.hpp"
#include "longwave/state_space/init.hpp"
#include "longwave/state_space/kernel_dss.hpp"

namespace longwave {

struct DssKernelOptions {
  DssVersion version = DssVersion::softmax;
  std::string Lambda_init = "hippo_skew_pos_imag";  // or randn, for versions that allow any Re Lambda
  bool sep_dt_re_im = true;                         // steps of their own for Re and Im of Lambda
  double epsilon = 1e-7;
  double max_real_Lambda = 1e-4;  // clip
  index_t softmax_length = 0;     // softmax over so many samples for inputs of any length; 0: over the input's
  double lr_log_dt = 1e-3, lr_Lambda = 1e-3, lr_W = 1e-3;  // KernelShape::lr, if set, replaces all three
};

template <class T, device Dev = Host>
struct DssKernel {
  using value_type = T;
  using device_type = Dev;
  using Options = DssKernelOptions;
  using Flavour = DssFlavour;

  Options options;
  Parameter<T, 2, Dev> log_dt;         // (H, 2), sep_dt_re_im
  Parameter<T, 1, Dev> log_dt_shared;  // (H), else
  Parameter<T, 2, Dev> Lambda;
  Parameter<T, 1, Dev> Lambda_log_neg_re, Lambda_im, Lambda_log_im;
  Parameter<T, 4, Dev> W;

  DssKernel(const KernelShape& shape, const Options& o, Generator& gen) : options(o) {
    detail::check_kernel_shape("DssKernel", shape, /*paired=*/false);
    check(o);
    init_steps(shape, gen);
    init_Lambda(shape, gen);
    W = Parameter<T, 4, Dev>(Extents<4>{shape.channels, shape.d_model, shape.d_state, 2}, group(shape, o.lr_W));
    init::normal(gen, W.value.view(), 0, 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    const bool logarithmic = form().logarithmic(), both = options.version == DssVersion::exp_re_im;
    if (options.sep_dt_re_im)
      f("log_dt", log_dt);
    else
      f("log_dt", log_dt_shared);
    if (!logarithmic) f("Lambda", Lambda);
    if (logarithmic) f("Lambda_log_neg_re", Lambda_log_neg_re);
    if (logarithmic && both) f("Lambda_log_im", Lambda_log_im);
    if (logarithmic && !both) f("Lambda_im", Lambda_im);
    f("W", W);
  }

  DssVars<T, Dev> on(Tape<T, Dev>& tape) {
    DssVars<T, Dev> vars;
    vars.form = form();
    vars.log_dt = options.sep_dt_re_im
                      ? log_dt.on(tape, "kernel.log_dt")
                      : log_dt_shared.on(tape, Extents<2>{log_dt_shared.value.count(), 1}, "kernel.log_dt");
    if (!vars.form.logarithmic()) {
      vars.Lambda = Lambda.on(tape, "kernel.Lambda");
    } else {
      vars.Lambda_re = Lambda_log_neg_re.on(tape, "kernel.Lambda_log_neg_re");
      vars.Lambda_im = options.version == DssVersion::exp_re_im ? Lambda_log_im.on(tape, "kernel.Lambda_log_im")
                                                                : Lambda_im.on(tape, "kernel.Lambda_im");
    }
    vars.W = W.on(tape, "kernel.W");
    return vars;
  }

  DssForm form() const {
    return {.version = options.version,
            .epsilon = options.epsilon,
            .max_real_Lambda = options.max_real_Lambda,
            .softmax_length = options.softmax_length};
  }

 private:
  static void check(const Options& o) {
    const DssForm form{.version = o.version};
    if (!(o.epsilon > 0))
      throw_value_error("DssKernel: epsilon is " + std::to_string(o.epsilon) + ", expected more than 0");
    if (o.softmax_length < 0)
      throw_value_error("DssKernel: softmax_length is " + std::to_string(o.softmax_length) + ", expected at least 0");
    if (form.logarithmic() && o.Lambda_init == "randn")
      throw_value_error("DssKernel: version " + to_string(o.version) +
                        " needs Re Lambda < 0, Lambda_init randn draws either sign; use hippo_skew_pos_imag, or "
                        "version softmax or clip");
  }

  static ParameterGroup group(const KernelShape& shape, double lr) {
    const bool asked = shape.lr == shape.lr;  // not NaN
    return {.lr = asked ? shape.lr : lr, .weight_decay = 0};
  }

  void init_steps(const KernelShape& shape, Generator& gen) {
    const index_t H = shape.d_model;
    const Tensor<double, 2> dt = dt_init(Extents<2>{H, 1}, shape.dt_min, shape.dt_max, false, gen);
    const ParameterGroup steps = group(shape, options.lr_log_dt);
    if (options.sep_dt_re_im)
      log_dt = Parameter<T, 2, Dev>(Extents<2>{H, 2}, steps);
    else
      log_dt_shared = Parameter<T, 1, Dev>(Extents<1>{H}, steps);
    const TensorView<T, 2, Dev> steps_there =
        options.sep_dt_re_im ? log_dt.value.view() : log_dt_shared.value.view().reshape(Extents<2>{H, 1});
    init::on_host(steps_there, [&](TensorView<T, 2> to) {
      for (index_t h = 0; h < H; ++h)
        for (index_t part = 0; part < to.size(1); ++part) to(h, part) = static_cast<T>(std::log(dt(h, 0)));
    });
  }

  void init_Lambda(const KernelShape& shape, Generator& gen) {
    const index_t N = shape.d_state;
    const Tensor<complex<double>, 1> start = dss_lambda_init(options.Lambda_init, N, gen);
    const ParameterGroup rates = group(shape, options.lr_Lambda);
    if (!form().logarithmic()) {
      Lambda = Parameter<T, 2, Dev>(Extents<2>{N, 2}, rates);
      init::on_host(Lambda.value.view(), [&](TensorView<T, 2> to) {
        for (index_t n = 0; n < N; ++n) {
          to(n, 0) = static_cast<T>(start(n).re);
          to(n, 1) = static_cast<T>(start(n).im);
        }
      });
      return;
    }
    const bool both = options.version == DssVersion::exp_re_im;
    Lambda_log_neg_re = Parameter<T, 1, Dev>(Extents<1>{N}, rates);
    Parameter<T, 1, Dev>& imaginary = both ? Lambda_log_im : Lambda_im;
    imaginary = Parameter<T, 1, Dev>(Extents<1>{N}, rates);
    init::on_host(Lambda_log_neg_re.value.view(), [&](TensorView<T, 1> to) {
      for (index_t n = 0; n < N; ++n) to(n) = static_cast<T>(std::log(-start(n).re));
    });
    init::on_host(imaginary.value.view(), [&](TensorView<T, 1> to) {
      for (index_t n = 0; n < N; ++n) to(n) = static_cast<T>(both ? std::log(start(n).im) : start(n).im);
    });
  }
};

template <class T, device D = Host>
using DSS = SsmLayer<DssKernel<T, D>>;

using DssOptions = SsmOptions<DssFlavour, DssKernelOptions>;

}  // namespace longwave
