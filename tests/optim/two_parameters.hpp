// two_parameters.hpp - the smallest module with two parameter groups, and one problem to train it on.
#pragma once

#include <string>

#include "check.hpp"
#include "longwave/nn/module.hpp"

namespace longwave::test {

template <class T, device D = Host>
struct TwoParameters {
  Parameter<T, 2, D> a{{3, 2}};
  Parameter<T, 1, D> b{{4}};

  explicit TwoParameters(ParameterGroup group_of_b = {}, std::uint64_t seed = 1) {
    b.group = group_of_b;
    Generator gen(seed);
    gen.normal(a.value.view());
    gen.normal(b.value.view());
  }
  template <class F>
  void for_each_parameter(F&& f) {
    f("a", a);
    f("b", b);
  }
  void fill_gradients(std::uint64_t seed) {
    Generator gen(seed, 7);
    gen.normal(a.grad.view());
    gen.normal(b.grad.view());
  }
};

}  // namespace longwave::test
