// s4_diag.hpp - S4D in full: the official diagonal kernel with all its options, in the official block.
//
//   DiagKernel<T, D, Disc>   Disc: Zoh (default), Bilinear or Dss (state_space/discretize.hpp)
//   S4Diag<T, D, Disc>       SsmLayer around it
//
// Parameters and options: s4_parameters.hpp (init is diag-lin unless said; rank and P_scale have no meaning here).
// Formulas and gradients: state_space/kernel_diag.hpp. The minimal S4D, with fewer parameters, is s4d.hpp.
#pragma once

#include "longwave/nn/s4_parameters.hpp"
#include "longwave/nn/ssm_layer.hpp"
#include "longwave/state_space/kernel_diag.hpp"

namespace longwave {

template <class T, device D = Host, class Disc = Zoh>
struct DiagKernel {
  using value_type = T;
  using device_type = D;
  using Options = S4Options;
  using Flavour = S4BlockFlavour;

  S4Parameters<T, D> parameters;

  DiagKernel(const KernelShape& shape, const Options& options, Generator& gen)
      : parameters("S4Diag", shape, options, /*correction=*/false, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    parameters.for_each_parameter(f);
  }

  DiagVars<T, D, Disc> on(Tape<T, D>& tape) { return {parameters.on(tape)}; }
};

template <class T, device D = Host, class Disc = Zoh>
using S4Diag = SsmLayer<DiagKernel<T, D, Disc>>;

using S4DiagOptions = SsmOptions<S4BlockFlavour, S4Options>;

}  // namespace longwave
