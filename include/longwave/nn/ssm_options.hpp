// ssm_options.hpp - what a state-space layer can be asked for (ssm_layer.hpp), and in which flavour a kernel comes.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "longwave/nn/activation.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/ssm_kernel.hpp"
#include "longwave/state_space/ssm_forms.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave {

// How the layer around a kernel is set up if nothing else is asked for, and what its members are called in a state
// dict. A kernel names its own: `using Flavour = S4BlockFlavour;`. This one is for those that do not: the minimal
// layer.
struct PlainFlavour {
  static constexpr const char* name = "SsmLayer";
  static constexpr const char* inner = "";  // before the names of D and of the kernel
  static constexpr Activation final_act = Activation::glu;
  static constexpr bool indexed_output = true;  // output_linear.0.*, else output_linear.* where there is no final_act
  static constexpr int output_rank = 3;         // of output_linear's weight: (O, I, 1), or 2: (O, I)
  static constexpr bool drop_before = false;    // dropout before the activation, too
  static constexpr bool tie_dropout = true;
};

struct S4DFlavour : PlainFlavour {  // the minimal S4D of the S4 repository
  static constexpr const char* name = "S4D";
};

struct S4BlockFlavour : PlainFlavour {  // its S4Block, version 4
  static constexpr const char* name = "S4Block";
  static constexpr const char* inner = "layer.";
  static constexpr int output_rank = 2;
  static constexpr bool drop_before = true;
  static constexpr bool tie_dropout = false;
};

struct DssFlavour : PlainFlavour {  // the DSS layer
  static constexpr const char* name = "DSS";
  static constexpr Activation final_act = Activation::none;
  static constexpr bool indexed_output = false;
  static constexpr int output_rank = 2;
};

namespace detail {

template <class Kernel>
struct FlavourOf {
  using type = PlainFlavour;
};
template <class Kernel>
  requires requires { typename Kernel::Flavour; }
struct FlavourOf<Kernel> {
  using type = typename Kernel::Flavour;
};

}  // namespace detail

template <class Flavour, class KernelOptions>
struct SsmOptions {
  index_t d_model = 64;  // H
  index_t d_state = 64;  // N, counted as the kernel's paper counts it
  double dropout = 0;    // in training
  double dt_min = 1e-3;  // steps are drawn log-uniformly from [dt_min, dt_max]
  double dt_max = 1e-1;
  double lr = ParameterGroup::unset;  // own learning rate of the kernel's dt and A; they never decay
  index_t channels = 1;               // kernels per feature
  bool bidirectional = false;
  Activation activation = Activation::gelu;            // glu: twice the kernels, over the flattened channels
  std::optional<Activation> hyper_act = std::nullopt;  // twice the kernels: first half times hyper_act(second half)
  index_t gate = 0;                                    // g > 0: multiply with gate_act(W u), g d_model wide
  Activation gate_act = Activation::none;
  index_t bottleneck = 0;                     // b > 0: the kernel sees d_model / b features
  Activation mult_act = Activation::none;     // after the gate
  Activation final_act = Flavour::final_act;  // after the output's linear map
  bool output_linear = true;                  // false: no linear map, the output is d_output() wide
  bool weight_norm = false;                   // of all linear maps
  bool tie_dropout = Flavour::tie_dropout;    // one draw for all of the length
  double drop_kernel = 0;                     // dropout of the kernels' samples, in training
  bool swap_channels = false;                 // flattened channels h C + c, not c H + h
  index_t l_max = 0;                          // samples of the kernel (at rate 1), 0: as many as the input has
  Algorithm algorithm = Algorithm::auto_;     // of kernels that are diagonal
  StepMode step_mode = StepMode::linear;      // of kernels that are not
  KernelOptions kernel = {};
};

// What one pass may add: positions from lengths[b] on count as zero, and dt is multiplied by rate.
template <device D>
struct SsmRunOn {
  TensorView<const index_t, 1, D> lengths = {};  // (B), must stay as it is until backward has run; left out: all of L
  double rate = 1;
};
using SsmRun = SsmRunOn<Host>;

namespace detail {

// The widths that follow from the options. H: features, C: channels.
struct SsmWidths {
  index_t H = 0;          // of the input
  index_t H_inner = 0;    // that the kernel sees
  index_t C_inner = 0;    // of the kernel's output, those for hyper_act and glu included
  index_t kernels = 0;    // per feature, both directions
  index_t activated = 0;  // after the activation: C H_inner
  index_t gated = 0;      // after the gate
  index_t output = 0;
};

template <class Options>
SsmWidths ssm_widths(const Options& o) {
  SsmWidths w;
  w.H = o.d_model;
  w.H_inner = o.bottleneck > 0 ? o.d_model / o.bottleneck : o.d_model;
  w.C_inner = o.channels * (o.activation == Activation::glu ? 2 : 1) * (o.hyper_act ? 2 : 1);
  w.kernels = w.C_inner * (o.bidirectional ? 2 : 1);
  w.activated = o.channels * w.H_inner;
  w.gated = o.gate > 0 ? o.gate * o.d_model : w.activated;
  w.output = o.output_linear ? o.d_model : w.gated;
  return w;
}

inline void check_share(const char* layer, const char* option, double value) {
  if (!(value >= 0 && value < 1))
    throw_value_error(std::string(layer) + ": " + option + " is " + std::to_string(value) + ", expected [0, 1)");
}

template <class Options>
const Options& checked_ssm_options(const char* layer, const Options& o) {
  check_at_least(layer, "d_model", o.d_model, 1);
  check_at_least(layer, "channels", o.channels, 1);
  check_at_least(layer, "gate", o.gate, 0);
  check_at_least(layer, "bottleneck", o.bottleneck, 0);
  check_at_least(layer, "l_max", o.l_max, 0);
  check_share(layer, "dropout", o.dropout);
  check_share(layer, "drop_kernel", o.drop_kernel);
  if (o.bottleneck > 0 && o.d_model % o.bottleneck != 0)
    throw_value_error(std::string(layer) + ": bottleneck is " + std::to_string(o.bottleneck) +
                      ", expected a divisor of d_model = " + std::to_string(o.d_model));
  for (const auto& [option, value] :
       {std::pair("hyper_act", o.hyper_act.value_or(Activation::none)), std::pair("mult_act", o.mult_act)})
    if (value == Activation::glu)
      throw_value_error(std::string(layer) + ": " + option +
                        " is glu, which halves the width; expected one of none, gelu, relu, elu, tanh, sigmoid, silu, "
                        "softplus, hardswish, hardtanh, hardsigmoid, hardshrink");
  return o;
}

}  // namespace detail
}  // namespace longwave
