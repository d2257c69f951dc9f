// adamw.hpp - Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW.
//
//   p = (1 - lr weight_decay) p, then Adam's step (adam.hpp) on the plain gradient
#pragma once

#include "longwave/optim/adam.hpp"

namespace longwave {

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

template <class T, device D = Host>
class AdamW : public AdamFamily<T, D, true> {
 public:
  explicit AdamW(std::vector<ParameterRef<T, D>> parameters, AdamWOptions options = {})
      : AdamFamily<T, D, true>("AdamW", std::move(parameters), options) {}
  template <module_like Module>
  explicit AdamW(Module& module, AdamWOptions options = {}) : AdamW(longwave::parameters<T, D>(module), options) {}
};

template <module_like Module>
AdamW(Module&, AdamWOptions = {}) -> AdamW<detail::module_value<Module>, detail::module_device<Module>>;

}  // namespace longwave
