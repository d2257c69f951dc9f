// ssm_kernel.hpp - what the layer template SsmLayer (ssm_layer.hpp) asks of a kernel: a module with its own options.
//
//   template <class T, device D = Host>
//   struct MyKernel {
//     using value_type = T;
//     using device_type = D;
//     struct Options {};                                         // what this kernel can be asked for
//     MyKernel(const KernelShape& shape, const Options& options, Generator& gen);
//     template <class F> void for_each_parameter(F&& f);         // names as in the official state dict
//     MyVars<T, D> on(Tape<T, D>& tape);                         // what ssm() takes (state_space/ssm.hpp)
//   };
//
// Optional: void prepare(index_t L, double rate), called before a pass over L samples and outside of the tape, for
// kernels that adapt to the length; for_each_buffer(f).
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/random.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

// What a layer tells its kernel. Steps are drawn log-uniformly from [dt_min, dt_max].
struct KernelShape {
  index_t channels = 1;  // kernels per feature; a two-sided layer asks for twice as many
  index_t d_model = 64;  // H
  index_t d_state = 64;  // N, counted as the kernel's paper counts it
  double dt_min = 1e-3;
  double dt_max = 1e-1;
  double lr = ParameterGroup::unset;  // own learning rate of dt and A (and B), unset: the kernel's usual one
  index_t l_max = 0;                  // samples of the longest kernel at rate 1, 0: unknown
};

template <class K>
concept kernel_module = requires(K& kernel, Tape<typename K::value_type, typename K::device_type>& tape,
                                 const typename K::Options& options, Generator& gen) {
  K(KernelShape(), options, gen);
  kernel.for_each_parameter(detail::AnyVisitor());
  {kernel.on(tape).sizes()};
};

namespace detail {

// `paired`: modes come in conjugate pairs, d_state counts both.
inline void check_kernel_shape(const char* who, const KernelShape& s, bool paired) {
  const std::string name(who);
  if (s.channels < 1) throw_value_error(name + ": channels is " + std::to_string(s.channels) + ", expected at least 1");
  if (s.d_model < 1) throw_value_error(name + ": d_model is " + std::to_string(s.d_model) + ", expected at least 1");
  if (paired && (s.d_state < 2 || s.d_state % 2 != 0))
    throw_value_error(name + ": d_state is " + std::to_string(s.d_state) +
                      ", expected an even number of at least 2 (modes come in conjugate pairs)");
  if (s.d_state < 1) throw_value_error(name + ": d_state is " + std::to_string(s.d_state) + ", expected at least 1");
  if (!(s.dt_min > 0 && s.dt_min <= s.dt_max && std::isfinite(s.dt_max)))
    throw_value_error(name + ": dt_min is " + std::to_string(s.dt_min) + " and dt_max " + std::to_string(s.dt_max) +
                      ", expected 0 < dt_min <= dt_max");
}

}  // namespace detail
}  // namespace longwave
