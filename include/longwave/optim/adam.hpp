// adam.hpp - Adam (Kingma and Ba 2015), as torch.optim.Adam.
//
//   g = grad + weight_decay p
//   m = beta1 m + (1 - beta1) g              "exp_avg"
//   v = beta2 v + (1 - beta2) g^2            "exp_avg_sq"
//   p = p - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)          t = 1, 2, ... the step
//
// AdamW (adamw.hpp) takes weight_decay out of g and scales p by 1 - lr weight_decay instead; both are AdamFamily.
// The numbers of a step are computed in double, the moments are kept in T.
#pragma once

#include <cmath>

#include "longwave/optim/optimizer.hpp"

namespace longwave {

namespace impl {

struct AdamStep {
  double beta1, beta2;
  double rate;   // lr / (1 - beta1^t)
  double scale;  // 1 / sqrt(1 - beta2^t)
  double eps;
  double gradient_decay;  // added to g, times p
  double keep;            // p is multiplied by it first
};

// All of one size. Zeroes the gradient.
template <class T>
void adam_step(TensorView<T, 1, Host> p, TensorView<T, 1, Host> grad, TensorView<T, 1, Host> m,
               TensorView<T, 1, Host> v, const AdamStep& s) {
  const T beta1 = static_cast<T>(s.beta1), rest1 = static_cast<T>(1 - s.beta1);
  const T beta2 = static_cast<T>(s.beta2), rest2 = static_cast<T>(1 - s.beta2);
  const T rate = static_cast<T>(s.rate), scale = static_cast<T>(s.scale), eps = static_cast<T>(s.eps);
  const T decay = static_cast<T>(s.gradient_decay), keep = static_cast<T>(s.keep);
  parallel_blocks(p.size(0), 1 << 14, [=](index_t begin, index_t end) {
    T* __restrict pp = p.data();
    T* __restrict gg = grad.data();
    T* __restrict mm = m.data();
    T* __restrict vv = v.data();
    for (index_t i = begin; i < end; ++i) {
      const T before = keep * pp[i];
      const T g = gg[i] + decay * pp[i];
      mm[i] = beta1 * mm[i] + rest1 * g;
      vv[i] = beta2 * vv[i] + rest2 * g * g;
      pp[i] = before - rate * mm[i] / (std::sqrt(vv[i]) * scale + eps);
      gg[i] = 0;
    }
  });
}

template <class T>
void adam_step(const Updates<T, Host>& updates, const AdamNumbers& s) {
  const double t = static_cast<double>(s.steps);
  const double correction1 = 1 - std::pow(s.beta1, t), correction2 = 1 - std::pow(s.beta2, t);
  for (index_t i = 0; i < updates.list.size(0); ++i) {
    const Update<T>& u = updates.list(i);
    const Extents<1> n{u.count};
    const double lr = u.lr * *updates.lr_factor;
    adam_step(TensorView<T, 1>(u.value, n), TensorView<T, 1>(u.grad, n), TensorView<T, 1>(u.first, n),
              TensorView<T, 1>(u.second, n),
              AdamStep{s.beta1, s.beta2, lr / correction1, 1 / std::sqrt(correction2), s.eps,
                       s.decoupled ? 0 : u.weight_decay, s.decoupled ? 1 - lr * u.weight_decay : 1});
  }
}

}  // namespace impl

// decoupled: weight decay beside the gradient (AdamW), not in it (Adam).
template <class T, device D, bool decoupled>
class AdamFamily : public Optimizer<T, D> {
 public:
  // Moves every parameter by its gradient and sets the gradient to zero.
  void step() {
    this->count_step();
    impl::adam_step(this->updates(), impl::AdamNumbers{beta1_, beta2_, eps_, decoupled, this->steps()});
  }

  // "exp_avg.<parameter>" of all parameters, then "exp_avg_sq.<parameter>".
  std::vector<ParameterRef<T, D>> state() {
    std::vector<ParameterRef<T, D>> refs;
    this->append_moments(refs, "exp_avg", m_);
    this->append_moments(refs, "exp_avg_sq", v_);
    return refs;
  }

 protected:
  template <class Options>
  AdamFamily(const char* name, std::vector<ParameterRef<T, D>> parameters, const Options& options)
      : Optimizer<T, D>(name, std::move(parameters), options.lr, options.weight_decay),
        beta1_(options.beta1),
        beta2_(options.beta2),
        eps_(options.eps),
        m_(this->make_moments()),
        v_(this->make_moments()) {
    detail::check_option(name, "beta1", beta1_, beta1_ >= 0 && beta1_ < 1, "[0, 1)");
    detail::check_option(name, "beta2", beta2_, beta2_ >= 0 && beta2_ < 1, "[0, 1)");
    detail::check_rate(name, "eps", eps_);
    this->list_updates(m_, &v_);
  }

 private:
  double beta1_, beta2_, eps_;
  std::vector<Tensor<T, 1, D>> m_, v_;
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};

template <class T, device D = Host>
class Adam : public AdamFamily<T, D, false> {
 public:
  explicit Adam(std::vector<ParameterRef<T, D>> parameters, AdamOptions options = {})
      : AdamFamily<T, D, false>("Adam", std::move(parameters), options) {}
  template <module_like Module>
  explicit Adam(Module& module, AdamOptions options = {}) : Adam(longwave::parameters<T, D>(module), options) {}
};

template <module_like Module>
Adam(Module&, AdamOptions = {}) -> Adam<detail::module_value<Module>, detail::module_device<Module>>;

}  // namespace longwave
