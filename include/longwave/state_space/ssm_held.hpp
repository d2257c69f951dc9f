// ssm_held.hpp - a kernel worked out once for several passes whose gradients make one step, as where they accumulate
// over the parts of a batch:
//
//   HeldKernel<T, D, Vars> held;
//   held.open([&](Tape<T, D>& tape) { return kernel.on(tape); }, B, L, call);   // parameters -> modes, samples
//   const Var<T, 3, D> y = held.apply(u, skip);  ..  tape.backward(loss);       // as often as there are parts
//   held.close();                                                               // the kernel's gradient -> parameters
//
// u (B, H, L) -> y (B, C H, L) from a zero state, as ssm(u, vars, skip, call). From open() to close() the parameters
// stay as they are; what the passes find as gradients of the kernel is added up here and taken through its backward
// once. Parts of another B are allowed: the form (recurrence.hpp) is chosen for that of open().
//
//   diagonal   modes x (H, N), v = c b (C, H, N), and where a direction convolves the samples K (C, H, M);
//              sums of dx, dv in double, or of dK in T
//   others     K and dK
//
// Passes may run in a captured step, and so may open() and close(), in captured steps of their own: addresses stay.
#pragma once

#include <optional>

#include "longwave/state_space/convolve.hpp"
#include "longwave/state_space/ssm_bfloat16.hpp"

namespace longwave {

namespace detail {

// Of kernels that are known by their samples.
template <class T, device D, class Vars>
class HeldSamples {
 public:
  template <class On>
  void open(On&& on, index_t, index_t L, const SsmCall& call) {
    tape_.rewind();
    const Vars vars = on(tape_);
    sizes_ = vars.sizes();
    call_ = call;
    K_ = ssm_kernel(tape_, vars, call.kernel_length > 0 ? std::min(call.kernel_length, L) : L, call.rate);
    dK_ = {};
    if (!K_.needs_grad()) return;
    dK_ = tape_.template keep<T>(K_.sizes());
    fill(dK_, T(0));
  }

  Var<T, 3, D> apply(Var<T, 3, D> u, Var<T, 2, D> skip) const {
    check_ssm(u.sizes(), sizes_, call_, false);
    const index_t C = call_.bidirectional ? sizes_.C / 2 : sizes_.C;
    if (skip) check_shape("ssm", "D", skip.value(), Extents<2>{C, sizes_.H}, "CH");
    return convolve_channels(u, u.tape().parameter(K_.output(), dK_, "kernel"), skip, C);
  }

  void close() {
    if (wanted(dK_)) tape_.backward(K_, dK_);
  }

 private:
  Tape<T, D> tape_;
  ModeSizes sizes_ = {};
  SsmCall call_;
  Var<T, 3, D> K_;
  TensorView<T, 3, D> dK_;
};

template <class T, device D, diagonal_vars Vars>
class HeldModes {
 public:
  template <class On>
  void open(On&& on, index_t B, index_t L, const SsmCall& call) {
    tape_.rewind();
    vars_ = on(tape_);
    sizes_ = vars_->sizes();
    call_ = call;
    mode_call_ = {call.kernel_length > 0 ? std::min(call.kernel_length, L) : L, call.rate};
    m_ = make_modes(tape_, *vars_, sizes_);
    v_ = weighted_modes(tape_, *vars_, m_, mode_call_);
    anchored_ = is_anchored(*vars_) && may_grow(m_, false);
    choose_forms(B, L);
    K_ = sum_.dK = {};
    const Extents<3> samples{sizes_.C, sizes_.H, mode_call_.L};
    if (convolves_there_ || convolves_back_) {
      K_ = tape_.template keep<T>(samples);
      impl::modes_kernel_forward(K_, TensorView<const complex<double>, 2, D>(m_.x),
                                 TensorView<const complex<double>, 3, D>(v_), anchored_);
    }
    if (convolves_back_) {
      sum_.dK = tape_.template keep<T>(samples);
      fill(sum_.dK, T(0));
    } else {
      sum_.d = make_modes(tape_, *vars_, sizes_);
      fill(sum_.d.x, complex<double>());
      fill(sum_.d.c, complex<double>());
    }
  }

  Var<T, 3, D> apply(Var<T, 3, D> u, Var<T, 2, D> skip) const {
    Tape<T, D>& tape = u.tape();
    check_ssm(u.sizes(), sizes_, call_, false);
    const index_t C = channels(), H = sizes_.H, L = u.size(2);
    if (skip) check_shape("ssm", "D", skip.value(), Extents<2>{C, H}, "CH");
    impl::SsmInputs<T, D> in = inputs(u.value(), value_or_none(skip), there_);
    const bool needs = u.needs_grad() || vars_->needs_grad() || skip.needs_grad();
    if (needs && tape.recording())
      if (const index_t n = in.kept_numbers()) in.kept = tape.template keep<T>(Extents<1>{n});
    const auto y = tape.make(Extents<3>{u.size(0), C * H, L}, needs);
    const Extents<4> channels{u.size(0), C, H, L};
    impl::ssm_forward(y.output().reshape(channels), TensorView<T, 4, D>(), in);
    in.call.algorithm = back_;
    tape.record("ssm", y, [=, &tape, sum = sum_] {
      const DiagonalModes<D> d{
          tape.template keep<complex<double>>(in.x.sizes()), {}, tape.template keep<complex<double>>(in.c.sizes())};
      const Grad du(u, in.adds_du());
      impl::ssm_backward(impl::SsmGradients<T, D>{du, d.x, d.c, tape.grad_to_add(skip), {}, sum.dK, du.adds()},
                         y.grad().reshape(channels), TensorView<const T, 4, D>(), in);
      sum.add(d);
    });
    return y;
  }

  // Of one causal kernel in a form that takes it, else in float between casts.
  Var<bfloat16, 3, D> apply(Var<bfloat16, 3, D> u, Var<T, 2, D> skip) const requires(std::same_as<T, float>) {
    if (sizes_.C != 1 || call_.bidirectional || convolves_there_ || convolves_back_)
      return cast<bfloat16>(apply(cast<float>(u), skip));
    check_ssm(u.sizes(), sizes_, call_, false);
    return ssm_of_modes<D>(u, m_, v_, skip, there_, back_, vars_->needs_grad(),
                           [sum = sum_](const DiagonalModes<D>& d) { sum.add(d); });
  }

  void close() {
    if (!vars_->needs_grad()) return;
    if (convolves_back_) {
      sum_.d = make_modes(tape_, *vars_, sizes_);
      impl::modes_kernel_backward<T>(sum_.d.x, sum_.d.c, sum_.dK, m_.x, v_, anchored_);
    }
    backward_modes(*vars_, sum_.d, m_, mode_call_);
  }

 private:
  // Either dK or d.x and d.c, the gradient of v.
  struct Sum {
    DiagonalModes<D> d;
    TensorView<T, 3, D> dK;

    void add(const DiagonalModes<D>& more) const {
      if (wanted(dK)) return;  // has been added to already
      const Extents<2> rows{d.c.size(0) * d.c.size(1), d.c.size(2)};
      impl::add_modes<D>(d.x, more.x);
      impl::add_modes<D>(d.c.reshape(rows), more.c.reshape(rows));
    }
  };

  index_t channels() const { return call_.bidirectional ? sizes_.C / 2 : sizes_.C; }

  impl::SsmInputs<T, D> inputs(TensorView<const T, 3, D> u, TensorView<const T, 2, D> skip, Algorithm form) const {
    SsmCall call = call_;
    call.algorithm = form;
    return {u, m_.x, v_, skip, {}, call, anchored_, {}, K_};
  }

  void choose_forms(index_t B, index_t L) {
    const TensorView<const T, 3, D> like(nullptr, Extents<3>{B, sizes_.H, L});
    const impl::SsmInputs<T, D> in = inputs(like, {}, call_.algorithm);
    there_ = in.forward_form();
    back_ = in.backward_form();
    convolves_there_ = in.kernel_form(there_);
    convolves_back_ = in.kernel_form(back_);
    if (convolves_there_) there_ = Algorithm::fft;
    if (convolves_back_) back_ = Algorithm::fft;
  }

  Tape<T, D> tape_;
  std::optional<Vars> vars_;
  ModeSizes sizes_ = {};
  SsmCall call_;
  ModeCall mode_call_;
  DiagonalModes<D> m_;
  TensorView<complex<double>, 3, D> v_;
  bool anchored_ = false;
  Algorithm there_ = Algorithm::scan, back_ = Algorithm::scan;
  bool convolves_there_ = false, convolves_back_ = false;
  TensorView<T, 3, D> K_;
  Sum sum_;
};

template <class T, device D, class Vars>
struct HeldKernelOf {
  using type = HeldSamples<T, D, Vars>;
};
template <class T, device D, diagonal_vars Vars>
struct HeldKernelOf<T, D, Vars> {
  using type = HeldModes<T, D, Vars>;
};

}  // namespace detail

template <class T, device D, class Vars>
using HeldKernel = typename detail::HeldKernelOf<T, D, Vars>::type;

}  // namespace longwave
