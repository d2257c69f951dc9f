// activation.hpp - activations that are chosen by an option: names, on a tape, and for one sample.
//
// none, gelu (exact), relu, elu, tanh, sigmoid, silu, softplus, hardswish, hardtanh, hardsigmoid and hardshrink keep
// the width; glu halves it: first half times sigmoid(second half).
#pragma once

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/core/names.hpp"

namespace longwave {

inline constexpr Named<Activation> activation_names[] = {{"id", Activation::none},
                                                         {"identity", Activation::none},
                                                         {"linear", Activation::none},
                                                         {"none", Activation::none},
                                                         {"gelu", Activation::gelu},
                                                         {"relu", Activation::relu},
                                                         {"elu", Activation::elu},
                                                         {"tanh", Activation::tanh},
                                                         {"sigmoid", Activation::sigmoid},
                                                         {"silu", Activation::silu},
                                                         {"swish", Activation::silu},
                                                         {"softplus", Activation::softplus},
                                                         {"hardswish", Activation::hardswish},
                                                         {"hardtanh", Activation::hardtanh},
                                                         {"hardsigmoid", Activation::hardsigmoid},
                                                         {"hardshrink", Activation::hardshrink},
                                                         {"glu", Activation::glu}};

inline Activation parse_activation(std::string_view name) {
  return value_of_name("activation", name, activation_names);
}
inline std::string to_string(Activation activation) { return std::string(name_of_value(activation, activation_names)); }

namespace detail {

// f(rule) for an activation that maps single numbers; nothing for none and glu.
template <class F>
void with_rule(Activation activation, F f) {
  switch (activation) {
    case Activation::gelu:
      return f(GeluRule());
    case Activation::relu:
      return f(ReluRule());
    case Activation::elu:
      return f(EluRule());
    case Activation::tanh:
      return f(TanhRule());
    case Activation::sigmoid:
      return f(SigmoidRule());
    case Activation::silu:
      return f(SiluRule());
    case Activation::softplus:
      return f(SoftplusRule());
    case Activation::hardswish:
      return f(HardswishRule());
    case Activation::hardtanh:
      return f(HardtanhRule());
    case Activation::hardsigmoid:
      return f(HardsigmoidRule());
    case Activation::hardshrink:
      return f(HardshrinkRule());
    case Activation::none:
    case Activation::glu:
      return;
  }
}

}  // namespace detail

// glu along `axis`, the others number by number.
template <class T, int N, device D>
Var<T, N, D> activate(Var<T, N, D> x, Activation activation, int axis) {
  if (activation == Activation::glu) return glu(x, axis);
  detail::with_rule(activation, [&](auto rule) { x = unary(x, rule); });
  return x;
}

namespace impl {

// x (n) in place; returns how many numbers are left.
template <class T>
index_t activate_step(T* x, index_t n, Activation activation) noexcept {
  if (activation == Activation::glu) {
    n /= 2;
    for (index_t i = 0; i < n; ++i) x[i] *= math::sigmoid(x[n + i]);
    return n;
  }
  detail::with_rule(activation, [=](auto rule) {
    for (index_t i = 0; i < n; ++i) x[i] = rule.value(x[i]);
  });
  return n;
}

}  // namespace impl
}  // namespace longwave
