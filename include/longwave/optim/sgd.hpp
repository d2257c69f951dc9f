// sgd.hpp - stochastic gradient descent with momentum, as torch.optim.SGD (dampening 0).
//
//   g = grad + weight_decay p
//   v = momentum v + g                       v = 0 at first; without momentum there is no v
//   p = p - lr (g + momentum v)  if nesterov,  p - lr v  else
#pragma once

#include "longwave/optim/optimizer.hpp"

namespace longwave {

namespace impl {

// Zeroes the gradient. The velocity is not touched without momentum.
template <class T>
void sgd_step(const Update<T>& u, double lr_factor, const SgdNumbers& s) {
  const T lr = static_cast<T>(u.lr * lr_factor), momentum = static_cast<T>(s.momentum);
  const T decay = static_cast<T>(u.weight_decay);
  const T g_share = s.nesterov ? T(1) : T(0), v_share = s.nesterov ? momentum : T(1);
  parallel_blocks(u.count, 1 << 15, [=](index_t begin, index_t end) {
    T* __restrict pp = u.value;
    T* __restrict gg = u.grad;
    if (momentum == 0) {
      for (index_t i = begin; i < end; ++i) {
        pp[i] -= lr * (gg[i] + decay * pp[i]);
        gg[i] = 0;
      }
    } else {
      T* __restrict vv = u.first;
      for (index_t i = begin; i < end; ++i) {
        const T g = gg[i] + decay * pp[i];
        vv[i] = momentum * vv[i] + g;
        pp[i] -= lr * (g_share * g + v_share * vv[i]);
        gg[i] = 0;
      }
    }
  });
}

template <class T>
void sgd_step(const Updates<T, Host>& updates, const SgdNumbers& s) {
  for (index_t i = 0; i < updates.list.size(0); ++i) sgd_step(updates.list(i), *updates.lr_factor, s);
}

}  // namespace impl

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

template <class T, device D = Host>
class Sgd : public Optimizer<T, D> {
 public:
  explicit Sgd(std::vector<ParameterRef<T, D>> parameters, SgdOptions options = {})
      : Optimizer<T, D>("Sgd", std::move(parameters), options.lr, options.weight_decay), options_(options) {
    detail::check_rate("Sgd", "momentum", options.momentum);
    detail::check_option("Sgd", "momentum", options.momentum, !options.nesterov || options.momentum > 0,
                         "more than 0 with nesterov");
    if (options.momentum != 0) velocity_ = this->make_moments();
    this->list_updates(velocity_);
  }
  template <module_like Module>
  explicit Sgd(Module& module, SgdOptions options = {}) : Sgd(longwave::parameters<T, D>(module), options) {}

  // Moves every parameter by its gradient and sets the gradient to zero.
  void step() {
    impl::sgd_step(this->updates(), impl::SgdNumbers{options_.momentum, options_.nesterov});
    this->count_step();
  }

  // "momentum_buffer.<parameter>"; none without momentum.
  std::vector<ParameterRef<T, D>> state() {
    std::vector<ParameterRef<T, D>> refs;
    this->append_moments(refs, "momentum_buffer", velocity_);
    return refs;
  }

 private:
  SgdOptions options_;
  std::vector<Tensor<T, 1, D>> velocity_;
};

template <module_like Module>
Sgd(Module&, SgdOptions = {}) -> Sgd<detail::module_value<Module>, detail::module_device<Module>>;

}  // namespace longwave
