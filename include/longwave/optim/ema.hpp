// ema.hpp - exponential moving average of the parameters, to evaluate or sample with.
//
//   average = decay average + (1 - decay) p            starts as a copy of the parameters
//   with warm_up: decay = min(decay, (1 + n) / (10 + n)) at update n = 0, 1, ..., so that early weights fade quickly
//
//   ema.update();                        // after each step of the optimiser
//   ema.swap_in();  evaluate();  ema.swap_out();
//
// On the device an update is one launch, and in a captured step it counts on from the captured one.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "longwave/optim/optimizer.hpp"

namespace longwave {

namespace impl {

template <class T>
void ema_update(const Updates<T, Host>& updates, const EmaNumbers& s) {
  const double n = static_cast<double>(s.updates);
  const T rest = static_cast<T>(1 - (s.warm_up ? std::min(s.decay, (1 + n) / (10 + n)) : s.decay));
  for (index_t k = 0; k < updates.list.size(0); ++k)
    parallel_blocks(updates.list(k).count, 1 << 15, [=, u = updates.list(k)](index_t begin, index_t end) {
      T* __restrict a = u.first;
      const T* __restrict x = u.value;
      for (index_t i = begin; i < end; ++i) a[i] += rest * (x[i] - a[i]);
    });
}

template <class T>
void swap_values(const Updates<T, Host>& updates) {
  for (index_t k = 0; k < updates.list.size(0); ++k)
    parallel_blocks(updates.list(k).count, 1 << 15, [u = updates.list(k)](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) std::swap(u.first[i], u.value[i]);
    });
}

}  // namespace impl

struct EmaOptions {
  double decay = 0.999;
  bool warm_up = false;
};

template <class T, device D = Host>
class Ema {
 public:
  explicit Ema(std::vector<ParameterRef<T, D>> parameters, EmaOptions options = {})
      : parameters_(std::move(parameters)), options_(options) {
    detail::check_option("Ema", "decay", options.decay, options.decay >= 0 && options.decay < 1, "[0, 1)");
    std::vector<impl::Update<T>> list;
    for (const ParameterRef<T, D>& p : parameters_) {
      average_.emplace_back(p.count);
      if (p.count > 0) Memory<D>::copy(average_.back().data(), p.value, average_.back().bytes());
      list.push_back({.value = p.value, .first = average_.back().data(), .count = p.count});
    }
    list_ = detail::UpdateList<T, D>(list);
  }
  template <module_like Module>
  explicit Ema(Module& module, EmaOptions options = {}) : Ema(longwave::parameters<T, D>(module), options) {}

  void update() {
    if (swapped_) throw_value_error("Ema: update() while the averages are swapped in; call swap_out() first");
    impl::ema_update(list_.updates(), impl::EmaNumbers{options_.decay, options_.warm_up, updates_++});
  }

  // Exchanges averages and parameters, bit for bit; training goes on after swap_out().
  void swap_in() {
    if (swapped_) throw_value_error("Ema: the averages are swapped in already");
    swap();
  }
  void swap_out() {
    if (!swapped_) throw_value_error("Ema: the averages are not swapped in");
    swap();
  }
  bool swapped() const { return swapped_; }

  // "ema.<parameter>"; with updates(), all that a checkpoint keeps. Valid while swapped out.
  std::vector<ParameterRef<T, D>> state() {
    std::vector<ParameterRef<T, D>> refs;
    for (std::size_t i = 0; i < average_.size(); ++i) {
      const ParameterRef<T, D>& p = parameters_[i];
      refs.push_back(
          {"ema." + p.name, p.shape, average_[i].data(), nullptr, p.count, ParameterGroup{.trainable = false}});
    }
    return refs;
  }
  index_t updates() const { return updates_; }
  void set_updates(index_t updates) { updates_ = updates; }

 private:
  void swap() {
    impl::swap_values(list_.updates());
    swapped_ = !swapped_;
  }

  std::vector<ParameterRef<T, D>> parameters_;
  std::vector<Tensor<T, 1, D>> average_;
  detail::UpdateList<T, D> list_;
  EmaOptions options_;
  index_t updates_ = 0;
  bool swapped_ = false;
};

template <module_like Module>
Ema(Module&, EmaOptions = {}) -> Ema<detail::module_value<Module>, detail::module_device<Module>>;

}  // namespace longwave
