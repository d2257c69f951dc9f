// optimizer.hpp - what all optimisers share: the parameters, each with its own learning rate and weight decay, the
// schedule's factor on all of them, and the number of steps made.
//
// A parameter's group (nn/parameter.hpp) may set lr and weight_decay; what it leaves open is the optimiser's. The rate
// in use is the parameter's start rate times lr_factor(), so one schedule moves all groups in proportion.
//
// On the device a step is one launch for all parameters and may be captured in a graph: a replay uses the factor that
// set_lr or set_lr_factor last gave on the same stream, and counts on from the captured step (cuda/stream.hpp).
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "longwave/nn/module.hpp"
#include "longwave/optim/update_list.hpp"

namespace longwave {

namespace detail {

// `ok` decides; `expected` completes "AdamW: lr is -1, expected ...".
inline void check_option(const char* op, const char* option, double value, bool ok, const char* expected) {
  if (!ok)
    throw_value_error(std::string(op) + ": " + option + " is " + std::to_string(value) + ", expected " + expected);
}

inline void check_rate(const char* op, const char* option, double value) {
  check_option(op, option, value, std::isfinite(value) && value >= 0, "a finite number of at least 0");
}

}  // namespace detail

template <class T, device D = Host>
class Optimizer {
 public:
  // They point into the module: it must outlive the optimiser, and its tensors must not be replaced by others.
  const std::vector<ParameterRef<T, D>>& parameters() const { return parameters_; }

  // The rate of parameters without one of their own, and the same for all as a factor of the start rates.
  double lr() const { return lr_ * factor_; }
  double lr_factor() const { return factor_; }
  void set_lr(double lr) {
    detail::check_rate(name_, "lr", lr);
    if (lr_ == 0) throw_value_error(std::string(name_) + ": set_lr needs a start lr above 0 to scale the groups by");
    use_factor(lr / lr_);
  }
  void set_lr_factor(double factor) {
    detail::check_rate(name_, "lr factor", factor);
    use_factor(factor);
  }

  // Steps made so far: with state(), all that a checkpoint keeps.
  index_t steps() const { return steps_; }
  void set_steps(index_t steps) {
    if (steps < 0) throw_value_error(std::string(name_) + ": steps is " + std::to_string(steps) + ", expected >= 0");
    steps_ = steps;
  }

  void zero_grad() { impl::zero_gradients(updates()); }

 protected:
  Optimizer(const char* name, std::vector<ParameterRef<T, D>> parameters, double lr, double weight_decay)
      : name_(name), parameters_(std::move(parameters)), lr_(lr) {
    detail::check_rate(name, "lr", lr);
    detail::check_rate(name, "weight_decay", weight_decay);
    if (parameters_.empty()) throw_value_error(std::string(name) + ": there is no trainable parameter");
    for (ParameterRef<T, D>& p : parameters_) {
      if (p.grad == nullptr && p.count > 0) throw_value_error(std::string(name) + ": " + p.name + " has no gradient");
      if (!p.group.has_lr()) p.group.lr = lr;
      if (!p.group.has_weight_decay()) p.group.weight_decay = weight_decay;
      detail::check_rate(name, ("lr of " + p.name).c_str(), p.group.lr);
      detail::check_rate(name, ("weight_decay of " + p.name).c_str(), p.group.weight_decay);
    }
  }

  // Makes updates() of the parameters and their moments, one for each; first may be empty.
  void list_updates(std::vector<Tensor<T, 1, D>>& first, std::vector<Tensor<T, 1, D>>* second = nullptr) {
    std::vector<impl::Update<T>> list;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const ParameterRef<T, D>& p = parameters_[i];
      list.push_back({p.value, p.grad, first.empty() ? nullptr : first[i].data(),
                      second == nullptr ? nullptr : (*second)[i].data(), p.count, p.group.lr, p.group.weight_decay});
    }
    updates_ = detail::UpdateList<T, D>(list);
  }
  impl::Updates<T, D> updates() const { return updates_.updates(); }
  void count_step() { ++steps_; }

  // One zero tensor per parameter, for moments.
  std::vector<Tensor<T, 1, D>> make_moments() const {
    std::vector<Tensor<T, 1, D>> moments;
    moments.reserve(parameters_.size());
    for (const ParameterRef<T, D>& p : parameters_) moments.emplace_back(p.count);
    return moments;
  }

  void append_moments(std::vector<ParameterRef<T, D>>& refs, const char* prefix,
                      std::vector<Tensor<T, 1, D>>& moments) const {
    for (std::size_t i = 0; i < moments.size(); ++i) {
      const ParameterRef<T, D>& p = parameters_[i];
      refs.push_back({std::string(prefix) + "." + p.name, p.shape, moments[i].data(), nullptr, p.count,
                      ParameterGroup{.trainable = false}});
    }
  }

 private:
  void use_factor(double factor) {
    factor_ = factor;
    updates_.set_lr_factor(factor);
  }

  const char* name_;
  std::vector<ParameterRef<T, D>> parameters_;  // with lr and weight_decay filled in
  double lr_;
  double factor_ = 1;
  index_t steps_ = 0;
  detail::UpdateList<T, D> updates_;
};

}  // namespace longwave
