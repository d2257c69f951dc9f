// module.hpp - what makes a struct a module: members that are parameters, and one function that names them.
//
//   template <class F>
//   void for_each_parameter(F&& f) {            // f(name, Parameter&); names as in the official state dicts
//     f("weight", weight);
//     visit("kernel.", kernel, f);              // a module inside this one
//   }
//
// A module with buffers (numbers that are saved but not trained) has for_each_buffer(f) as well: f(name, Tensor&).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/nn/parameter.hpp"

namespace longwave {

namespace detail {

struct AnyVisitor {
  template <class P>
  void operator()(const std::string&, P&) const {}
};

// The scalar and device of a module: its members value_type and device_type, else those of a template M<T, D>.
template <class M>
struct ModuleTypes;

template <class M>
  requires requires { typename M::value_type; }
struct ModuleTypes<M> {
  using value_type = typename M::value_type;
  using device_type = typename M::device_type;
};

template <template <class, device> class M, class T, class D>
  requires(!requires { typename M<T, D>::value_type; })
struct ModuleTypes<M<T, D>> {
  using value_type = T;
  using device_type = D;
};

template <class M>
using module_value = typename ModuleTypes<M>::value_type;
template <class M>
using module_device = typename ModuleTypes<M>::device_type;

}  // namespace detail

// A struct with for_each_parameter.
template <class M>
concept module_like = requires(M& module, detail::AnyVisitor visitor) {
  module.for_each_parameter(visitor);
};

// f over the parameters of `child`, their names prefixed.
template <class Module, class F>
void visit(const std::string& prefix, Module& child, F&& f) {
  child.for_each_parameter([&](const std::string& name, auto& parameter) { f(prefix + name, parameter); });
}

template <class Module, class F>
void visit_buffers(const std::string& prefix, Module& child, F&& f) {
  auto prefixed = [&](const std::string& name, auto& buffer) { f(prefix + name, buffer); };
  if constexpr (requires { child.for_each_buffer(prefixed); }) child.for_each_buffer(prefixed);
}

// All trained parameters, in the module's order.
template <class T, device D = Host, class Module>
std::vector<ParameterRef<T, D>> parameters(Module& module) {
  std::vector<ParameterRef<T, D>> refs;
  module.for_each_parameter([&](const std::string& name, auto& p) {
    if (p.group.trainable) refs.push_back(detail::parameter_ref(name, p.value, p.grad.data(), p.group));
  });
  return refs;
}

// Everything a checkpoint of the module holds: parameters, trained or not, then buffers.
template <class T, device D = Host, class Module>
std::vector<ParameterRef<T, D>> state(Module& module) {
  std::vector<ParameterRef<T, D>> refs;
  module.for_each_parameter([&](const std::string& name, auto& p) {
    refs.push_back(detail::parameter_ref(name, p.value, p.grad.data(), p.group));
  });
  visit_buffers("", module, [&](const std::string& name, auto& buffer) {
    refs.push_back(detail::parameter_ref(name, buffer, static_cast<T*>(nullptr), ParameterGroup{.trainable = false}));
  });
  return refs;
}

template <class Module>
index_t count_parameters(Module& module) {
  index_t n = 0;
  module.for_each_parameter([&](const std::string&, auto& p) { n += p.value.count(); });
  return n;
}

}  // namespace longwave
