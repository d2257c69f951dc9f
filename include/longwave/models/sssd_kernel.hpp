// sssd_kernel.hpp - the S4 kernel of SSSD as a kernel for SsmLayer: a diagonal-plus-low-rank system
// (state_space/dplr.hpp) of which only the output weights C are trained.
//
//   kernel.C (C, H, N, 2)   trained; C~ = C (I - A_bar^L) for L = l_kernel samples
//   kernel.log_dt (H)   kernel.B, kernel.P, kernel.Q (1, H, N, 2)   kernel.w (H, N, 2)      constants, saved as buffers
//   kernel.l_kernel (1)                                             L; ours: the official code keeps it outside
//
// A = diag(w) - P Q^T with Q = conj(P), N = d_state / 2 modes, one of each conjugate pair. Start: HiPPO-LegS, B not
// clipped, log dt uniform in [log dt_min, log dt_max], C complex normal of variance 1, L = l_max. Longer inputs double
// L: C~ becomes C~ (I + A_bar^L), the first samples of the kernel stay. Shorter ones use its first samples.
//
// With constants the kernel is linear in C, so it is a product with a table (state_space/kernel_linear.hpp) that is
// made at the first pass and again when L doubles or the constants change. Other rates, and states, take the general
// way (state_space/kernel_s4.hpp).
// Source: Lopez Alcaraz and Strodthoff 2023 (SSSD); names and shapes of its official code.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <numbers>

#include "longwave/nn/init.hpp"
#include "longwave/nn/ssm_layer.hpp"
#include "longwave/state_space/dplr_rows.hpp"
#include "longwave/state_space/dplr_step.hpp"
#include "longwave/state_space/dplr_table.hpp"
#include "longwave/state_space/kernel_linear.hpp"
#include "longwave/state_space/nplr.hpp"

namespace longwave {

// SSSD's S4 inside its block: y = W gelu(K * u + D u) + b.
struct SssdFlavour : PlainFlavour {
  static constexpr const char* name = "SssdS4";
  static constexpr Activation final_act = Activation::none;
  static constexpr bool indexed_output = false;
  static constexpr int output_rank = 2;
};

// The kernel on a tape.
template <class T, device D = Host>
struct SssdVars {
  Var<T, 4, D> C;
  TensorView<const T, 3, D> table;  // (H, 2 N, at least as many samples as a pass has), for rate 1
  TensorView<T, 1, D> log_dt;
  TensorView<T, 4, D> B, P;
  TensorView<T, 3, D> w;
  index_t length = 0;  // L

  ModeSizes sizes() const { return {C.size(0), C.size(1), C.size(2)}; }
  bool needs_grad() const { return C.needs_grad(); }

  // The same system for the general S4 kernel.
  DplrVars<T, D> general() const {
    Tape<T, D>& tape = C.tape();
    DplrVars<T, D> vars;
    SsmVars<T, D>& p = vars.parameters;
    const auto part = [&](index_t i) { return scale(select_last_axis(tape.input(w), i), -1); };
    p.inv_dt = tape.input(log_dt.reshape(Extents<2>{log_dt.size(0), 1}));
    p.A_real = part(0);
    p.A_imag = part(1);
    p.B = tape.input(B);
    p.C = C;
    p.P = tape.input(P);
    p.transforms = {.dt = Transform::exp, .real = Transform::none, .imag = Transform::none};
    vars.length = length;
    return vars;
  }
};

template <class T, device D>
Var<T, 3, D> ssm_kernel(Tape<T, D>& tape, const SssdVars<T, D>& vars, index_t L, double rate = 1) {
  if (rate != 1) return ssm_kernel(tape, vars.general(), L, rate);
  const ModeSizes s = vars.sizes();
  if (L > vars.table.size(2))
    throw_value_error("SSSD: a kernel of " + std::to_string(L) + " samples, but the table has " +
                      std::to_string(vars.table.size(2)) + "; call prepare first");
  const Var<T, 3, D> K = tape.make(Extents<3>{s.C, s.H, L}, vars.needs_grad());
  const Var<T, 4, D> C = vars.C;
  const auto table = vars.table;
  ops::KernelLinear::forward(K.output(), C.value(), table);
  tape.record_following("sssd_kernel", K,
                        [=, &tape] { ops::KernelLinear::backward(tape.grad_to_add(C), K.grad(), table); });
  return K;
}

// As the ssm() of other kernels (state_space/kernel_s4.hpp).
template <class T, device D>
SequenceOutput<T, D> ssm(Var<T, 3, D> u, const SssdVars<T, D>& vars, Var<T, 2, D> skip, const SsmCall& call = {},
                         Var<T, 4, D> state_in = {}, bool want_state = false) {
  if (state_in || want_state || call.rate != 1) return ssm(u, vars.general(), skip, call, state_in, want_state);
  const ModeSizes s = vars.sizes();
  const index_t L = u.size(2), M = call.kernel_length > 0 ? std::min(call.kernel_length, L) : L;
  detail::check_ssm(u.sizes(), s, call, false);
  const index_t C = call.bidirectional ? s.C / 2 : s.C;
  if (skip) check_shape("ssm", "D", skip.value(), Extents<2>{C, s.H}, "CH");
  return {detail::convolve_channels(u, ssm_kernel(u.tape(), vars, M), skip, C), {}};
}

template <class T, device D>
DplrStepTables<T, D> make_step_tables(const SssdVars<T, D>& vars, const StepOptions& options = {}) {
  return make_step_tables(vars.general(), options);
}

namespace detail {

// HiPPO-LegS as the kernel starts from it, worked out once per size: a network has dozens of layers.
inline const Nplr& sssd_start(index_t d_state) {
  static std::mutex lock;
  static std::map<index_t, Nplr> known;
  const std::lock_guard<std::mutex> hold(lock);
  const auto found = known.find(d_state);
  return found != known.end() ? found->second : known.emplace(d_state, nplr(Measure::legs, d_state)).first->second;
}

// (.., N, 2) as complex numbers in double.
template <class T, int M>
complex<double> mode_at(const TensorView<const T, M>& z, index_t mode) {
  return {static_cast<double>(z.data()[2 * mode]), static_cast<double>(z.data()[2 * mode + 1])};
}

}  // namespace detail

struct SssdKernelOptions {
  index_t l_max = 0;  // samples that C~ is made for at first; SsmOptions::l_max would cut the kernel instead
};

template <class T, device D = Host>
struct SssdKernel {
  using value_type = T;
  using device_type = D;
  using Options = SssdKernelOptions;
  using Flavour = SssdFlavour;

  Parameter<T, 4, D> C;
  Tensor<T, 1, D> log_dt, l_kernel = Tensor<T, 1, D>(1);
  Tensor<T, 4, D> B, P, Q;
  Tensor<T, 3, D> w;

  SssdKernel(const KernelShape& shape, const Options& o, Generator& gen) {
    detail::check_kernel_shape("SSSD", shape, /*paired=*/true);
    detail::check_at_least("SssdKernel", "l_max", o.l_max, 1);
    const index_t H = shape.d_model, N = shape.d_state / 2;
    C = Parameter<T, 4, D>(Extents<4>{shape.channels, H, N, 2});
    log_dt = Tensor<T, 1, D>(H);
    w = Tensor<T, 3, D>(H, N, 2);
    for (Tensor<T, 4, D>* t : {&B, &P, &Q}) *t = Tensor<T, 4, D>(1, H, N, 2);
    const Nplr& start = detail::sssd_start(shape.d_state);
    repeat(w.view(), [&](index_t n) { return start.A(n); });
    repeat(B.view(), [&](index_t n) { return start.B(n); });
    repeat(P.view(), [&](index_t n) { return start.P(0, n); });
    repeat(Q.view(), [&](index_t n) { return conj(start.P(0, n)); });
    init::uniform(gen, log_dt.view(), std::log(shape.dt_min), std::log(shape.dt_max));
    init::normal(gen, C.value.view(), 0, std::numbers::sqrt2 / 2);
    change([&](auto c, const DplrStep& step) { dplr_truncate_rows(c, step, o.l_max); }, o.l_max);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("kernel.C", C);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    stale_ = true;  // whoever asks for them may write to them
    f("kernel.log_dt", log_dt);
    f("kernel.B", B);
    f("kernel.P", P);
    f("kernel.Q", Q);
    f("kernel.w", w);
    f("kernel.l_kernel", l_kernel);
  }

  SssdVars<T, D> on(Tape<T, D>& tape) {
    refresh();
    return {C.on(tape, "kernel.C"), table_.view(), log_dt.view(), B.view(), P.view(), w.view(), length_};
  }

  index_t length() {
    refresh();
    return length_;
  }

  // Makes C~ fit for L samples at `rate`, and the table for a pass over them.
  void prepare(index_t L, double rate) {
    refresh();
    if (L == 0) return;
    const index_t needed = std::max<index_t>(detail::rounded(static_cast<double>(L) * rate), 1);
    while (length_ < needed || detail::rounded(static_cast<double>(length_) / rate) < L) double_length();
    if (rate == 1 && table_.size(2) < L) make_table(L);
  }

  // C~ for twice the length: the same kernel, known for longer. An optimiser's moments of C are then out of date.
  void double_length() {
    const index_t L = length();
    change([&](auto c, const DplrStep& step) { DplrLength::lengthen(c, step, L); }, 2 * L);
  }

 private:
  template <int M, class F>
  static void repeat(TensorView<T, M, D> z, F f) {
    init::on_host(z, [&](TensorView<T, M> to) {
      const index_t N = to.size(M - 2);
      for (index_t i = 0; i < to.count() / 2; ++i) {
        const complex<double> value = f(i % N);
        to.data()[2 * i] = static_cast<T>(value.re);
        to.data()[2 * i + 1] = static_cast<T>(value.im);
      }
    });
  }

  // The continuous system in double, on the host.
  struct OnHost {
    Tensor<double, 1> dt;
    Tensor<complex<double>, 2> A;
    Tensor<complex<double>, 3> B, P, C;

    DplrSystem system() const { return {dt, A, B, P, C}; }
  };
  OnHost on_host() {
    const index_t H = w.size(0), N = w.size(1), channels = C.value.size(0);
    OnHost s{Tensor<double, 1>(H), Tensor<complex<double>, 2>(H, N), Tensor<complex<double>, 3>(1, H, N),
             Tensor<complex<double>, 3>(1, H, N), Tensor<complex<double>, 3>(channels, H, N)};
    const auto read = []<int M>(auto& to, TensorView<T, M, D> from) {
      const auto values = init::host_values(from);
      const TensorView<const T, M> view = values;
      for (index_t i = 0; i < to.count(); ++i) to.data()[i] = detail::mode_at(view, i);
    };
    read(s.A, w.view());
    read(s.B, B.view());
    read(s.P, P.view());
    read(s.C, C.value.view());
    const auto steps = init::host_values(log_dt.view());
    const TensorView<const T, 1> step = steps;
    for (index_t h = 0; h < H; ++h) s.dt(h) = std::exp(static_cast<double>(step(h)));
    return s;
  }

  // change(C as (C, H, N), A_bar) and a new length, on the host.
  template <class F>
  void change(F change_C, index_t length) {
    OnHost s = on_host();
    const Extents<2> modes = s.A.sizes();
    const Extents<3> ranks = s.P.sizes();
    Tensor<complex<double>, 2> F_(modes), b(modes);
    Tensor<complex<double>, 3> G(ranks), v(ranks);
    const DplrStep step{F_.view(), b.view(), G.view(), v.view()};
    DplrScan::discretise(step, s.system());
    change_C(s.C.view(), step);
    init::on_host(C.value.view(), [&](TensorView<T, 4> to) {
      for (index_t i = 0; i < s.C.count(); ++i) {
        to.data()[2 * i] = static_cast<T>(s.C.data()[i].re);
        to.data()[2 * i + 1] = static_cast<T>(s.C.data()[i].im);
      }
    });
    init::constant(l_kernel.view(), static_cast<T>(length));
    length_ = length;
    table_ = Tensor<T, 3, D>();
    fingerprint_ = fingerprint();
    stale_ = false;
  }

  // What follows from the buffers, after they were handed out: nothing if they were only read.
  void refresh() {
    if (!stale_) return;
    const std::uint64_t now = fingerprint();
    if (now != fingerprint_) {
      check_Q();
      const auto stored = init::host_values(l_kernel.view());
      const double samples = static_cast<double>(TensorView<const T, 1>(stored)(0));
      if (!(samples >= 1 && samples < 1e9 && samples == std::floor(samples)))
        throw_value_error("SSSD: kernel.l_kernel is " + std::to_string(samples) + ", expected a number of samples");
      length_ = static_cast<index_t>(samples);
      table_ = Tensor<T, 3, D>();
      fingerprint_ = now;
    }
    stale_ = false;
  }

  void check_Q() {
    const auto p = init::host_values(P.view()), q = init::host_values(Q.view());
    const TensorView<const T, 4> Ps = p, Qs = q;
    for (index_t i = 0; i < Ps.count() / 2; ++i) {
      const complex<double> want = conj(detail::mode_at(Ps, i));
      if (!(norm2(detail::mode_at(Qs, i) - want) <= 1e-10 * norm2(want)))
        throw_value_error("SSSD: kernel.Q is not the conjugate of kernel.P; other corrections are not supported");
    }
  }

  // FNV-1a over the buffers' numbers.
  std::uint64_t fingerprint() {
    std::uint64_t hash = 14695981039346656037u;
    const auto add = [&]<int M>(TensorView<T, M, D> view) {
      const auto values = init::host_values(view);
      const TensorView<const T, M> v = values;
      for (index_t i = 0; i < v.count(); ++i)
        hash = (hash ^ __builtin_bit_cast(std::uint64_t, static_cast<double>(v.data()[i]))) * 1099511628211u;
    };
    add(log_dt.view());
    for (Tensor<T, 4, D>* t : {&B, &P, &Q}) add(t->view());
    add(w.view());
    add(l_kernel.view());
    return hash;
  }

  void make_table(index_t L) {
    const OnHost s = on_host();
    Tensor<T, 3> table = dplr_table<T>(s.system(), length_, L);
    if constexpr (std::is_same_v<D, Host>)
      table_ = std::move(table);
    else
      table_ = cuda::to_device(table);
  }

  Tensor<T, 3, D> table_;  // empty until a pass needs it
  index_t length_ = 0;
  std::uint64_t fingerprint_ = 0;
  bool stale_ = false;
};

template <class T, device D = Host>
using SssdS4 = SsmLayer<SssdKernel<T, D>>;

}  // namespace longwave
