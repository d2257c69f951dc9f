// sequential.hpp - layers applied one after the other. A layer is anything that is called with (tape, x): modules, and
// functions such as
//
//   Sequential net(Linear<float>({.in = 2, .out = 16}, gen), [](auto&, auto x) { return gelu(x); },
//                  Linear<float>({.in = 16, .out = 1}, gen));
//
// Parameters and buffers are named by position: "0.weight", "2.bias".
#pragma once

#include <string>
#include <tuple>
#include <utility>

#include "longwave/nn/module.hpp"

namespace longwave {

namespace detail {

// The first of the layers that knows its scalar and device.
template <class... Layers>
struct FirstTypes {};
template <class Layer, class... Rest>
struct FirstTypes<Layer, Rest...> : FirstTypes<Rest...> {};
template <class Layer, class... Rest>
  requires requires { typename ModuleTypes<Layer>::value_type; }
struct FirstTypes<Layer, Rest...> {
  using value_type = module_value<Layer>;
  using device_type = module_device<Layer>;
};

}  // namespace detail

template <class... Layers>
struct Sequential : detail::FirstTypes<Layers...> {
  static_assert(sizeof...(Layers) > 0, "Sequential needs a layer");

  std::tuple<Layers...> layers;

  explicit Sequential(Layers... layers_) : layers(std::move(layers_)...) {}

  template <std::size_t I>
  auto& get() {
    return std::get<I>(layers);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    for_each([&](const std::string& prefix, auto& layer) {
      if constexpr (module_like<std::remove_reference_t<decltype(layer)>>) visit(prefix, layer, f);
    });
  }
  template <class F>
  void for_each_buffer(F&& f) {
    for_each([&](const std::string& prefix, auto& layer) { visit_buffers(prefix, layer, f); });
  }

  template <class Tape, class X>
  auto operator()(Tape& tape, X x) {
    return apply<0>(tape, x);
  }

 private:
  template <class F>
  void for_each(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(std::to_string(I) + ".", std::get<I>(layers)), ...); }
    (std::index_sequence_for<Layers...>());
  }

  template <std::size_t I, class Tape, class X>
  auto apply(Tape& tape, X x) {
    if constexpr (I == sizeof...(Layers))
      return x;
    else
      return apply<I + 1>(tape, std::get<I>(layers)(tape, x));
  }
};

}  // namespace longwave
