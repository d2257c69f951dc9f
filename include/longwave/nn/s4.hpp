// s4.hpp - S4: a diagonal-plus-low-rank system (state_space/kernel_s4.hpp) as a kernel for SsmLayer, and the layer.
//
//   S4<float> layer({.d_model = 64, .d_state = 64, .l_max = 1024}, gen);
//
// Parameters and options: s4_parameters.hpp (init is legs unless said). The trained C is C~ for a length that the
// buffer l_kernel holds, at rate 1. It starts at 0, meaning C itself: the first pass sets it to l_max, or to its own
// length where that is unknown, and longer ones double it, with C changed so that the first samples of the kernel stay.
// An optimiser's moments of C are then out of date, so give l_max where it is known. Source: Gu, Goel, Re 2022 (S4);
// names and buffers as in version 4 of the official code.
#pragma once

#include <optional>

#include "longwave/nn/init.hpp"
#include "longwave/nn/s4_parameters.hpp"
#include "longwave/nn/ssm_layer.hpp"
#include "longwave/state_space/dplr_step.hpp"

namespace longwave {

template <class T, device D = Host>
struct DplrKernel {
  using value_type = T;
  using device_type = D;
  using Options = S4Options;
  using Flavour = S4BlockFlavour;

  S4Parameters<T, D> parameters;
  Tensor<T, 1, D> l_kernel = Tensor<T, 1, D>(1);
  index_t l_max;

  DplrKernel(const KernelShape& shape, const Options& options, Generator& gen)
      : parameters("S4", checked(shape, options), options, /*correction=*/true, gen), l_max(shape.l_max) {}

  template <class F>
  void for_each_parameter(F&& f) {
    parameters.for_each_parameter(f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    stored_length_ = std::nullopt;  // whoever asks for it may write to it
    f("l_kernel", l_kernel);
  }

  DplrVars<T, D> on(Tape<T, D>& tape) { return {parameters.on(tape), length()}; }

  index_t length() const { return static_cast<index_t>(std::llround(stored_length())); }

  // Makes C~ fit for L samples at `rate`, if it is not.
  void prepare(index_t L, double rate) {
    if (L == 0) return;
    if (!(stored_length() >= 0))
      throw_value_error("S4: l_kernel is " + std::to_string(stored_length()) + ", expected a number of samples");
    if (!(rate >= 1e-6 && rate <= 1e6))  // beyond, lengths times it overflow
      throw_value_error("S4: rate is " + std::to_string(rate) + ", expected 1e-6 to 1e6");
    const index_t needed = std::max<index_t>(detail::rounded(static_cast<double>(L) * rate), 1);
    if (length() == 0) {
      const index_t start = l_max > 0 ? l_max : needed;
      change([&](auto C, const DplrStep& step) { DplrLength::truncate(C, step, start); }, start);
    }
    while (length() < needed || detail::rounded(static_cast<double>(length()) / rate) < L) double_length();
  }

  // C~ for twice the length: the same kernel, known for longer.
  void double_length() {
    const index_t L = length();
    change([&](auto C, const DplrStep& step) { DplrLength::lengthen(C, step, L); }, 2 * L);
  }

 private:
  static const KernelShape& checked(const KernelShape& shape, const Options& o) {
    if (o.rank < 1 || o.rank > max_rank)
      throw_value_error("S4: rank is " + std::to_string(o.rank) + ", expected 1 to " + std::to_string(max_rank));
    if (!o.dt_tie) throw_value_error("S4: dt_tie is false, but the modes of a feature share one step");
    if (o.is_real) throw_value_error("S4: is_real is true, but real modes have no diagonal-plus-low-rank form");
    return shape;
  }

  // What l_kernel holds. On the device it is fetched once, and again after the buffer was handed out, so that a pass
  // waits for nothing and can be captured.
  double stored_length() const {
    if constexpr (std::is_same_v<D, Host>) {
      return static_cast<double>(l_kernel(0));
    } else {
      if (!stored_length_) stored_length_ = static_cast<double>(cuda::to_host(l_kernel)(0));
      return *stored_length_;
    }
  }

  // change(C as (C, H, N), A_bar) and a new length, on the host.
  template <class F>
  void change(F change_C, index_t length) {
    Tape<T, D> tape;
    tape.set_recording(false);
    DplrOnHost system(parameters.on(tape).system(1));
    const auto values = init::host_values(parameters.C.value.view());
    const TensorView<const T, 4> C = values;
    Tensor<complex<double>, 3> z(C.size(0), C.size(1), C.size(2));
    each(z, [&](complex<double>& to, index_t c, index_t h, index_t n) { to = impl::pair_at(C, c, h, n); });
    change_C(z.view(), system.step());
    init::on_host(parameters.C.value.view(), [&](TensorView<T, 4> to) {
      each(z, [&](complex<double> from, index_t c, index_t h, index_t n) {
        to(c, h, n, 0) = static_cast<T>(from.re);
        to(c, h, n, 1) = static_cast<T>(from.im);
      });
    });
    init::constant(l_kernel.view(), static_cast<T>(length));
    stored_length_ = static_cast<double>(static_cast<T>(length));
  }

  template <class F>
  static void each(Tensor<complex<double>, 3>& z, F f) {
    for (index_t c = 0; c < z.size(0); ++c)
      for (index_t h = 0; h < z.size(1); ++h)
        for (index_t n = 0; n < z.size(2); ++n) f(z(c, h, n), c, h, n);
  }

  mutable std::optional<double> stored_length_;  // of the device's buffer
};

template <class T, device D = Host>
using S4 = SsmLayer<DplrKernel<T, D>>;

}  // namespace longwave
